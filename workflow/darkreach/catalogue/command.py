"""Stage `catalogue`: list all samples of the user's own files, and write the manifests that change."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `catalogue`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what the samples are: JSON, or @FILE")
    parser.add_argument("--output", required=True, metavar="DIR", help="folder of the catalogue")
    parser.add_argument("--cores", type=int, default=1, help="processes to open files (default: %(default)s)")


def run(args: argparse.Namespace) -> int:
    """Bring the catalogue up to date."""
    from darkreach.catalogue.update import update
    from darkreach.config.cataloguing import CatalogueSpec
    from darkreach.config.stages import read_spec

    written = update(read_spec(CatalogueSpec, args.spec), args.output, args.cores)
    if written:
        print(f"darkreach catalogue: wrote {len(written)} files below {args.output}", file=sys.stderr)
    return 0
