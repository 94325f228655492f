"""The account of one search: what went into its templates, as plain values for JSON."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from darkreach.columnar.block_account import BlockAccount
from darkreach.columnar.sums import SampleSums
from darkreach.columnar.templates import Templates
from darkreach.config.stages import MergeSpec


def merge_account(
    spec: MergeSpec, samples: Mapping[str, SampleSums], scales: Mapping[str, float], templates: Templates
) -> dict[str, Any]:
    """The account; `expected` are yields at the luminosity of the data, `total_fb` is what was read."""
    blocks = [account for sums in samples.values() for account in sums.blocks]
    expected = templates.expected_candidates()
    observed = {
        name: None if channel.data is None else float(channel.data.sum())
        for name, channel in templates.channels.items()
    }
    return {
        "search": spec.search,
        "blind": spec.blind,
        "tolerance": spec.tolerance,
        "luminosity_fb": {
            "blocks": {
                account.name: account.luminosity_read_fb for account in blocks if account.kind == "data"
            },
            "catalogued_fb": float(
                sum((sums.luminosity_catalogued for sums in samples.values()), Fraction(0))
            ),
            "total_fb": templates.luminosity_fb,
        },
        "missing": templates.missing,
        "observed_candidates": None if None in observed.values() else sum(filter(None, observed.values())),
        "expected_candidates": sum(expected.values()),
        "channels": {
            name: {
                "observed_candidates": observed[name],
                "expected_candidates": {s: float(v.sum()) for s, (v, _) in channel.backgrounds.items()},
            }
            for name, channel in templates.channels.items()
        },
        "samples": {
            name: _of_sample(sums, scales[name], expected.get(name)) for name, sums in samples.items()
        },
        "blocks": [_of_block(account) for account in blocks],
    }


def _of_sample(sums: SampleSums, scale: float, expected: float | None) -> dict[str, Any]:
    is_background = sums.kind == "background"
    rows: dict[str, int] = {}
    weights: dict[str, Fraction] = {}
    for account in sums.blocks:
        for step in account.cutflow:
            rows[step.cut] = rows.get(step.cut, 0) + step.rows
            weights[step.cut] = weights.get(step.cut, Fraction(0)) + Fraction(step.sum_of_weights)
    return {
        "kind": sums.kind,
        "entries": sums.entries,
        "entries_read": sums.entries_read,
        "generated_events": float(sums.generated) if sums.kind != "data" else None,
        "scale": scale if is_background else None,
        "cutflow": [
            {
                "cut": cut,
                "rows": count,
                "expected": float(weights[cut]) * scale if is_background else None,
            }
            for cut, count in rows.items()
        ],
        "expected_candidates": expected,
        "inputs": sorted(entry for account in sums.blocks for entry in account.inputs),
    }


def _of_block(account: BlockAccount) -> dict[str, Any]:
    return {
        "sample": account.sample,
        "block": account.block,
        "kind": account.kind,
        "luminosity_fb": account.luminosity_fb,
        "luminosity_read_fb": account.luminosity_read_fb,
        "files": account.files,
        "entries": account.entries,
        "entries_read": account.entries_read,
        "preselected_rows": account.preselected_rows,
        "candidates": account.candidates,
    }
