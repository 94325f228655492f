"""A configuration with two searches and data of the user's own, and files for it."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from darkreach.catalogue.update import update
from darkreach.config.cataloguing import catalogue_spec
from darkreach.config.root import Config, load_config, read_yaml, replaced
from darkreach.status.jobs import Job, State, read_summary

REPOSITORY = Path(__file__).parents[2]
RECORDED = Path(__file__).parent / "recorded"


@pytest.fixture
def configured(tmp_path, monkeypatch) -> Callable[..., Config]:
    """The test configuration of a growing sample, with results and files in tmp_path, and changes."""

    def make(changes: dict[str, Any] | None = None) -> Config:
        monkeypatch.chdir(REPOSITORY)
        values = read_yaml("config/test/incremental.yaml")
        own = {"samples": {"mumu_data": {"files": [str(tmp_path / "mine")]}}}
        config = load_config(replaced(replaced(values, own), changes or {}), "incremental.yaml")
        monkeypatch.chdir(tmp_path)
        return config

    return make


@pytest.fixture
def config(configured) -> Config:
    return configured()


@pytest.fixture
def recorded(config) -> Callable[[str], dict[Job, State]]:
    """What `snakemake --detailed-summary` printed of real runs of the test configuration.

    finished: six blocks of data, all done. changed: afterwards the extra energy in the selection of
    dimuon_recoil and the end of the scan of mumu_resonance are others, histograms of b00002 and the skim of
    b00003 removed. Commands and inputs are left out where no test needs them.
    """

    def read(name: str) -> dict[Job, State]:
        with open(RECORDED / f"{name}.tsv", encoding="utf-8") as table:
            return read_summary(table, config)

    return read


@pytest.fixture
def write_file(tmp_path) -> Callable[..., str]:
    """Write an ntuple with some events of each run of experiment 26; returns its path."""

    def write(name: str, runs: Iterable[int], events: int = 10) -> str:
        run = np.repeat(np.array(list(runs), dtype=np.int32), events)
        columns = {
            "__experiment__": np.full(len(run), 26, dtype=np.int32),
            "__run__": run,
            "__event__": np.arange(len(run), dtype=np.uint32),
        }
        path = tmp_path / "mine" / name
        path.parent.mkdir(exist_ok=True)
        with uproot.recreate(path) as file:
            file.mktree("variables", {key: values.dtype for key, values in columns.items()})
            file["variables"].extend(columns)
        return str(path)

    return write


@pytest.fixture
def catalogue(config, tmp_path, write_file) -> Callable[..., None]:
    """Bring the catalogue of the test configuration, or of another one, up to date."""

    def run(other: Config | None = None) -> None:
        update(catalogue_spec(other or config), Path(config.results, "catalogue"))

    return run
