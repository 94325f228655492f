"""One block of simulated ntuples: events, the detector response, a ROOT file and its sidecar."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.config.stages import SimulateSpec, as_json
from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.simulation.block_data import Account, luminosity_slices
from darkreach.simulation.block_generators import BATCH, Component, Generators, random_stream, report
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.ntuple_writer import NtupleWriter
from darkreach.simulation.particles import Generated, batch_sizes
from darkreach.simulation.response import reconstruct

# Data get numbers of experiments that there were; 1003 is simulation, as at Belle II.
DATA_EXPERIMENT = {"belle2": 26, "belle": 55}
SIMULATION_EXPERIMENT = 1003
KEYS = ("__experiment__", "__run__", "__event__", "__production__", "__candidate__", "__ncandidates__")


def simulate_block(spec: SimulateSpec, output: Path, tau_library: Path | None = None) -> None:
    """Simulate one block: the ntuple `output`, and beside it what is in it as JSON.

    Both appear under their names only when they are complete. The ntuple has one row per candidate that
    passes `spec.ntuple`. Stand-in data have no column of truth. (experiment, run, event, production) is
    unique. `tau_library` is the file of the run's τ decays; without it they are made again, the same.

    Raises:
        DarkreachError: the runs are in the wrong order, the output cannot be written, or X is too heavy.
    """
    if spec.runs[0] > spec.runs[1]:
        raise DarkreachError(
            f"--spec: 'runs' of {spec.sample}/{spec.block} is {list(spec.runs)}; put the first run first"
        )
    account, generators = Account(), Generators(spec, tau_library)
    if spec.kind == "data" or spec.luminosity_fb is not None:
        batches = luminosity_slices(spec, _needed(spec, "luminosity_fb"), account, generators)
    else:
        batches = _numbered_batches(spec, _needed(spec, "generated_events"), account, generators)
    events_written = 0
    with NtupleWriter(output, identity=as_json(spec)) as writer:
        for columns in batches:
            writer.extend(_with_keys(columns, spec))
            events_written += len(np.unique(columns["__event__"]))
    _write_sidecar(spec, output.with_suffix(".json"), account, writer.rows, events_written)


def _needed(spec: SimulateSpec, key: str) -> Any:
    value = getattr(spec, key)
    if value is None:
        raise DarkreachError(f"--spec: a block of {spec.kind} needs '{key}', which is null; give it a value")
    return value


def _components(spec: SimulateSpec) -> list[Component]:
    """What is generated in equal numbers: each process, or each mass with each lifetime of a signal."""
    if spec.kind == "background":
        return [Component(process) for process in spec.processes]
    model, decay = _needed(spec, "model"), _needed(spec, "decay")
    return [
        Component(model, mass, lifetime, decay) for mass in spec.masses_GeV for lifetime in spec.lifetimes_m
    ]


def _numbered_batches(
    spec: SimulateSpec, n_each: int, account: Account, generators: Generators
) -> Iterator[dict[str, np.ndarray]]:
    """Columns of background or signal, batch by batch; runs ascend with the number of the generated event."""
    components = _components(spec)
    n_total = n_each * len(components)
    first_run, last_run = spec.runs
    first_event = 0
    for component in components:
        label = " ".join(
            str(part)
            for part in (component.process, component.mass_GeV, component.lifetime_m)
            if part is not None
        )
        account.components[label] = component
        rng = random_stream(spec, component.process, component.mass_GeV, component.lifetime_m)
        for n_events in batch_sizes(n_each, BATCH):
            generated = _generated(component, generators, n_events, rng)
            component.count(n_events, generated.cross_section_fb, generated.cross_section_error_fb)
            events = reconstruct(generated.particles, spec.detector, spec.ntuple, rng)
            columns = candidate_columns(
                events, spec.detector, spec.ntuple, truth=True, signal_mass=component.mass_GeV
            )
            if component.lifetime_m is not None:
                columns["d0_trueLifetime"] = np.full(len(columns["__event__"]), component.lifetime_m)
            number = first_event + columns["__event__"]
            columns["__run__"] = first_run + (last_run - first_run + 1) * number // n_total
            columns["__event__"] = number + 1
            first_event += n_events
            kept = f"kept {len(events.event)} of the last {n_events}"
            report(spec, f"{label}: {component.generated_events} of {n_each} events, {kept}")
            yield columns


def _generated(
    component: Component, generators: Generators, n_events: int, rng: np.random.Generator
) -> Generated:
    if component.mass_GeV is None:
        return generators.background(component.process, n_events, rng)
    assert component.lifetime_m is not None and component.decay is not None
    return generators.signal(
        component.process, component.mass_GeV, component.lifetime_m, component.decay, n_events, rng
    )


def _with_keys(columns: dict[str, np.ndarray], spec: SimulateSpec) -> dict[str, np.ndarray]:
    """Complete the columns that identify a row; they come first, as the 32-bit integers of basf2."""
    rows = len(columns["__event__"])
    production = zlib.crc32(f"{spec.sample}/{spec.block}".encode()) & 0x7FFFFFFF
    number = DATA_EXPERIMENT[spec.detector] if spec.kind == "data" else SIMULATION_EXPERIMENT
    columns["__experiment__"] = np.full(rows, number)
    columns["__production__"] = np.full(rows, production)
    return {name: columns[name].astype(np.int32) for name in KEYS} | {
        name: values for name, values in columns.items() if name not in KEYS
    }


def _write_sidecar(spec: SimulateSpec, path: Path, account: Account, rows: int, events_written: int) -> None:
    text = {
        "sample": spec.sample,
        "block": spec.block,
        "seed": spec.seed,
        "luminosity_fb": spec.luminosity_fb,
        **account.for_sidecar(),
        "entries": rows,
        "events_written": events_written,
    }
    write_whole(path, (json.dumps(text, indent=1) + "\n").encode())
