"""The generators behind the names of processes and models, and the random numbers of each."""

import sys
import zlib
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from darkreach.config.stages import SimulateSpec
from darkreach.detector import BEAMS
from darkreach.simulation.fourmuon import generate_fourmuon
from darkreach.simulation.hnl import generate_hnl
from darkreach.simulation.laboratory_vertices import with_laboratory_vertices
from darkreach.simulation.mumutautau import generate_mumutautau
from darkreach.simulation.particles import Generated
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.signal import generate_signal
from darkreach.simulation.tau_library import TauLibrary
from darkreach.simulation.tau_library_file import read_tau_library, seeded_tau_library
from darkreach.simulation.taupair import generate_taupair

# Events in memory at a time.
BATCH = 25_000
# Four muons lighter than the ntuple accepts, by more than five times the resolution, are not generated.
MASS_MARGIN = 0.2  # GeV


@dataclass
class Component:
    """One process, or one mass and lifetime of a signal, in a block; as in the sidecar.

    generated_events: events that were generated, or, of a luminosity, that are produced in it.
    cross_section_fb and its error: in fb; for signals at unit coupling and before the branching fraction.
    """

    process: str
    mass_GeV: float | None = None
    lifetime_m: float | None = None
    decay: str | None = None
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


class Generators:
    """The generators of one block; they share a library of τ decays."""

    def __init__(self, spec: SimulateSpec, tau_library: Path | None = None) -> None:
        self._spec, self._tau_library = spec, tau_library
        self.sqrt_s = BEAMS[spec.detector].sqrt_s

    @cached_property
    def tau_library(self) -> TauLibrary:
        """τ decays to draw from: those of the file, or the same made again, which takes some seconds."""
        if self._tau_library is not None:
            return read_tau_library(self._tau_library)
        return seeded_tau_library(self._spec.seed, self._spec.kind)

    def background(self, process: str, n_events: int, rng: np.random.Generator) -> Generated:
        """`n_events` unweighted events of a process, with vertices as seen in the laboratory."""
        return self._in_laboratory(self._background(process, n_events, rng))

    def _background(self, process: str, n_events: int, rng: np.random.Generator) -> Generated:
        alpha = self._spec.alpha
        if process == "fourmuon":
            window = self._spec.ntuple.track_mass_GeV
            lowest = max(window[0] - MASS_MARGIN, 0.0) if window else 0.0
            return generate_fourmuon(n_events, rng, self.sqrt_s, alpha, minimum_mass=lowest)
        if process == "mumutautau":
            return generate_mumutautau(n_events, rng, self.sqrt_s, alpha, library=self.tau_library)
        if process == "tautau":
            return generate_taupair(n_events, rng, self.sqrt_s, alpha, self.tau_library)
        return generate_pythia(process, n_events, rng, self.sqrt_s)

    def signal(
        self, model: str, mass: float, lifetime_m: float, decay: str, n_events: int, rng: np.random.Generator
    ) -> Generated:
        """As `background`, for X of `mass` (GeV) and a lifetime cτ in m."""
        return self._in_laboratory(self._signal(model, mass, lifetime_m, decay, n_events, rng))

    def _signal(
        self, model: str, mass: float, lifetime_m: float, decay: str, n_events: int, rng: np.random.Generator
    ) -> Generated:
        spec = self._spec
        if spec.production == "tau_decay":
            return generate_hnl(mass, n_events, rng, self.sqrt_s, spec.alpha, lifetime_m, self.tau_library)
        needs_taus = spec.production == "tau" or decay == "tautau"
        return generate_signal(
            model,
            mass,
            n_events,
            rng,
            self.sqrt_s,
            spec.alpha,
            production=spec.production,
            decay=decay,
            lifetime_m=lifetime_m,
            library=self.tau_library if needs_taus else None,
        )

    def _in_laboratory(self, generated: Generated) -> Generated:
        particles = with_laboratory_vertices(generated.particles, BEAMS[self._spec.detector])
        return replace(generated, particles=particles)


def report(spec: SimulateSpec, text: str) -> None:
    """One line of progress."""
    print(f"simulate {spec.sample}/{spec.block}: {text}", file=sys.stderr, flush=True)
