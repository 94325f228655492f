"""The sentence that each mistake in the configuration gets."""

import copy
from typing import get_args

import pytest
import yaml

from darkreach.cli import main
from darkreach.config import stages
from darkreach.config.root import load_config, read_yaml
from darkreach.config.search import GMinus2Band
from darkreach.errors import DarkreachError
from darkreach.models.gminus2 import GM2_BANDS
from darkreach.publish.figure import gm2_band
from darkreach.searches.registry import search_names

MAIN, SEARCH, SAMPLES = (
    "config/config.yaml",
    "config/searches/mumu_resonance.yaml",
    "config/samples/mumu_resonance.yaml",
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
        "my.yaml: 'searches.mumu_resonance.columns.tracks': lacks 'x_plus'",
    ),
    ("searches", None, "my.yaml: 'searches' is missing"),
    (
        "executor",
        "daks",
        "my.yaml: 'executor': input should be 'dask', 'futures' or 'iterative', found 'daks'; "
        "did you mean 'dask'?",
    ),
    (
        "samples.mumu_data.blocks.b01.luminosity_fb",
        None,
        "my.yaml: 'samples.mumu_data': block 'b01' of a data sample needs 'luminosity_fb'",
    ),
    (
        "samples.mumu_data.blocks.b01.files",
        ["a.root"],
        "my.yaml: 'samples.mumu_data': block 'b01' of this data sample cannot have 'files'",
    ),
    (
        "samples.mumu_zprime",
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
    (
        "searches.mumu_resonance.g_minus_2_band",
        "FNAL24+WP20",
        "my.yaml: 'searches.mumu_resonance.g_minus_2_band': input should be 'BaBar_2020', 'FNAL21+WP20', "
        "'FNAL23+WP20' or 'FNAL25+WP25', found 'FNAL24+WP20'; did you mean 'FNAL23+WP20'?",
    ),
    (
        "searches.mumu_resonance.systematics.rates.background_0",
        0.1,
        "my.yaml: 'searches.mumu_resonance.systematics': 'rates' cannot have 'background_0', "
        "a parameter of every fit; rename it",
    ),
    (
        "searches.mumu_resonance.vetoes.1.name",
        "J-psi",
        "my.yaml: 'searches.mumu_resonance': 'vetoes' has 'J-psi' twice; remove or rename one",
    ),
    (
        "searches.mumu_resonance.models",
        ["zprime", "zprime"],
        "my.yaml: 'searches.mumu_resonance': 'models' has 'zprime' twice; remove or rename one",
    ),
    (
        "searches.mumu_resonance.regions.1.range_GeV",
        [1.5, 3.75],
        "my.yaml: 'searches.mumu_resonance': no region covers 1 GeV, but 'scan.range_GeV' is [0.212, 9]; "
        "extend 'regions' or narrow the scan",
    ),
    (
        "searches.mumu_resonance.observables.0.maximum_GeV",
        8.5,
        "my.yaml: 'searches.mumu_resonance': 'scan.range_GeV' ends at 9 GeV, beyond 'maximum_GeV' of "
        "'reduced_mass', 8.5 GeV; narrow the scan or raise the maximum",
    ),
    (
        "searches.mumu_resonance.selection.minimum_muonid",
        0.5,
        "my.yaml: unknown key 'searches.mumu_resonance.selection.minimum_muonid'; "
        "did you mean 'minimum_muon_id'?",
    ),
    (
        "searches.mumu_resonance.selection.minimum_muon_id",
        1.5,
        "my.yaml: 'searches.mumu_resonance.selection.minimum_muon_id': "
        "input should be less than or equal to 1, found 1.5",
    ),
    (
        "searches.mumu_resonance.selection.four_track_mass_GeV",
        [11.0, 10.0],
        "my.yaml: 'searches.mumu_resonance.selection.four_track_mass_GeV': must be [low, high] with "
        "low < high, found [11.0, 10.0]",
    ),
    (
        "searches.mumu_resonance.regions.0.channel",
        "ee",
        "my.yaml: 'searches.mumu_resonance': 'regions' name channel 'ee', which 'channels' lacks",
    ),
    (
        "searches.mumu_resonance.unblind",
        True,
        "my.yaml: 'searches.mumu_resonance.unblind' must have lines of the form 'key: value', found True",
    ),
    (
        "searches.mumu_resonance.unblind",
        {"who": "A. Analyst", "when": "2026-11-23"},
        "my.yaml: 'searches.mumu_resonance.unblind.why' is missing",
    ),
    (
        "searches.mumu_resonance.unblind",
        {"who": "A. Analyst", "when": "soon", "why": "x"},
        "my.yaml: 'searches.mumu_resonance.unblind.when': input should be a valid date or datetime, "
        "input is too short, found 'soon'",
    ),
    (
        "searches.mumu_resonance.scan.step_GeV",
        0.1,
        "my.yaml: 'searches.mumu_resonance.scan': give one of 'step_sigma' and 'step_GeV'",
    ),
    (
        "samples.mumu_data.searches",
        ["mumu"],
        "my.yaml: 'the file': sample 'mumu_data' serves search 'mumu', which 'searches' lacks",
    ),
    (
        "samples.mumu_zprime.blocks.all.lifetimes_m",
        [0.1, 0.1],
        "my.yaml: 'samples.mumu_zprime': block 'all' has a lifetime twice in 'lifetimes_m'; give each once",
    ),
    (
        "searches.mumu_resonance.scan.range_GeV",
        [9.0, 0.212],
        "my.yaml: 'searches.mumu_resonance.scan': 'range_GeV' must be [low, high] with low < high, "
        "found [9.0, 0.212]",
    ),
    (
        "samples.mumu_zprime.blocks.all.masses_GeV",
        [0.212, 5.75, 8.0],
        "my.yaml: 'the file': search 'mumu_resonance' scans 0.212 to 9 GeV, but the signals of 'zprime' are "
        "from 0.212 to 8 GeV; narrow 'scan.range_GeV' or add signals at its ends",
    ),
    (
        "samples.mumu_data.blocks.b02.runs",
        [150, 450],
        "my.yaml: 'samples.mumu_data': blocks 'b01' and 'b02' both have run 150; "
        "give each block 'runs' of its own",
    ),
    (
        "samples.mumu_data.blocks.b02.runs",
        [601, 2**33],
        "my.yaml: 'samples.mumu_data.blocks.b02.runs.1': "
        "input should be less than 2147483648, found 8589934592",
    ),
    (
        "samples.mumu_zprime.blocks.all.masses_GeV",
        [0.212, 0.3, 0.3],
        "my.yaml: 'samples.mumu_zprime': block 'all' has a mass twice in 'masses_GeV'; give each once",
    ),
    (
        "samples.mumu_data.blocks.b01.luminosity_fb",
        float("inf"),
        "my.yaml: 'samples.mumu_data.blocks.b01.luminosity_fb': input should be a finite number, found inf",
    ),
    (
        "searches.mumu_resonance.scan",
        [1, 2],
        "my.yaml: 'searches.mumu_resonance.scan' must have lines of the form 'key: value', found a list",
    ),
    (
        "samples.mumu_data.blocks.b01",
        "12 fb",
        "my.yaml: 'samples.mumu_data.blocks.b01' must have lines of the form 'key: value', found '12 fb'",
    ),
    (
        "samples.my data",
        {},
        "my.yaml: 'samples.my data': names consist of letters, digits, '_', '.' and '-' (and 1 more)",
    ),
]


