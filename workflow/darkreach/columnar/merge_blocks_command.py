"""Stage `merge-blocks`: add the histograms of some blocks of one sample, a node of the merge tree."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `merge-blocks`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to add: JSON, or @FILE")
    parser.add_argument(
        "--histograms", required=True, nargs="+", metavar="PATH", help="of blocks, or of nodes below, .h5"
    )
    parser.add_argument("--output", required=True, metavar="PATH", help="their sum, .h5")


def run(args: argparse.Namespace) -> int:
    """Write the sum of some blocks."""
    from darkreach.columnar.sums import merge_node
    from darkreach.config.stages import MergeBlocksSpec, read_spec

    spec = read_spec(MergeBlocksSpec, args.spec)
    blocks = merge_node(spec, args.histograms, args.output)
    print(f"darkreach merge-blocks: {blocks} blocks of {spec.sample} for {spec.search}", file=sys.stderr)
    return 0
