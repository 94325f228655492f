"""Stage `figures`: the figures of one model, from its tables."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach figures`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--csv", required=True, type=Path, help="limit table")
    parser.add_argument("--triggers-csv", required=True, type=Path, help="trigger efficiencies")
    parser.add_argument("--pdf", required=True, type=Path, help="figure to write")
    parser.add_argument("--png", required=True, type=Path, help="the same figure as a picture")
    parser.add_argument("--triggers-png", required=True, type=Path, help="figure of the triggers to write")


def run(args: argparse.Namespace) -> int:
    """Write the figures."""
    from darkreach.config.stages import FigureSpec, read_spec
    from darkreach.publish.figure import draw_limits
    from darkreach.publish.table import read_table
    from darkreach.publish.trigger_figure import draw_triggers
    from darkreach.publish.triggers import read_triggers

    spec = read_spec(FigureSpec, args.spec)
    table = read_table(args.csv)
    for path in (args.pdf, args.png, args.triggers_png):
        path.parent.mkdir(parents=True, exist_ok=True)
    draw_limits(table, spec, table[0]["luminosity_fb"], args.pdf, args.png)
    draw_triggers(read_triggers(args.triggers_csv), spec, args.triggers_png)
    return 0
