"""Stage `scan`: fit one chunk of the hypotheses of one model."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BATCH = 256  # hypotheses between two lines of progress


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach scan`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--chunk", required=True, type=int, help="which chunk, counted from 0")
    parser.add_argument("--output", required=True, type=Path, help="rows of the chunk, JSON")
    parser.add_argument("--workspaces", required=True, type=Path, help="workspaces of the chunk, zip")


def run(args: argparse.Namespace) -> int:
    """Write the rows and the workspaces of one chunk; each file appears only when it is complete."""
    import json

    from darkreach.columnar.templates import read_templates
    from darkreach.config.stages import ScanSpec, read_spec
    from darkreach.files import write_whole
    from darkreach.searches.registry import search_named
    from darkreach.statistics.archive import WorkspaceArchive
    from darkreach.statistics.engine.referee import referee
    from darkreach.statistics.rows import hypothesis_of

    spec = read_spec(ScanSpec, args.spec)
    templates = read_templates(args.templates)
    scan = {"peak": _scan_peaks, "counting": _count}[search_named(spec.search).METHOD]
    rows, fitted, limits = [], [], []
    args.workspaces.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.workspaces.with_name(args.workspaces.name + ".part")
    with WorkspaceArchive(unfinished) as archive:
        for row, workspace, limit in scan(templates, spec, args.chunk):
            rows.append(row)
            if workspace is not None:
                archive.add(hypothesis_of(row), workspace)
                fitted.append((row, workspace))
                limits.append(limit)
    sample = -(-spec.scan.referee_hypotheses // spec.scan.chunks)
    report = referee(
        [workspace for _, workspace in fitted],
        limits,
        sample,
        spec.seed + args.chunk,
        spec.scan.confidence_level,
        spec.scan.referee_tolerance,
    )
    print(f"{spec.model}: {report.summary}", file=sys.stderr, flush=True)
    which = ("mass_GeV", "lifetime_m", "lifetime_hypothesis")
    result = {
        "search": spec.search,
        "model": spec.model,
        "chunk": args.chunk,
        "chunks": spec.scan.chunks,
        "confidence_level": spec.scan.confidence_level,
        "blind": spec.blind,
        "luminosity_fb": templates.luminosity_fb,
        "referee": [
            {key: fitted[c.index][0][key] for key in which}
            | {"difference": _plain(c.difference), "verdict": c.verdict}
            for c in report.comparisons
        ],
        "referee_tolerance": report.tolerance,
        "rows": rows,
    }
    unfinished.replace(args.workspaces)
    write_whole(args.output, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    return 0


def _scan_peaks(templates: Any, spec: Any, chunk: int) -> Iterator[tuple[Any, Any, Any]]:
    """Row, workspace and limit of each hypothesis of a search for a peak."""
    from darkreach.statistics.grid import chunk_of, hypotheses_of_scan
    from darkreach.statistics.scan import scan_hypotheses
    from darkreach.statistics.search_signal import signal_of

    signal = signal_of(templates, spec)
    hypotheses = chunk_of(hypotheses_of_scan(signal, spec.scan), chunk, spec.scan.chunks)
    for first in range(0, len(hypotheses), BATCH):
        batch = hypotheses[first : first + BATCH]
        yield from zip(*scan_hypotheses(templates, signal, batch, spec), strict=True)
        print(
            f"{spec.model}: {first + len(batch)} of {len(hypotheses)} hypotheses", file=sys.stderr, flush=True
        )


def _count(templates: Any, spec: Any, chunk: int) -> Iterator[tuple[Any, Any, Any]]:
    """Row, workspace and limit of each hypothesis of a search that counts events."""
    from darkreach.statistics.counting import scan_counting
    from darkreach.statistics.engine.limits import upper_limits
    from darkreach.statistics.grid import chunk_of, evenly_spaced_masses

    masses = chunk_of(evenly_spaced_masses(spec.scan), chunk, spec.scan.chunks)
    rows, workspaces = scan_counting(templates, masses, spec)
    fitted = {i: workspace for i, workspace in enumerate(workspaces) if workspace is not None}
    limits = dict(zip(fitted, upper_limits(fitted.values(), spec.scan.confidence_level), strict=True))
    for i, (row, workspace) in enumerate(zip(rows, workspaces, strict=True)):
        yield row, workspace, limits.get(i)


def _plain(number: float) -> float | None:
    return number if number == number else None  # NaN: pyhf has no result
