"""Processes by luminosity: for each a sampler of those produced events that may become candidates.

Rare processes are generated as they are, τ⁺τ⁻ is thinned before its kinematics, and what is frequent and slow
to generate is drawn from a pool.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from darkreach.config.stages import SimulateSpec
from darkreach.simulation.block_generators import BATCH, Generators, random_stream, report
from darkreach.simulation.block_pool import Pool, fill_pool, is_smoothed, merge_pools
from darkreach.simulation.conversions import way_to_conversion, with_conversions
from darkreach.simulation.lepton_enriched import SHARES, lepton_enriched
from darkreach.simulation.particles import Particles, batch_sizes
from darkreach.simulation.photon_copies import chance_of_few_others, dalitz_photons, fresh_copies
from darkreach.simulation.pythia import published_cross_section_fb
from darkreach.simulation.thinned_taupairs import ThinnedTauPairs

# Generated events in the pool of a process. Many where four tracks must have the energy of the collision: few
# have it, and an event that is drawn repeatedly makes a false peak. Elsewhere the events are smoothed, and
# those with leptons of heavy hadrons are enriched (`lepton_enriched`).
POOL_EVENTS = {"mumu": 20_000, "qqbar": 120_000, "bbbar": 60_000}
POOL_EVENTS_WHOLE_ENERGY = {"mumu": 600_000, "qqbar": 240_000, "bbbar": 60_000}
POOL_BATCH = 20_000  # of these are in memory at a time
# An event with electrons from photons has so many copies, with new ones, that each is drawn less often.
DRAWS_OF_COPY = 20
PILOT_EVENTS = 1_000  # for the cross-section of a process that is generated as it is


class Sampler(Protocol):
    """One process: its cross-section, and its events that may become candidates."""

    cross_section_fb: float
    cross_section_error_fb: float

    def possible(self, n_produced: int, rng: np.random.Generator) -> Iterator[Particles]:
        """Those of `n_produced` events that may become candidates, in batches."""
        ...


@dataclass
class PoolRecord:
    """How a process is drawn from a pool; for the sidecar.

    pool_events: generated for the pool. pool_passed: those that can become a candidate.
    filter_efficiency: possible candidates per generated event.
    expected_events: possible candidates in the luminosity of the block.
    upper_limit_events: if the pool is empty, the limit on expected_events at 90 % CL.
    """

    process: str
    pool_events: int
    pool_passed: int
    filter_efficiency: float
    expected_events: float
    upper_limit_events: float | None


class GeneratedAsTheyAre:
    """Every event is generated; the cross-section comes from a pilot run."""

    def __init__(self, process: str, spec: SimulateSpec, generators: Generators) -> None:
        self._process, self._generators = process, generators
        pilot = generators.background(process, PILOT_EVENTS, random_stream(spec, "pilot", process))
        self.cross_section_fb = pilot.cross_section_fb
        self.cross_section_error_fb = pilot.cross_section_error_fb

    def possible(self, n_produced: int, rng: np.random.Generator) -> Iterator[Particles]:
        for n_events in batch_sizes(n_produced, BATCH):
            yield self._generators.background(self._process, n_events, rng).particles


class Thinned:
    """τ⁺τ⁻ pairs, by `ThinnedTauPairs`."""

    def __init__(self, spec: SimulateSpec, generators: Generators) -> None:
        self.cross_section_fb, self.cross_section_error_fb = published_cross_section_fb("tautau")
        self._pairs = ThinnedTauPairs(
            generators.tau_library, spec.ntuple, spec.detector, generators.sqrt_s, spec.alpha
        )
        report(spec, f"tautau: {100 * self._pairs.efficiency:.2g} % of the pairs are simulated")

    def possible(self, n_produced: int, rng: np.random.Generator) -> Iterator[Particles]:
        yield from self._pairs.draw(n_produced, BATCH, rng)


class Pooled:
    """Events of Pythia drawn from a pool; `record` says how it was filled."""

    def __init__(self, process: str, spec: SimulateSpec, generators: Generators) -> None:
        self.cross_section_fb, self.cross_section_error_fb = published_cross_section_fb(process)
        sizes = POOL_EVENTS if is_smoothed(spec.ntuple, spec.detector) else POOL_EVENTS_WHOLE_ENERGY
        n_events = sizes[process]
        rng = random_stream(spec, "pool", process)
        if process in SHARES and is_smoothed(spec.ntuple, spec.detector):
            leptons = (11, 13) if spec.ntuple.electrons else (13,)
            events = lepton_enriched(process, leptons, n_events, rng, spec.detector)
        else:
            events = (
                (generators.background(process, n, rng).particles, np.ones(n))
                for n in batch_sizes(n_events, POOL_BATCH)
            )
        produced = self.cross_section_fb * (spec.luminosity_fb or 0.0)
        self._pool = merge_pools(
            part
            for particles, weight in _numbered(events)
            for part in _parts_of_pool(particles, weight, produced / n_events, spec, rng)
        )
        passed, efficiency = self._pool.passed, self._pool.efficiency
        limit = None if passed else -math.log(0.1) / n_events * produced
        self.record = PoolRecord(process, n_events, passed, efficiency, efficiency * produced, limit)
        report(spec, f"{process}: {passed} events, from {n_events} generated ones, can become candidates")

    def possible(self, n_produced: int, rng: np.random.Generator) -> Iterator[Particles]:
        wanted = int(rng.poisson(n_produced * self._pool.efficiency))
        for n_events in batch_sizes(wanted, BATCH):
            yield self._pool.draw(n_events, rng)


def _numbered(
    batches: Iterable[tuple[Particles, np.ndarray]],
) -> Iterator[tuple[Particles, np.ndarray]]:
    """Batches of generated events, each its own `source`."""
    first = 1
    for particles, weight in batches:
        yield replace(particles, source=np.arange(first, first + particles.n_events)), weight
        first += particles.n_events


def _parts_of_pool(
    particles: Particles, weight: np.ndarray, draws: float, spec: SimulateSpec, rng: np.random.Generator
) -> Iterator[Pool]:
    """Pools of some events. Where electrons are looked for, those with electrons from photons have copies.

    draws: how often an event of weight 1 happens in the luminosity of the block.
    """
    cuts, detector, generated = spec.ntuple, spec.detector, particles.n_events
    way = way_to_conversion(particles, detector, rng)
    if cuts.electrons:
        photons = np.concatenate([np.flatnonzero(np.isfinite(way)), dalitz_photons(particles)[0]])
        events = np.unique(particles.event[photons])
        expected = draws * weight * chance_of_few_others(particles, cuts.tracks - 1, detector)
        number = np.ceil(expected[events] / DRAWS_OF_COPY).astype(int)
        events, number = events[number > 1], number[number > 1]
        for part in np.array_split(np.arange(len(events)), -(-number.sum() // POOL_BATCH) or 1):
            copies = fresh_copies(particles, way, np.repeat(events[part], number[part]), detector, rng)
            each = np.repeat(weight[events[part]] / number[part], number[part])
            yield fill_pool(copies, cuts, detector, each, generated=0)
        weight = weight.copy()
        weight[events] = 0.0
    yield fill_pool(with_conversions(particles, way, detector, rng), cuts, detector, weight, generated)


def sampler_of(process: str, spec: SimulateSpec, generators: Generators) -> Sampler:
    """The sampler of a process; making it takes up to half a minute."""
    if process == "tautau":
        return Thinned(spec, generators)
    if process in POOL_EVENTS:
        return Pooled(process, spec, generators)
    return GeneratedAsTheyAre(process, spec, generators)