@pytest.mark.parametrize(("path", "value", "sentence"), SENTENCES, ids=[path for path, *_ in SENTENCES])
def test_a_mistake_gets_one_sentence(path, value, sentence):
    with pytest.raises(DarkreachError) as error:
        load_changed(set_at(path, value))
    assert str(error.value) == sentence


def test_the_default_configuration_is_valid():
    config = load_config(read_yaml(MAIN), MAIN)
    assert {*config.searches, "dimuon_recoil"} == set(search_names())
    assert {sample.kind for sample in config.samples.values()} == {"data", "background", "signal"}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"- 1", "must have lines of the form 'key: value', found a list"),
        (b"", "must have lines of the form 'key: value', found nothing"),
        (b"\xff\xfe", "not a text file; give a YAML file"),
    ],
)
def test_a_file_that_is_no_mapping(tmp_path, content, sentence):
    path = tmp_path / "samples.yaml"
    path.write_bytes(content)
    for change in (set_at("samples", str(path)), set_at("searches.mumu_resonance", str(path))):
        with pytest.raises(DarkreachError) as error:
            load_changed(change)
        assert str(error.value) == f"{path}: {sentence}"


def test_every_band_of_the_configuration_is_known_to_the_figures():
    bands = [gm2_band(name) for name in get_args(GMinus2Band)]
    assert bands == list(GM2_BANDS.values())


