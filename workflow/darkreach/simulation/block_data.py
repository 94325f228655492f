"""Stand-in data: all processes in proportion to their cross-sections, in slices of luminosity."""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace

import numpy as np

from darkreach.config.stages import SimulateSpec
from darkreach.detector import BEAMS
from darkreach.simulation.block_generators import BATCH, Component, generate, random_stream, report
from darkreach.simulation.block_pool import Pool, fill_pool, merge_pools
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.particles import Particles
from darkreach.simulation.pythia import generate_pythia, published_cross_section_fb
from darkreach.simulation.response import reconstruct

N_CANDIDATES = 4
SLICE_FB = 10.0  # luminosity of which the candidates are in memory at a time, fb⁻¹
# Above the cross-section with ISR; the published one without is 351.2 fb (AAFH, as used in basf2).
FOURMUON_ESTIMATE_FB = 360.0
# Generated events in the pool of a process: many for qq̄, which is drawn most often, as an event that is drawn
# repeatedly makes a false peak. μ⁺μ⁻(γ) has two tracks.
POOL_EVENTS = {"tautau": 5_000, "mumu": 5_000, "qqbar": 240_000}
POOL_BATCH = 30_000  # of these are in memory at a time
NO_EVENTS = Particles(
    np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty((0, 3)), np.empty(0, bool), 0
)


@dataclass
class PoolRecord:
    """How a process was drawn from a pool; for the sidecar.

    pool_events: generated for the pool. pool_passed: of these, events that can become a candidate.
    filter_efficiency: candidates before preselection per generated event.
    expected_events: candidates before preselection in the luminosity of the block.
    upper_limit_events: if the pool is empty, the limit on expected_events at 90 % CL.
    """

    process: str
    pool_events: int
    pool_passed: int
    filter_efficiency: float
    expected_events: float
    upper_limit_events: float | None


@dataclass
class DataAccount:
    """What went into a block of stand-in data."""

    components: dict[str, Component] = field(default_factory=dict)
    pools: list[PoolRecord] = field(default_factory=list)

    def count(self, name: str, n_events: int, cross_section_fb: float, error_fb: float) -> None:
        component = self.components.setdefault(name, Component(name))
        component.count(n_events, cross_section_fb, error_fb)

    def for_sidecar(self) -> dict[str, list[dict]]:
        return {
            "components": [asdict(component) for component in self.components.values()],
            "pools": [asdict(pool) for pool in self.pools],
        }


def data_slices(
    spec: SimulateSpec, luminosity_fb: float, account: DataAccount
) -> Iterator[dict[str, np.ndarray]]:
    """Columns of the candidates of a block of data, one slice of luminosity after the other.

    Every process contributes a Poisson number of events. Those of a slice are shuffled, their runs ascend,
    and events are numbered through the block.
    """
    pools: dict[str, Pool] = {
        p: _filled_pool(spec, p, luminosity_fb, account) for p in spec.processes if p != "fourmuon"
    }
    n_slices = math.ceil(luminosity_fb / SLICE_FB)
    luminosity = luminosity_fb / n_slices
    edges = np.linspace(spec.runs[0], spec.runs[1] + 1, n_slices + 1).astype(int)
    first_event = 1
    for number in range(n_slices):
        batches = [
            candidate_columns(
                reconstruct(replace(particles, found=found), spec.detector, spec.ntuple, rng),
                spec.detector,
                spec.ntuple,
                truth=False,
            )
            for particles, found, rng in _events(spec, pools, luminosity, number, account)
        ]
        columns = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
        runs = (edges[number], max(edges[number + 1], edges[number] + 1))  # more slices than runs share them
        columns = _in_order_of_taking(columns, runs, first_event, random_stream(spec, "runs", number))
        n_events = len(columns["__event__"]) // N_CANDIDATES
        first_event += n_events
        report(spec, f"slice {number + 1} of {n_slices} ({luminosity:g} fb-1): {n_events} events")
        yield columns


