"""Stage `limits`: limit table, figure, workspaces, checks and triggers of one model from all its chunks."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach limits`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--chunks", required=True, nargs="+", type=Path, help="rows of all chunks, JSON")
    parser.add_argument("--workspaces", required=True, nargs="+", type=Path, help="their workspaces, zip")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--account", required=True, type=Path, help="luminosity account of the search, JSON")
    parser.add_argument("--significance", required=True, type=Path, help="global significance, JSON")
    parser.add_argument("--csv", required=True, type=Path, help="limit table to write")
    parser.add_argument("--pdf", required=True, type=Path, help="figure to write")
    parser.add_argument("--png", required=True, type=Path, help="the same figure as a picture")
    parser.add_argument("--checks", required=True, type=Path, help="referee and global significance, JSON")
    parser.add_argument(
        "--workspaces-out", required=True, type=Path, help="all workspaces in one zip to write"
    )
    parser.add_argument("--triggers-csv", required=True, type=Path, help="trigger efficiencies to write")
    parser.add_argument("--triggers-png", required=True, type=Path, help="figure of them to write")


def run(args: argparse.Namespace) -> int:
    """Write all results of one model."""
    from darkreach.columnar.templates import read_templates
    from darkreach.config.root import signal_model
    from darkreach.config.stages import LimitsSpec, read_spec
    from darkreach.publish.checks import write_checks
    from darkreach.publish.figure import draw_limits
    from darkreach.publish.table import check_account, limit_table, write_table
    from darkreach.publish.triggers import draw_triggers, write_triggers
    from darkreach.statistics.archive import merge_archives
    from darkreach.statistics.scan_result import read_scan

    spec = read_spec(LimitsSpec, args.spec)
    scan = read_scan(args.chunks, spec)
    check_account(args.account, scan.luminosity_fb)
    table = limit_table(scan.rows, spec)
    outputs = (args.csv, args.pdf, args.png, args.checks, args.workspaces_out)
    for path in (*outputs, args.triggers_csv, args.triggers_png):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_table(table, args.csv)
    draw_limits(table, spec, scan.luminosity_fb, args.pdf, args.png)
    write_checks(scan, args.significance, args.checks)
    merge_archives(args.workspaces, args.workspaces_out)
    triggers = read_templates(args.templates).triggers.get(signal_model(spec.model), {})
    write_triggers(triggers, args.triggers_csv)
    draw_triggers(triggers, spec, args.triggers_png)
    return 0
