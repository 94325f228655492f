"""Stage `merge`: add all blocks into the templates of one search."""

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `merge`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to merge: JSON, or @FILE")
    parser.add_argument("--manifests", required=True, nargs="+", metavar="PATH", help="of every block")
    parser.add_argument("--histograms", required=True, nargs="+", metavar="PATH", help="of every block")
    parser.add_argument("--output", required=True, metavar="PATH", help="the templates, .h5")
    parser.add_argument("--account", required=True, metavar="PATH", help="what went into them, .json")


def run(args: argparse.Namespace) -> int:
    """Write the templates and the account."""
    from darkreach.catalogue.manifest import Manifest
    from darkreach.columnar.merge import merge_blocks
    from darkreach.columnar.templates import write_templates
    from darkreach.config.stages import MergeSpec, read_spec
    from darkreach.files import write_whole

    spec = read_spec(MergeSpec, args.spec)
    templates, account = merge_blocks(spec, [Manifest.read(path) for path in args.manifests], args.histograms)
    write_templates(args.output, templates)
    write_whole(args.account, (json.dumps(account, indent=1, ensure_ascii=False) + "\n").encode())
    print(
        f"darkreach merge: {len(account['blocks'])} blocks, {templates.luminosity_fb:g} fb⁻¹, "
        f"expected {account['expected_candidates']:.1f}, observed {account['observed_candidates']}",
        file=sys.stderr,
    )
    return 0
