"""`python -m darkreach tau-library`: τ decays that the blocks of a run draw from."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `tau-library`."""
    parser.add_argument("--seed", required=True, type=int, help="that of the configuration")
    parser.add_argument("--kind", required=True, choices=("data", "simulation"), help="for which blocks")
    parser.add_argument("--output", required=True, metavar="FILE.h5", help="the library")


def run(args: argparse.Namespace) -> None:
    """Make the library."""
    from darkreach.simulation.tau_library_file import seeded_tau_library, write_tau_library

    write_tau_library(seeded_tau_library(args.seed, args.kind), args.output)