def test_every_configuration_file_is_valid(pytestconfig):
    files = sorted(pytestconfig.rootpath.glob("config/published/*.yaml"))
    assert files
    for path in files:
        config = load_config(read_yaml(path), path.name)
        assert list(config.searches) == [path.stem]


def test_check_says_what_a_configuration_holds(tmp_path, capsys):
    path = tmp_path / "mine.yaml"
    path.write_text(
        "searches: {mumu_resonance: {base: config/searches/mumu_resonance.yaml, models: [zprime]}}\n"
        "samples: config/samples/mumu_resonance.yaml"
    )
    assert main(["check", str(path)]) == 0
    assert "search mumu_resonance: zprime; 5 regions" in capsys.readouterr().out
    path.write_text("seeed: 1")
    assert main(["check", str(path)]) == 2
    assert f"{path}: unknown key 'seeed'; did you mean 'seed'?" in capsys.readouterr().err


def test_user_files_need_what_counts_them():
    def without_cross_section(values):
        values["samples"]["mumu_qqbar"] = {"kind": "background", "blocks": {"b": {"files": ["a.root"]}}}

    with pytest.raises(DarkreachError, match=r"needs 'cross_section_fb'"):
        load_changed(without_cross_section)


def test_a_search_can_be_based_on_a_file():
    values = {"samples": SAMPLES, "searches": {"mumu_resonance": {"base": SEARCH, "scan": {"chunks": 7}}}}
    search = load_config(values, "my.yaml").searches["mumu_resonance"]
    assert search.scan.chunks == 7
    assert search.scan.confidence_level == 0.90


def test_a_mistake_is_found_in_the_file_that_has_it(tmp_path):
    search = read_yaml(SEARCH)
    search["scan"]["chunkss"] = 3
    path = tmp_path / "search.yaml"
    path.write_text(yaml.safe_dump(search))
    values = {"samples": SAMPLES, "searches": {"mumu_resonance": str(path)}}
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
        values["samples"]["mumu_data"] = {
            "kind": "data",
            "blocks": {"b": {"files": ["a.root"], "luminosity_fb": 1}},
        }

    assert not stages.is_blind(load_config(read_yaml(MAIN), MAIN), "mumu_resonance")
    assert stages.is_blind(load_changed(own_data), "mumu_resonance")

    def unblinded(values):
        own_data(values)
        decision = {"who": "A. Analyst", "when": "2026-11-23", "why": "selection frozen"}
        values["searches"]["mumu_resonance"]["unblind"] = decision

    config = load_changed(unblinded)
    assert not stages.is_blind(config, "mumu_resonance")
    said = "unblinded by A. Analyst on 2026-11-23: selection frozen"
    assert str(config.searches["mumu_resonance"].unblind) == said


