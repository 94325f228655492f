"""Stage `report`: one page with limits, luminosity, cut flow, classifiers and control plots."""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach report`."""
    parser.add_argument("--limits", required=True, nargs="+", type=Path, help="limit tables, CSV")
    parser.add_argument("--accounts", required=True, nargs="+", type=Path, help="accounts of searches, JSON")
    parser.add_argument(
        "--cards", nargs="*", default=[], type=Path, help="model cards of the classifiers, JSON"
    )
    parser.add_argument("--templates", required=True, nargs="+", type=Path, help="templates, HDF5")
    parser.add_argument("--assumed", nargs="*", default=[], help="keys of the configuration that are assumed")
    parser.add_argument("--stand-in", action="store_true", help="the data are simulated")
    parser.add_argument("--output", required=True, type=Path, help="page to write, HTML")


def run(args: argparse.Namespace) -> int:
    """Write the page."""
    from darkreach.publish.report import write_report

    write_report(
        args.limits, args.accounts, args.cards, args.templates, args.assumed, args.stand_in, args.output
    )
    return 0
