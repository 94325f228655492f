"""Stage `catalogue`: write the manifest of one block."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `catalogue`."""
    parser.add_argument("--sample", required=True)
    parser.add_argument("--block", required=True)
    parser.add_argument("--spec", required=True, metavar="JSON", help="what the block is: JSON, or @FILE")
    parser.add_argument("--output", required=True, metavar="PATH", help="the manifest")


def run(args: argparse.Namespace) -> int:
    """Write the manifest of one block."""
    from darkreach.catalogue.build import build_manifest
    from darkreach.config.stages import CatalogueSpec, read_spec

    spec = read_spec(CatalogueSpec, args.spec)
    manifest = build_manifest(args.sample, args.block, **spec.model_dump())
    manifest.write(args.output)
    if not manifest.entries:
        print(f"darkreach catalogue: note: block '{manifest.name}' has no entries", file=sys.stderr)
    return 0
