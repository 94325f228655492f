"""Stage `limits`: limit table, figure and workspaces of one model from all chunks of its scan."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach limits`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--chunks", required=True, nargs="+", type=Path, help="rows of all chunks, JSON")
    parser.add_argument("--workspaces", required=True, nargs="+", type=Path, help="their workspaces, zip")
    parser.add_argument("--account", required=True, type=Path, help="luminosity account of the search, JSON")
    parser.add_argument("--csv", required=True, type=Path, help="limit table to write")
    parser.add_argument("--pdf", required=True, type=Path, help="figure to write")
    parser.add_argument("--png", required=True, type=Path, help="the same figure as a picture")
    parser.add_argument(
        "--workspaces-out", required=True, type=Path, help="all workspaces in one zip to write"
    )


def run(args: argparse.Namespace) -> int:
    """Write the four results of one model."""
    from darkreach.config.stages import LimitsSpec, read_spec
    from darkreach.publish.figure import draw_limits
    from darkreach.publish.table import check_account, limit_table, read_chunks, write_table
    from darkreach.statistics.archive import merge_archives

    spec = read_spec(LimitsSpec, args.spec)
    rows, luminosity_fb = read_chunks(args.chunks, spec)
    check_account(args.account, luminosity_fb)
    table = limit_table(rows, spec)
    for path in (args.csv, args.pdf, args.png, args.workspaces_out):
        path.parent.mkdir(parents=True, exist_ok=True)
    write_table(table, args.csv)
    draw_limits(table, spec, luminosity_fb, args.pdf, args.png)
    merge_archives(args.workspaces, args.workspaces_out)
    return 0
