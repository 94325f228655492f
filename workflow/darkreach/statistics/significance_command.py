"""Stage `significance`: how often the background alone gives the largest excess of a scan, somewhere."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach significance`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE (that of the scan)")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--chunks", required=True, nargs="+", type=Path, help="rows of all chunks, JSON")
    parser.add_argument("--output", required=True, type=Path, help="result to write, JSON")


def run(args: argparse.Namespace) -> int:
    """Write the global p-values; while the search is blind there is no excess, and the result is null."""
    import json

    from darkreach.columnar.templates import read_templates
    from darkreach.config.stages import ScanSpec, read_spec
    from darkreach.files import write_whole
    from darkreach.statistics.scan import signal_of
    from darkreach.statistics.scan_result import read_scan
    from darkreach.statistics.significance import significance_of_scan

    spec = read_spec(ScanSpec, args.spec)
    scan = spec.scan
    rows = read_scan(args.chunks, spec.search, spec.model, scan.chunks, scan.confidence_level).rows
    excesses = [(row["z_local"], row["mass_GeV"]) for row in rows if row["z_local"] is not None]
    result = None
    if excesses:
        local_z, mass = max(excesses)
        templates = read_templates(args.templates)
        masses = [row["mass_GeV"] for row in rows]
        found = significance_of_scan(templates, signal_of(templates, spec), masses, local_z, spec)
        result = {"mass_GeV": mass, **found}
    write_whole(args.output, (json.dumps(result, indent=1) + "\n").encode())
    return 0
