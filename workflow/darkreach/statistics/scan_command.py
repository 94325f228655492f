"""Stage `scan`: fit the hypotheses of one model in one slice of mass and lifetime."""

import argparse
import sys
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

BATCH = 256  # hypotheses between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach scan`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--output", required=True, type=Path, help="rows to write, JSON")
    parser.add_argument("--workspaces", required=True, type=Path, help="workspaces to write, zip")


def run(args: argparse.Namespace) -> int:
    """Write the rows and the workspaces of one slice; each file appears only when it is complete."""
    import json

    from darkreach.columnar.templates import read_spectra
    from darkreach.config.root import signal_model
    from darkreach.config.stages import ScanSpec, describe, read_spec
    from darkreach.files import write_whole
    from darkreach.searches.registry import search_named
    from darkreach.statistics.archive import WorkspaceArchive
    from darkreach.statistics.rows import hypothesis_of

    spec = read_spec(ScanSpec, args.spec)
    templates = read_spectra(args.templates, signal_model(spec.model))
    method = {"peak": _of_peaks, "counting": _of_counts}[search_named(spec.search).METHOD]
    hypotheses, fit = method(templates, spec)
    rows, checked = [], []
    args.workspaces.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.workspaces.with_name(args.workspaces.name + ".part")
    with WorkspaceArchive(unfinished) as archive:
        for first in range(0, len(hypotheses), BATCH):
            found = fit(hypotheses[first : first + BATCH])
            for row, workspace, limit in zip(*found, strict=True):
                rows.append(row)
                if workspace is not None and limit is not None:
                    archive.add(hypothesis_of(row), workspace)
                    if is_checked(hypothesis_of(row), spec):
                        checked.append((row, workspace, limit))
            print(f"{spec.model}: {len(rows)} of {len(hypotheses)} hypotheses", file=sys.stderr, flush=True)
    result = {
        "spec": describe(spec),
        "luminosity_fb": templates.luminosity_fb,
        "referee": _second_opinion(checked, spec),
        "rows": rows,
    }
    unfinished.replace(args.workspaces)
    write_whole(args.output, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    return 0


def is_checked(hypothesis: Any, spec: Any) -> bool:
    """Whether pyhf computes a hypothesis again: a share of them, whatever slices or ranges there are."""
    name = f"{spec.search} {spec.model} {hypothesis.name}"
    return int(sha256(name.encode()).hexdigest()[:8], 16) < spec.scan.referee_share * 2**32


def _second_opinion(checked: Sequence[tuple[Any, Any, Any]], spec: Any) -> list[dict[str, Any]]:
    """What pyhf says of rows, from their workspaces and limits."""
    from darkreach.statistics.engine.referee import referee

    scan = spec.scan
    workspaces, limits = [workspace for _, workspace, _ in checked], [limit for *_, limit in checked]
    report = referee(
        workspaces, limits, len(checked), spec.seed, scan.confidence_level, scan.referee_tolerance
    )
    print(f"{spec.model}: {report.summary}", file=sys.stderr, flush=True)
    which = ("mass_GeV", "lifetime_m", "lifetime_hypothesis")
    return [
        {key: checked[c.index][0][key] for key in which}
        | {"difference": _plain(c.difference), "verdict": c.verdict}
        for c in report.comparisons
    ]


def _of_peaks(templates: Any, spec: Any) -> tuple[Sequence[Any], Callable]:
    """Hypotheses of a search for a peak, and what fits some of them."""
    from darkreach.statistics.grid import hypotheses_of_scan
    from darkreach.statistics.scan import scan_hypotheses
    from darkreach.statistics.search_signal import signal_of

    signal = signal_of(templates, spec)
    return hypotheses_of_scan(signal, spec), lambda some: scan_hypotheses(templates, signal, some, spec)


def _of_counts(templates: Any, spec: Any) -> tuple[Sequence[Any], Callable]:
    """Hypotheses of a search that counts events, and what fits some of them."""
    from darkreach.statistics.counting import counting_hypotheses, scan_counting

    return counting_hypotheses(templates, spec), lambda some: scan_counting(templates, some, spec)


def _plain(number: float) -> float | None:
    return number if number == number else None  # NaN: pyhf has no result
