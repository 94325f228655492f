"""Stage `train`: the classifier of one region, with its model card."""

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `train`."""
    parser.add_argument("--spec", required=True, metavar="JSON", help="what to train: JSON, or @FILE")
    parser.add_argument(
        "--skims",
        required=True,
        nargs="+",
        metavar="PATH",
        help="of simulated background and signal, with their records .json beside them",
    )
    parser.add_argument("--manifests", required=True, nargs="+", metavar="PATH", help="of the same blocks")
    parser.add_argument("--output", required=True, metavar="PATH", help="the classifier, .onnx")
    parser.add_argument("--card", required=True, metavar="PATH", help="the model card, .json")


def run(args: argparse.Namespace) -> int:
    """Write the classifier and its card."""
    from darkreach.catalogue.manifest import Manifest
    from darkreach.classifier.card import write_classifier
    from darkreach.classifier.rows import pair_blocks
    from darkreach.classifier.training import train_region
    from darkreach.config.stages import TrainSpec, read_spec

    spec = read_spec(TrainSpec, args.spec)
    blocks = pair_blocks(spec, args.skims, [Manifest.read(path) for path in args.manifests])
    model, facts = train_region(spec, blocks)
    write_classifier(spec, blocks, model, facts, args.output, args.card)
    for message in facts["warnings"]:
        print(f"darkreach train: {spec.region.name}: warning: {message}", file=sys.stderr)
    return 0
