"""The generators behind the names of processes, and the random numbers of each."""

import sys
import zlib
from dataclasses import dataclass

import numpy as np

from darkreach.config.stages import SimulateSpec
from darkreach.detector import BEAMS
from darkreach.simulation.fourmuon import generate_fourmuon
from darkreach.simulation.particles import Generated
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.signal import generate_signal

# Events in memory at a time.
BATCH = 25_000


@dataclass
class Component:
    """One process, or one mass of a signal, in a block; as in the sidecar.

    generated_events: events that were generated, or, in stand-in data, put through the detector.
    cross_section_fb and its error: in fb; for signals at unit coupling and before the branching fraction.
    """

    process: str
    mass_GeV: float | None = None
    generated_events: int = 0
    cross_section_fb: float = 0.0
    cross_section_error_fb: float = 0.0

    def count(self, n_events: int, cross_section_fb: float, error_fb: float) -> None:
        """Add events; cross-sections and errors of several batches are averaged, weighted by their events."""
        total = self.generated_events + n_events
        share = n_events / total if total else 1.0
        self.cross_section_fb += share * (cross_section_fb - self.cross_section_fb)
        self.cross_section_error_fb += share * (error_fb - self.cross_section_error_fb)
        self.generated_events = total


def random_stream(spec: SimulateSpec, *labels: object) -> np.random.Generator:
    """Random numbers of one part of a block: they follow from the seed and the names alone."""
    name = "/".join(map(str, (spec.sample, spec.block, *labels)))
    return np.random.default_rng(np.random.SeedSequence([spec.seed, zlib.crc32(name.encode())]))


def generate(
    process: str, mass: float | None, n_events: int, rng: np.random.Generator, alpha: float
) -> Generated:
    """`n_events` events of a background process, or of the signal model `process` with X of `mass` (GeV)."""
    sqrt_s = BEAMS["belle2"].sqrt_s
    if mass is not None:
        return generate_signal(process, mass, n_events, rng, sqrt_s, alpha)
    if process == "fourmuon":
        return generate_fourmuon(n_events, rng, sqrt_s, alpha)
    return generate_pythia(process, n_events, rng, sqrt_s)


def report(spec: SimulateSpec, text: str) -> None:
    """One line of progress."""
    print(f"simulate {spec.sample}/{spec.block}: {text}", file=sys.stderr, flush=True)
