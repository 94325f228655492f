"""`darkreach check`: validate a configuration and say what it would do."""

import argparse

from darkreach.config.root import load_config, read_yaml

DEFAULTS = "config/config.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach check`."""
    parser.add_argument("config", nargs="?", default=DEFAULTS, help="default: %(default)s")


def run(args: argparse.Namespace) -> int:
    """Validate; prints one line per sample and search."""
    config = load_config(read_yaml(args.config), args.config)
    for name, sample in config.samples.items():
        origin = "simulated" if sample.simulate else "from files"
        print(f"sample {name}: {sample.kind}, {origin}, {len(sample.blocks)} blocks")
    for name, search in config.searches.items():
        state = str(search.unblind or "blind for collision data")
        print(f"search {name}: {', '.join(search.models)}; {len(search.regions)} regions; {state}")
    return 0
