"""Stage `manifest`: write the manifest of one simulated block."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `manifest`."""
    parser.add_argument("--sample", required=True)
    parser.add_argument("--block", required=True)
    parser.add_argument("--spec", required=True, metavar="JSON", help="what the block is: JSON, or @FILE")
    parser.add_argument("--output", required=True, metavar="PATH", help="the manifest")


def run(args: argparse.Namespace) -> int:
    """Write the manifest of one block."""
    from darkreach.catalogue.build import build_manifest
    from darkreach.config.cataloguing import ManifestSpec
    from darkreach.config.stages import read_spec

    spec = read_spec(ManifestSpec, args.spec)
    manifest = build_manifest(args.sample, args.block, spec)
    manifest.write(args.output)
    if not manifest.entries:
        print(f"darkreach manifest: note: block '{manifest.name}' has no entries", file=sys.stderr)
    return 0
