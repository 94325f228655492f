"""One block of simulated ntuples: events, the detector response, a ROOT file and its sidecar."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.config.stages import SimulateSpec, as_json
from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.simulation.block_data import DataAccount, data_slices
from darkreach.simulation.block_generators import BATCH, Component, generate, random_stream, report
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.ntuple_writer import NtupleWriter
from darkreach.simulation.response import reconstruct

EXPERIMENT = {"data": 26, "background": 1003, "signal": 1003}  # 1003: simulation, as at Belle II
KEYS = ("__experiment__", "__run__", "__event__", "__production__", "__candidate__", "__ncandidates__")


def simulate_block(spec: SimulateSpec, output: Path) -> None:
    """Simulate one block: the ntuple `output`, and beside it what is in it as JSON.

    Both appear under their names only when they are complete. The ntuple has one row per candidate of the
    events that pass a loose preselection: four clean tracks of zero charge, heavier than 9.2 GeV, two of
    which have muonID > 0.1. Stand-in data have no column of truth. (experiment, run, event, production) is
    unique.

    Raises:
        DarkreachError: the runs are in the wrong order, the output cannot be written, or X is too heavy.
    """
    if spec.runs[0] > spec.runs[1]:
        raise DarkreachError(
            f"--spec: 'runs' of {spec.sample}/{spec.block} is {list(spec.runs)}; put the first run first"
        )
    if spec.kind == "data":
        account = DataAccount()
        batches = data_slices(spec, _needed(spec, "luminosity_fb"), account)
    else:
        components = [Component(process) for process in spec.processes]
        components += [Component(_needed(spec, "model"), mass) for mass in spec.masses_GeV]
        batches = _simulated_batches(spec, components, _needed(spec, "generated_events"))

    with NtupleWriter(output, identity=as_json(spec)) as writer:
        for columns in batches:
            writer.extend(_with_keys(columns, spec))
    content = account.for_sidecar() if spec.kind == "data" else {"components": list(map(asdict, components))}
    _write_sidecar(spec, output.with_suffix(".json"), content, writer.rows)


def _needed(spec: SimulateSpec, key: str) -> Any:
    value = getattr(spec, key)
    if value is None:
        raise DarkreachError(f"--spec: a block of {spec.kind} needs '{key}', which is null; give it a value")
    return value


def _simulated_batches(
    spec: SimulateSpec, components: list[Component], n_each: int
) -> Iterator[dict[str, np.ndarray]]:
    """Columns of background or signal, batch by batch; runs ascend with the number of the generated event."""
    n_total = n_each * len(components)
    first_run, last_run = spec.runs
    first_event = 0
    for component in components:
        rng = random_stream(spec, component.process, component.mass_GeV)
        for done in range(0, n_each, BATCH):
            n_events = min(BATCH, n_each - done)
            generated = generate(component.process, component.mass_GeV, n_events, rng, spec.alpha)
            component.count(n_events, generated.cross_section_fb, generated.cross_section_error_fb)
            events = reconstruct(generated.particles, spec.detector, spec.ntuple, rng)
            columns = candidate_columns(
                events, spec.detector, spec.ntuple, truth=True, signal_mass=component.mass_GeV
            )
            number = first_event + columns["__event__"]
            columns["__run__"] = first_run + (last_run - first_run + 1) * number // n_total
            columns["__event__"] = number + 1
            first_event += n_events
            label = f"{component.process} {component.mass_GeV or ''}".strip()
            kept = f"kept {len(events.event)} of the last {n_events}"
            report(spec, f"{label}: {done + n_events} of {n_each} events, {kept}")
            yield columns


def _with_keys(columns: dict[str, np.ndarray], spec: SimulateSpec) -> dict[str, np.ndarray]:
    """Complete the columns that identify a row; they come first, as the 32-bit integers of basf2."""
    rows = len(columns["__event__"])
    production = zlib.crc32(f"{spec.sample}/{spec.block}".encode()) & 0x7FFFFFFF
    columns["__experiment__"] = np.full(rows, EXPERIMENT[spec.kind])
    columns["__production__"] = np.full(rows, production)
    return {name: columns[name].astype(np.int32) for name in KEYS} | {
        name: values for name, values in columns.items() if name not in KEYS
    }


def _write_sidecar(spec: SimulateSpec, path: Path, content: dict, rows: int) -> None:
    text = {
        "sample": spec.sample,
        "block": spec.block,
        "seed": spec.seed,
        "luminosity_fb": spec.luminosity_fb,
        **content,
        "entries": rows,
        "events_written": rows // 4,
    }
    write_whole(path, (json.dumps(text, indent=1) + "\n").encode())
