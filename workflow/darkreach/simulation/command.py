"""`python -m darkreach simulate`: one block of simulated ntuples."""

import argparse
from pathlib import Path

from darkreach.config.stages import SimulateSpec, read_spec


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `simulate`."""
    parser.add_argument(
        "--spec", required=True, metavar="JSON", help="what to simulate, as JSON or as @FILE with JSON in it"
    )
    parser.add_argument(
        "--output",
        required=True,
        type=Path,
        metavar="FILE.root",
        help="the ntuple; FILE.json beside it says what is in it",
    )
    parser.add_argument(
        "--tau-library",
        type=Path,
        metavar="FILE.h5",
        help="of `darkreach tau-library`; without it the same decays are made again",
    )


def run(args: argparse.Namespace) -> None:
    """Simulate the block."""
    spec = read_spec(SimulateSpec, args.spec)
    from darkreach.simulation.block import simulate_block

    simulate_block(spec, args.output, args.tau_library)
