"""The sentence that each mistake in the configuration gets."""

import copy

import pytest
import yaml

from darkreach.config import stages
from darkreach.config.root import load_config, read_yaml
from darkreach.errors import DarkreachError

MAIN, SEARCH, SAMPLES = (
    "config/config.yaml",
    "config/searches/mumu_resonance.yaml",
    "config/samples/default.yaml",
)


@pytest.fixture(autouse=True)
def _in_repository(monkeypatch, pytestconfig):
    monkeypatch.chdir(pytestconfig.rootpath)


def load_changed(change):
    """Load the default configuration, written out in one mapping, after `change(values)`."""
    values = read_yaml(MAIN)
    values["searches"] = {"mumu_resonance": read_yaml(SEARCH)}
    values["samples"] = read_yaml(SAMPLES)
    change(values)
    return load_config(values, "my.yaml")


def set_at(path, value):
    def change(values):
        *parents, last = path.split(".")
        for part in parents:
            values = values[int(part) if part.isdigit() else part]
        if value is None:
            del values[last]
        else:
            values[last] = value

    return change


SENTENCES = [
    ("sed", 1, "my.yaml: unknown key 'sed'; did you mean 'seed'?"),
    (
        "searches.mumu_resonance.scan.step_sigm",
        1,
        "my.yaml: unknown key 'searches.mumu_resonance.scan.step_sigm'; did you mean 'step_sigma'?",
    ),
    (
        "searches.mumu_resonance.regions.0.nme",
        "x",
        "my.yaml: unknown key 'searches.mumu_resonance.regions.0.nme'; did you mean 'name'?",
    ),
    (
        "searches.mumu_resonance.columns.tracks.x_plus",
        None,
        "my.yaml: 'searches.mumu_resonance.columns': 'tracks' lacks 'x_plus'",
    ),
    ("seed", None, "my.yaml: 'seed' is missing"),
    (
        "executor",
        "daks",
        "my.yaml: 'executor': input should be 'dask', 'futures' or 'iterative', found 'daks'; "
        "did you mean 'dask'?",
    ),
    (
        "samples.data.blocks.b01.luminosity_fb",
        None,
        "my.yaml: 'samples.data': block 'b01' of a data sample needs 'luminosity_fb'",
    ),
    (
        "samples.data.blocks.b01.files",
        ["a.root"],
        "my.yaml: 'samples.data': block 'b01' of this data sample cannot have 'files'",
    ),
    (
        "samples.zprime",
        None,
        "my.yaml: 'the file': search 'mumu_resonance' interprets 'zprime', which has no signal sample",
    ),
    (
        "searches.mumu_resonance.scan.step_sigma",
        -1,
        "my.yaml: 'searches.mumu_resonance.scan.step_sigma': input should be greater than 0, found -1",
    ),
    (
        "searches.mumu_resonance.regions.0.range_GeV",
        [1.0, 0.21],
        "my.yaml: 'searches.mumu_resonance.regions.0': 'range_GeV' must be [low, high] with low < high, "
        "found [1.0, 0.21]",
    ),
    ("injection", {"model": "zprime", "mass_GeV": 3}, "my.yaml: 'injection.cross_section_fb' is missing"),
]


@pytest.mark.parametrize(("path", "value", "sentence"), SENTENCES, ids=[path for path, *_ in SENTENCES])
def test_a_mistake_gets_one_sentence(path, value, sentence):
    with pytest.raises(DarkreachError) as error:
        load_changed(set_at(path, value))
    assert str(error.value) == sentence


def test_the_default_configuration_is_valid():
    config = load_config(read_yaml(MAIN), MAIN)
    assert set(config.searches) == {"mumu_resonance"}
    assert {sample.kind for sample in config.samples.values()} == {"data", "background", "signal"}


def test_every_configuration_file_is_valid(pytestconfig):
    files = sorted(pytestconfig.rootpath.glob("config/published/*.yaml"))
    assert files
    for path in files:
        load_config({**read_yaml(MAIN), **read_yaml(path)}, path.name)


def test_user_files_need_what_counts_them():
    def without_cross_section(values):
        values["samples"]["qqbar"] = {"kind": "background", "blocks": {"b": {"files": ["a.root"]}}}

    with pytest.raises(DarkreachError, match=r"needs 'cross_section_fb'"):
        load_changed(without_cross_section)


def test_a_search_can_be_based_on_a_file():
    values = read_yaml(MAIN)
    values["searches"] = {"mumu_resonance": {"base": SEARCH, "scan": {"chunks": 7}}}
    search = load_config(values, "my.yaml").searches["mumu_resonance"]
    assert search.scan.chunks == 7
    assert search.scan.confidence_level == 0.90


def test_a_mistake_is_found_in_the_file_that_has_it(tmp_path):
    search = read_yaml(SEARCH)
    search["scan"]["chunkss"] = 3
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(search))
    values = read_yaml(MAIN)
    values["searches"] = {"mumu_resonance": str(path)}
    with pytest.raises(DarkreachError) as error:
        load_config(values, "my.yaml")
    assert str(error.value) == f"{path}: unknown key 'scan.chunkss'; did you mean 'chunks'?"
    values["searches"] = {"mumu_resonance": {"base": SEARCH, "scan": {"chunkss": 3}}}
    with pytest.raises(DarkreachError, match=r"my\.yaml: unknown key"):
        load_config(values, "my.yaml")


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(DarkreachError, match=r"absent\.yaml: cannot read this configuration file"):
        read_yaml(tmp_path / "absent.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1\nb: 2\n")
    with pytest.raises(DarkreachError, match=r"broken\.yaml, line 2: not valid YAML"):
        read_yaml(broken)


def test_collision_data_are_blind_until_unblinded():
    def own_data(values):
        values["samples"]["data"] = {
            "kind": "data",
            "blocks": {"b": {"files": ["a.root"], "luminosity_fb": 1}},
        }

    assert not stages.is_blind(load_config(read_yaml(MAIN), MAIN), "mumu_resonance")
    assert stages.is_blind(load_changed(own_data), "mumu_resonance")

    def unblinded(values):
        own_data(values)
        values["searches"]["mumu_resonance"]["unblinded"] = True

    assert not stages.is_blind(load_changed(unblinded), "mumu_resonance")


def test_a_specification_holds_only_what_matters():
    config = load_config(read_yaml(MAIN), MAIN)
    spec = stages.as_json(stages.scan_spec(config, "mumu_resonance", "zprime"))
    other = copy.deepcopy(read_yaml(MAIN))
    other["seed"] = 1
    assert stages.as_json(stages.scan_spec(load_config(other, MAIN), "mumu_resonance", "zprime")) == spec
    assert stages.read_spec(stages.ScanSpec, spec) == stages.scan_spec(config, "mumu_resonance", "zprime")
    with pytest.raises(DarkreachError, match=r"--spec: 'model'"):
        stages.read_spec(stages.ScanSpec, spec.replace('"model":"zprime"', '"model":"zzz"'))
