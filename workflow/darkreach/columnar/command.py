"""Stage `histogram`: fill the histograms of one skimmed block."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `histogram`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to fill: JSON, or @FILE")
    parser.add_argument("--manifest", required=True, metavar="PATH", help="the block's manifest")
    parser.add_argument(
        "--skim", required=True, metavar="PATH", help="the block's skim, with its record .json beside it"
    )
    parser.add_argument(
        "--classifiers", nargs="*", default=[], metavar="PATH", help="one .onnx for each region"
    )
    parser.add_argument("--output", required=True, metavar="PATH", help="the histograms, .h5")
    parser.add_argument(
        "--executor",
        choices=("dask", "futures", "iterative"),
        default="iterative",
        help="changes no number (default: %(default)s)",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Write the histograms of one block."""
    from darkreach.catalogue.manifest import Manifest
    from darkreach.columnar.histogram import histogram_block
    from darkreach.config.stages import HistogramSpec, read_spec

    rows = histogram_block(
        read_spec(HistogramSpec, args.spec),
        Manifest.read(args.manifest),
        args.skim,
        args.classifiers,
        args.output,
        args.executor,
        args.workers,
    )
    print(f"darkreach histogram: {rows} candidates of {args.skim}", file=sys.stderr)
    return 0
