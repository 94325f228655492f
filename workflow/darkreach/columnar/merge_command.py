"""Stage `merge`: add all blocks into the templates of one search."""

import argparse
import json
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `merge`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to merge: JSON, or @FILE")
    parser.add_argument(
        "--catalogue", required=True, metavar="FOLDER", help="lists of blocks {sample}.json, and manifests"
    )
    parser.add_argument(
        "--histograms",
        required=True,
        nargs="+",
        metavar="PATH",
        help="of every block, or of every last node of merge-blocks",
    )
    parser.add_argument("--output", required=True, metavar="PATH", help="the templates, .h5")
    parser.add_argument("--account", required=True, metavar="PATH", help="what went into them, .json")


def run(args: argparse.Namespace) -> int:
    """Write the templates and the account."""
    from darkreach.columnar.merge import merge
    from darkreach.columnar.templates import write_templates
    from darkreach.config.stages import MergeSpec, read_spec
    from darkreach.files import write_whole

    spec = read_spec(MergeSpec, args.spec)
    templates, account = merge(spec, args.catalogue, args.histograms)
    write_templates(args.output, templates)
    write_whole(args.account, (json.dumps(account, indent=1, ensure_ascii=False) + "\n").encode())
    for file in templates.missing:
        print(
            f"darkreach merge: NOT READ: {file['path']} of {file['block']}, {file['entries']} entries, "
            f"{file['luminosity_fb'] or 0:g} fb⁻¹: {file['reason']}",
            file=sys.stderr,
        )
    print(
        f"darkreach merge: {len(account['blocks'])} blocks, {templates.luminosity_fb:g} fb⁻¹, "
        f"expected {account['expected_candidates']:.1f}, observed {account['observed_candidates']}",
        file=sys.stderr,
    )
    return 0
