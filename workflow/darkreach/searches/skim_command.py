"""Stage `skim`: preselect the candidates of one block for one search."""

import argparse
import signal
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `skim`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to select: JSON, or @FILE")
    parser.add_argument("--manifest", required=True, metavar="PATH", help="the block's manifest")
    parser.add_argument(
        "--output", required=True, metavar="PATH", help="the skim, .root; its record goes beside it as .json"
    )
    parser.add_argument(
        "--scratch", metavar="DIR", help="copy remote files there before they are read, and remove them after"
    )
    parser.add_argument(
        "--attempt", type=int, default=0, metavar="N", help="number of the attempt, for the record only"
    )


def run(args: argparse.Namespace) -> int:
    """Write the skim of one block."""
    from darkreach.catalogue.manifest import Manifest
    from darkreach.config.stages import SkimSpec, read_spec
    from darkreach.searches.skim import skim_block

    spec, manifest = read_spec(SkimSpec, args.spec), Manifest.read(args.manifest)
    # batch systems end a job so: copies and unfinished output are to be removed
    previous = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        record = skim_block(spec, manifest, args.output, attempt=args.attempt, scratch=args.scratch)
    finally:
        signal.signal(signal.SIGTERM, previous)
    for step in record.cutflow:
        print(f"{step['cut']:>22}: {step['rows']:>10} rows", file=sys.stderr)
    return 0
