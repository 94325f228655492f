"""Stage `skim`: preselect the candidates of one block for one search."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `skim`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to select: JSON, or @FILE")
    parser.add_argument("--manifest", required=True, metavar="PATH", help="the block's manifest")
    parser.add_argument(
        "--output", required=True, metavar="PATH", help="the skim, .root; its record goes beside it as .json"
    )


def run(args: argparse.Namespace) -> int:
    """Write the skim of one block."""
    from darkreach.catalogue.manifest import Manifest
    from darkreach.config.stages import SkimSpec, read_spec
    from darkreach.searches.skim import skim_block

    record = skim_block(read_spec(SkimSpec, args.spec), Manifest.read(args.manifest), args.output)
    for step in record.cutflow:
        print(f"{step['cut']:>22}: {step['rows']:>10} rows", file=sys.stderr)
    return 0