def _events(
    spec: SimulateSpec, pools: dict[str, Pool], luminosity: float, number: int, account: DataAccount
) -> Iterator[tuple[Particles, np.ndarray | None, np.random.Generator]]:
    """Events of one slice: particles, which are found as tracks where that is decided, random numbers."""
    yield NO_EVENTS, None, random_stream(spec)  # a slice without events has columns all the same
    for process in spec.processes:
        rng = random_stream(spec, process, number)
        if process == "fourmuon":
            yield from ((particles, None, rng) for particles in _fourmuon(spec, luminosity, rng, account))
        else:
            drawn = _drawn(process, pools[process], luminosity, rng, account)
            yield from ((particles, found, rng) for particles, found in drawn)
    if spec.injection:
        rng = random_stream(spec, "injection", number)
        model, mass = spec.injection.model, spec.injection.mass_GeV
        wanted = int(rng.poisson(spec.injection.cross_section_fb * luminosity))
        component = account.components.setdefault("injection", Component(model, mass))
        component.count(wanted, spec.injection.cross_section_fb, 0.0)
        if wanted:
            yield generate(model, mass, wanted, rng, spec.alpha).particles, None, rng


def _fourmuon(
    spec: SimulateSpec, luminosity: float, rng: np.random.Generator, account: DataAccount
) -> Iterator[Particles]:
    n_events = math.ceil(FOURMUON_ESTIMATE_FB * luminosity)
    generated = generate("fourmuon", None, n_events, rng, spec.alpha)
    wanted = int(rng.poisson(generated.cross_section_fb * luminosity))
    account.count("fourmuon", wanted, generated.cross_section_fb, generated.cross_section_error_fb)
    yield _first_events(generated.particles, min(wanted, n_events))
    if wanted > n_events:
        yield generate("fourmuon", None, wanted - n_events, rng, spec.alpha).particles


def _first_events(particles: Particles, n_events: int) -> Particles:
    n = int(np.searchsorted(particles.event, n_events))
    return Particles(
        particles.event[:n],
        particles.pdg[:n],
        particles.momentum[:n],
        particles.vertex[:n],
        particles.from_signal[:n],
        n_events,
    )


def _filled_pool(spec: SimulateSpec, process: str, luminosity_fb: float, account: DataAccount) -> Pool:
    n_events = POOL_EVENTS[process]
    sqrt_s = BEAMS["belle2"].sqrt_s
    rng = random_stream(spec, "pool", process)
    pool = merge_pools(
        fill_pool(generate_pythia(process, min(POOL_BATCH, n_events - first), rng, sqrt_s).particles)
        for first in range(0, n_events, POOL_BATCH)
    )
    produced = published_cross_section_fb(process)[0] * luminosity_fb
    limit = None if pool.passed else -math.log(0.1) / n_events * produced
    record = PoolRecord(process, n_events, pool.passed, pool.efficiency, pool.efficiency * produced, limit)
    account.pools.append(record)
    report(spec, f"{process}: {pool.passed} of {n_events} pool events can have four tracks of enough mass")
    return pool


def _drawn(
    process: str, pool: Pool, luminosity: float, rng: np.random.Generator, account: DataAccount
) -> Iterator[tuple[Particles, np.ndarray]]:
    cross_section, error = published_cross_section_fb(process)
    wanted = int(rng.poisson(cross_section * luminosity * pool.efficiency))
    account.count(process, wanted, cross_section, error)
    for first in range(0, wanted, BATCH):
        yield pool.draw(min(BATCH, wanted - first), rng)


def _in_order_of_taking(
    columns: dict[str, np.ndarray], runs: tuple[int, int], first_event: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Events shuffled, numbered from `first_event`, with ascending runs in [first, last) drawn at random."""
    n_events = len(columns["__event__"]) // N_CANDIDATES
    order = rng.permutation(n_events)
    shuffled = {name: c.reshape(-1, N_CANDIDATES)[order].ravel() for name, c in columns.items()}
    shuffled["__run__"] = np.repeat(np.sort(rng.integers(*runs, n_events)), N_CANDIDATES)
    shuffled["__event__"] = np.repeat(first_event + np.arange(n_events), N_CANDIDATES)
    return shuffled
