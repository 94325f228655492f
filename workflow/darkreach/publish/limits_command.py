"""Stage `limits`: limit table, workspaces, checks, triggers and provenance of one model."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach limits`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--code", required=True, help="stage → digest of its code, JSON")
    parser.add_argument("--chunks", required=True, nargs="+", type=Path, help="rows of all chunks, JSON")
    parser.add_argument("--workspaces", required=True, nargs="+", type=Path, help="their workspaces, zip")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--account", required=True, type=Path, help="luminosity account of the search, JSON")
    parser.add_argument("--significance", required=True, type=Path, help="global significance, JSON")
    parser.add_argument("--csv", required=True, type=Path, help="limit table to write")
    parser.add_argument("--checks", required=True, type=Path, help="referee and global significance, JSON")
    parser.add_argument(
        "--workspaces-out", required=True, type=Path, help="all workspaces in one zip to write"
    )
    parser.add_argument("--triggers-csv", required=True, type=Path, help="trigger efficiencies to write")
    parser.add_argument("--provenance", required=True, type=Path, help="what it was made of, JSON to write")


def run(args: argparse.Namespace) -> int:
    """Write all results of one model but the figures."""
    import json

    from darkreach.columnar.templates import read_triggers
    from darkreach.config.root import signal_model
    from darkreach.config.stages import LimitsSpec, read_spec
    from darkreach.publish.account import check_account, read_account
    from darkreach.publish.checks import write_checks
    from darkreach.publish.provenance import provenance, write_provenance
    from darkreach.publish.table import limit_table, write_table
    from darkreach.publish.triggers import write_triggers
    from darkreach.statistics.archive import merge_archives
    from darkreach.statistics.scan_result import read_scan

    spec = read_spec(LimitsSpec, args.spec)
    scan = read_scan(args.chunks, spec)
    account = read_account(args.account)
    check_account(args.account, account, scan.luminosity_fb)
    made_of, names = provenance(spec, scan, account, json.loads(args.code))
    for path in (args.csv, args.checks, args.workspaces_out, args.triggers_csv):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_table(limit_table(scan.rows, spec, scan.luminosity_fb, names), args.csv)
    write_provenance(made_of, args.provenance)
    write_checks(scan, args.significance, args.checks)
    merge_archives(args.workspaces, args.workspaces_out)
    write_triggers(read_triggers(args.templates, signal_model(spec.model)), args.triggers_csv)
    return 0