def test_a_specification_holds_only_what_matters(tmp_path):
    config = load_config(read_yaml(MAIN), MAIN)
    which = ("mumu_resonance", "zprime", "1.0000-3.7500_prompt")
    spec = stages.as_json(stages.scan_spec(config, *which))
    other = copy.deepcopy(read_yaml(MAIN))
    other["workers"] = 7
    assert stages.as_json(stages.scan_spec(load_config(other, MAIN), *which)) == spec
    assert stages.read_spec(stages.ScanSpec, spec) == stages.scan_spec(config, *which)
    with pytest.raises(DarkreachError, match=r"--spec @.*\.root: not a text file; give JSON"):
        (tmp_path / "a.root").write_bytes(b"root\xf3")
        stages.read_spec(stages.ScanSpec, f"@{tmp_path / 'a.root'}")
    with pytest.raises(DarkreachError, match=r"--spec: 'model'"):
        stages.read_spec(stages.ScanSpec, spec.replace('"model":"zprime"', '"model":"zzz"'))


def test_a_colour_concerns_the_figures_alone():
    def coloured(values):
        values["figures"] = {"one_sigma": "#123456"}

    before, after = load_config(read_yaml(MAIN), MAIN), load_changed(coloured)
    which = ("mumu_resonance", "zprime")
    assert after.figures.one_sigma == stages.figure_spec(after, *which).colours.one_sigma == "#123456"
    assert stages.figure_spec(before, *which).colours.one_sigma != "#123456"
    assert "123456" not in stages.as_json(stages.limits_spec(after, *which))
    with pytest.raises(DarkreachError, match=r"'figures.expected': a colour is written as '#rrggbb'"):
        load_changed(set_at("figures", {"expected": "red"}))


def test_a_limit_table_knows_what_the_stages_before_it_were_told():
    config = load_config(read_yaml(MAIN), MAIN)
    told = stages.limits_spec(config, "mumu_resonance", "zprime").made_with
    assert set(told) == {"skim", "train", "histogram", "merge"}
    assert [entry["of"] for entry in told["train"]] == [["m0"], ["m1"], ["m2"], ["m3"], ["m4"]]
    (skim,) = told["skim"]
    assert set(skim["of"]) == set(config.samples_of("mumu_resonance"))
    assert skim["spec"] == stages.describe(stages.skim_spec(config, "mumu_resonance", "mumu_data"))
    (merge,) = told["merge"]
    assert "b01" not in str(merge), "how files are grouped into blocks changes no number"


def test_there_is_no_such_search():
    def renamed(values):
        values["searches"] = {"mumu_resonanse": values["searches"]["mumu_resonance"]}
        for sample in values["samples"].values():
            sample["searches"] = ["mumu_resonanse"]

    with pytest.raises(DarkreachError) as error:
        load_changed(renamed)
    assert str(error.value) == (
        "searches: there is no search 'mumu_resonanse'; did you mean 'mumu_resonance'?"
    )


def test_a_sample_is_in_one_file_only(tmp_path):
    (tmp_path / "more.yaml").write_text("mumu_data: {}")
    with pytest.raises(
        DarkreachError, match=r"more\.yaml: sample 'mumu_data' is also in config/samples/mumu"
    ):
        load_changed(set_at("samples", [SAMPLES, str(tmp_path / "more.yaml")]))


def test_mistakes_in_one_of_several_files_of_samples_are_found_there(tmp_path):
    (tmp_path / "more.yaml").write_text("mine: {kind: dta}")
    with pytest.raises(DarkreachError, match=r"^\S*more\.yaml: 'mine\.kind': input should be 'data'"):
        load_changed(set_at("samples", [SAMPLES, str(tmp_path / "more.yaml")]))


def test_only_one_search_gets_the_injected_signal():
    values = read_yaml(MAIN)
    values["injection"] = {
        "search": "tautau_recoil",
        "model": "alp",
        "mass_GeV": 5.0,
        "cross_section_fb": 10.0,
    }
    config = load_config(values, MAIN)
    assert stages.simulate_spec(config, "mumu_data", "b01").injection is None
    injected = stages.simulate_spec(config, "recoil_data", "b01").injection
    assert (injected.model, injected.decay) == ("alp", "tautau")
    values["injection"].pop("search")
    with pytest.raises(DarkreachError, match="'injection' needs 'search', as there are several"):
        load_config(values, MAIN)
