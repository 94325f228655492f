"""Stage `scan`: fit one chunk of the hypotheses of one model."""

import argparse
import sys
from pathlib import Path

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
    from darkreach.statistics.archive import WorkspaceArchive
    from darkreach.statistics.engine.referee import referee
    from darkreach.statistics.scan import masses_of_chunk, scan_masses, signal_of

    spec = read_spec(ScanSpec, args.spec)
    templates = read_templates(args.templates)
    signal = signal_of(templates, spec)
    masses = masses_of_chunk(signal, spec, args.chunk)
    rows, fitted, limits = [], [], []
    args.workspaces.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.workspaces.with_name(args.workspaces.name + ".part")
    with WorkspaceArchive(unfinished) as archive:
        for first in range(0, len(masses), BATCH):
            found = scan_masses(templates, signal, masses[first : first + BATCH], spec)
            for row, workspace, limit in zip(*found, strict=True):
                rows.append(row)
                if workspace is not None and limit is not None:
                    archive.add(row["mass_GeV"], workspace)
                    fitted.append((row["mass_GeV"], workspace))
                    limits.append(limit)
            print(f"{spec.model}: {len(rows)} of {len(masses)} hypotheses", file=sys.stderr, flush=True)
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
    result = {
        "search": spec.search,
        "model": spec.model,
        "chunk": args.chunk,
        "chunks": spec.scan.chunks,
        "confidence_level": spec.scan.confidence_level,
        "blind": spec.blind,
        "luminosity_fb": templates.luminosity_fb,
        "referee": [
            {"mass_GeV": fitted[c.index][0], "difference": _plain(c.difference), "verdict": c.verdict}
            for c in report.comparisons
        ],
        "referee_tolerance": report.tolerance,
        "rows": rows,
    }
    unfinished.replace(args.workspaces)
    write_whole(args.output, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode())
    return 0


def _plain(number: float) -> float | None:
    return number if number == number else None  # NaN: pyhf has no result
