"""Fit hypotheses: a row of numbers and a workspace for each."""

from collections.abc import Sequence

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.engine.limits import Limit, upper_limits
from darkreach.statistics.engine.toy_limits import limit_from_toys
from darkreach.statistics.grid import Hypothesis, veto_of
from darkreach.statistics.natural import limit_at_natural_lifetime
from darkreach.statistics.rows import Row, Workspace, empty_row, limits_in_fb, toys_in_fb
from darkreach.statistics.search_signal import SearchSignal
from darkreach.statistics.workspace import (
    count_observed,
    fit_channels,
    reference_cross_section,
    workspace_of,
)


def scan_hypotheses(
    templates: Templates, signal: SearchSignal, hypotheses: Sequence[Hypothesis], spec: ScanSpec
) -> tuple[list[Row], list[Workspace | None], list[Limit | None]]:
    """Rows (see `empty_row`), workspaces, and limits in units of mu (None where there is none).

    While the search is blind whatever needs the data is None. A row does not depend on the other hypotheses.
    A hypothesis with the model's own lifetime is first tested as prompt.
    """
    found = _scan_fixed_lifetimes(
        templates, signal, [Hypothesis(h.mass_GeV) if h.kind == "natural" else h for h in hypotheses], spec
    )
    for i, hypothesis in enumerate(hypotheses):
        if hypothesis.kind == "natural" and not found[i][0]["status"].startswith("vetoed"):
            found[i] = limit_at_natural_lifetime(templates, signal, hypothesis, found[i], spec)
        elif hypothesis.kind == "natural":
            found[i] = (empty_row(hypothesis) | {"status": found[i][0]["status"]}, None, None)
    rows, workspaces, limits = (list(column) for column in zip(*found, strict=True))
    return rows, workspaces, limits


def _scan_fixed_lifetimes(
    templates: Templates, signal: SearchSignal, hypotheses: Sequence[Hypothesis], spec: ScanSpec
) -> list[tuple[Row, Workspace | None, Limit | None]]:
    prepared = [_prepare(templates, signal, hypothesis, spec) for hypothesis in hypotheses]
    fitted = {i: workspace for i, (_, workspace) in enumerate(prepared) if workspace is not None}
    limits = upper_limits(fitted.values(), spec.scan.confidence_level, toys_below=spec.scan.toys_below_events)
    result: list[tuple[Row, Workspace | None, Limit | None]] = [(row, None, None) for row, _ in prepared]
    for (i, workspace), limit in zip(fitted.items(), limits, strict=True):
        row = prepared[i][0]
        row |= limits_in_fb(limit, row, spec)
        if spec.scan.toys and limit.needs_toys and not limit.status.startswith("failed"):
            row |= _from_toys(workspace, row, spec)
        result[i] = (row, workspace, limit)
    return result


def _prepare(
    templates: Templates, signal: SearchSignal, hypothesis: Hypothesis, spec: ScanSpec
) -> tuple[Row, Workspace | None]:
    """The part of a row that needs no fit, and the workspace."""
    row = empty_row(hypothesis)
    mass, lifetime = hypothesis.mass_GeV, hypothesis.lifetime_m
    veto = veto_of(mass, spec.vetoes)
    if veto is not None:
        return row | {"status": f"vetoed: {veto}"}, None
    row["efficiency"] = sum(signal.efficiencies(mass, lifetime).values())
    row["resolution_GeV"] = float(signal.resolution(np.array([mass]))[0])
    try:
        channels, row["notes"] = fit_channels(templates, signal, hypothesis, [lifetime], spec)
        workspace = workspace_of(channels, signal, hypothesis, templates.luminosity_fb, spec)
    except DarkreachError as error:
        return row | {"status": f"failed: {error}"}, None
    row["resolution_GeV"] = min(channel.sigma for channel in channels)
    row["reference_cross_section_fb"] = reference_cross_section(workspace)
    if not spec.blind:
        row["n_observed"] = count_observed(templates, signal, channels, spec)
    return row, workspace


def _from_toys(workspace: Workspace, row: Row, spec: ScanSpec) -> Row:
    """The limits again, from toys; too few toys leave the asymptotic ones, with a note."""
    seed = [spec.seed, round(1e6 * row["mass_GeV"])]
    if row["lifetime_m"] > 0:
        seed.append(round(1e9 * row["lifetime_m"]))
    seed_of_row = int(np.random.SeedSequence(seed).generate_state(1)[0])
    try:
        toys = limit_from_toys(workspace, spec.scan.toys, seed_of_row, spec.scan.confidence_level)
    except DarkreachError as error:
        return {"notes": [*row["notes"], str(error)]}
    return toys_in_fb(toys, row, spec)
