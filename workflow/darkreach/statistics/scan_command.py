"""Stage `scan`: fit one chunk of the hypotheses of one model."""

import argparse
from pathlib import Path


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
    from darkreach.statistics.archive import WorkspaceArchive
    from darkreach.statistics.scan import hypotheses_of_chunk, report_progress, scan_hypothesis

    spec = read_spec(ScanSpec, args.spec)
    templates = read_templates(args.templates)
    signal, masses = hypotheses_of_chunk(templates, spec, args.chunk)
    rows = []
    for path in (args.output, args.workspaces):
        path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = args.workspaces.with_name(args.workspaces.name + ".part")
    with WorkspaceArchive(unfinished) as archive:
        for mass in masses:
            row, workspace = scan_hypothesis(templates, signal, float(mass), spec)
            rows.append(row)
            if workspace is not None:
                archive.add(row["mass_GeV"], workspace)
            report_progress(len(rows), len(masses), spec.model)
    result = {
        "search": spec.search,
        "model": spec.model,
        "chunk": args.chunk,
        "chunks": spec.scan.chunks,
        "confidence_level": spec.scan.confidence_level,
        "blind": spec.blind,
        "luminosity_fb": templates.luminosity_fb,
        "rows": rows,
    }
    unfinished.replace(args.workspaces)
    args.output.write_text(json.dumps(result, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    return 0
