"""A block by luminosity: processes in proportion to their cross-sections, in slices of luminosity.

Stand-in data are made so, from all their processes, and backgrounds that are worth a luminosity, from one.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field

import numpy as np

from darkreach.config.stages import SimulateSpec
from darkreach.simulation.block_generators import BATCH, Component, Generators, random_stream, report
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.particles import Particles, batch_sizes
from darkreach.simulation.response import reconstruct
from darkreach.simulation.samplers import Pooled, PoolRecord, Sampler, sampler_of

SLICE_FB = 5.0  # luminosity of which the candidates are in memory at a time, fb⁻¹


@dataclass
class Account:
    """What went into a block of a luminosity: `generated_events` are those produced in it."""

    components: dict[str, Component] = field(default_factory=dict)
    pools: list[PoolRecord] = field(default_factory=list)

    def for_sidecar(self) -> dict[str, list[dict]]:
        return {
            "components": [asdict(component) for component in self.components.values()],
            "pools": [asdict(pool) for pool in self.pools],
        }


def luminosity_slices(
    spec: SimulateSpec, luminosity_fb: float, account: Account, generators: Generators
) -> Iterator[dict[str, np.ndarray]]:
    """Columns of the candidates of a block, one slice of luminosity after the other.

    Every process contributes a Poisson number of events. Those of a slice are shuffled, their runs ascend,
    and events are numbered through the block.
    """
    samplers: dict[str, Sampler] = {
        process: sampler_of(process, spec, generators) for process in spec.processes
    }
    account.pools += [sampler.record for sampler in samplers.values() if isinstance(sampler, Pooled)]
    n_slices = math.ceil(luminosity_fb / SLICE_FB)
    luminosity = luminosity_fb / n_slices
    edges = np.linspace(spec.runs[0], spec.runs[1] + 1, n_slices + 1).astype(int)
    first_event = 1
    for number in range(n_slices):
        batches, n_before = [], 0
        for particles, rng in _events(spec, generators, samplers, luminosity, number, account):
            events = reconstruct(particles, spec.detector, spec.ntuple, rng)
            truth = spec.kind != "data"
            batch = candidate_columns(events, spec.detector, spec.ntuple, truth)
            if truth:
                source = np.zeros(particles.n_events, int) if particles.source is None else particles.source
                batch["__source__"] = source[batch["__event__"]]
            batches.append(batch | {"__event__": batch["__event__"] + n_before})
            n_before += particles.n_events
        columns = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
        runs = (edges[number], max(edges[number + 1], edges[number] + 1))  # more slices than runs share them
        columns = _in_order_of_taking(columns, runs, first_event, random_stream(spec, "runs", number))
        n_events = len(np.unique(columns["__event__"]))
        first_event += n_events
        report(spec, f"slice {number + 1} of {n_slices} ({luminosity:g} fb-1): {n_events} events")
        yield columns


def no_events() -> Particles:
    """A batch without events."""
    vectors = np.empty((0, 4)), np.empty((0, 3))
    return Particles(np.empty(0, int), np.empty(0, int), *vectors, np.empty(0, bool), 0)


def _events(
    spec: SimulateSpec,
    generators: Generators,
    samplers: dict[str, Sampler],
    luminosity: float,
    number: int,
    account: Account,
) -> Iterator[tuple[Particles, np.random.Generator]]:
    """Events of one slice, and the random numbers for their response."""
    yield no_events(), random_stream(spec)  # a slice without events has columns all the same
    for process, sampler in samplers.items():
        rng = random_stream(spec, process, number)
        produced = int(rng.poisson(sampler.cross_section_fb * luminosity))
        component = account.components.setdefault(process, Component(process))
        component.count(produced, sampler.cross_section_fb, sampler.cross_section_error_fb)
        yield from ((particles, rng) for particles in sampler.possible(produced, rng))
    if spec.injection:
        rng = random_stream(spec, "injection", number)
        yield from ((particles, rng) for particles in _injected(spec, generators, luminosity, rng, account))


def _injected(
    spec: SimulateSpec,
    generators: Generators,
    luminosity: float,
    rng: np.random.Generator,
    account: Account,
) -> Iterator[Particles]:
    injection = spec.injection
    assert injection is not None
    model, mass, lifetime, decay = injection.model, injection.mass_GeV, injection.lifetime_m, injection.decay
    wanted = int(rng.poisson(injection.cross_section_fb * luminosity))
    component = account.components.setdefault("injection", Component(model, mass, lifetime, decay))
    component.count(wanted, injection.cross_section_fb, 0.0)
    for n_events in batch_sizes(wanted, BATCH):
        yield generators.signal(model, mass, lifetime, str(decay), n_events, rng).particles


def _in_order_of_taking(
    columns: dict[str, np.ndarray], runs: tuple[int, int], first_event: int, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Events shuffled, numbered from `first_event`, with ascending runs in [first, last) drawn at random."""
    _, event, number_of_rows = np.unique(columns["__event__"], return_inverse=True, return_counts=True)
    place = rng.permutation(len(number_of_rows))  # of each event in the new order
    rows = np.argsort(place[event], kind="stable")
    shuffled = {name: column[rows] for name, column in columns.items()}
    new_event = place[event][rows]
    shuffled["__run__"] = np.sort(rng.integers(*runs, len(place)))[new_event]
    shuffled["__event__"] = first_event + new_event
    return shuffled
