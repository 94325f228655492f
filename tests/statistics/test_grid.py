"""The grid of hypotheses follows the resolution, and a change of the scan changes few of its slices."""

import copy

import numpy as np
import pytest

from darkreach.config import stages
from darkreach.config.root import load_config, read_yaml
from darkreach.config.search import MassWindow
from darkreach.errors import DarkreachError
from darkreach.statistics.grid import (
    Hypothesis,
    evenly_spaced_masses,
    hypotheses_of_scan,
    hypothesis_masses,
    veto_of,
)
from darkreach.statistics.rows import empty_row, hypothesis_of

RANGE = (0.212, 9.0)


@pytest.fixture(scope="module")
def signal(toy):
    return toy.signal_model(toy.templates())


@pytest.fixture
def specs_of(pytestconfig, monkeypatch):
    """Specifications of all slices of mumu_resonance by name, after changes of `scan`."""
    monkeypatch.chdir(pytestconfig.rootpath)
    values = read_yaml("config/config.yaml")
    values["samples"] = read_yaml("config/samples/mumu_resonance.yaml")

    def make(**scan):
        own = copy.deepcopy(values)
        own["searches"] = {"mumu_resonance": {"base": "config/searches/mumu_resonance.yaml", "scan": scan}}
        config = load_config(own, "my.yaml")
        return {
            name: stages.scan_spec(config, "mumu_resonance", "zprime", name)
            for name in stages.chunk_names(config, "mumu_resonance")
        }

    return make


def as_json(specs):
    return {name: stages.as_json(spec) for name, spec in specs.items()}


def masses_of(specs, signal):
    """All masses, slice by slice."""
    return np.concatenate([hypothesis_masses(signal, spec) for spec in specs.values()])


def spacing(masses, toy, signal):
    """Distances of neighbours in resolutions."""
    return np.diff(toy.reduced_mass(masses)) / signal.resolution((masses[1:] + masses[:-1]) / 2)


@pytest.mark.parametrize("chunks", [1, 3])
@pytest.mark.parametrize("step", [2.0, 30.0])
@pytest.mark.parametrize("ends", [RANGE, (0.9, 6.25), (1.0, 1.7), (3.75, 3.75)])
def test_slices_cover_the_range_once_and_leave_no_gap(toy, signal, specs_of, chunks, step, ends):
    masses = masses_of(specs_of(chunks=chunks, step_sigma=step, range_GeV=ends), signal)
    assert (masses[0], masses[-1]) == ends
    assert np.all(np.diff(masses) > 0)
    steps = spacing(masses, toy, signal)
    assert np.all(steps < 1.02 * step)
    # shorter ones only where a slice or the scan ends
    assert np.count_nonzero(steps < 0.97 * step) <= 5 * chunks + 1


def test_number_follows_the_step(signal, specs_of):
    numbers = [len(masses_of(specs_of(step_sigma=step), signal)) for step in (1.0, 4.0)]
    assert numbers[0] == pytest.approx(4 * numbers[1], rel=0.02)
    assert 2000 < numbers[0] < 4000  # resolutions of 1 to 5 MeV over 9 GeV


@pytest.mark.parametrize("ends", [(0.212, 8.5), (0.212, 8.25), (0.4, 9.0), (0.4, 8.0)])
def test_another_range_leaves_the_other_slices_alone(signal, specs_of, ends):
    whole, narrow = specs_of(range_GeV=RANGE), specs_of(range_GeV=ends)
    same = {name for name in narrow if as_json(narrow)[name] == as_json(whole)[name]}
    touched = {name for name, spec in narrow.items() if spec.scan.range_GeV != whole[name].scan.range_GeV}
    assert set(narrow) - same == touched
    assert len(touched) == (ends[0] != RANGE[0]) + (ends[1] != RANGE[1])
    # in the slices that changed all hypotheses within the range stay, but for the ends of the range
    before, after = set(masses_of(whole, signal)), set(masses_of(narrow, signal))
    assert after - set(ends) <= before
    assert {m for m in before if ends[0] < m < ends[1]} <= after


def test_another_lifetime_adds_slices(specs_of):
    before, after = as_json(specs_of(lifetimes_m=[0])), as_json(specs_of(lifetimes_m=[0, 0.01, "natural"]))
    assert {name: after[name] for name in before} == before
    assert {name.rpartition("_")[2] for name in set(after) - set(before)} == {"0.01m", "natural"}
    assert len(after) == 3 * len(before)


def test_another_step_changes_all_slices_and_toys_of_the_spectrum_none(specs_of):
    before = as_json(specs_of())
    finer, toys = as_json(specs_of(step_sigma=0.5)), as_json(specs_of(global_toys=17))
    assert not any(before[name] == finer[name] for name in before)
    assert toys == before


def test_slices_are_named_by_their_borders(specs_of):
    assert list(specs_of(range_GeV=(0.5, 4.0))) == [
        "0.2100-1.0000_prompt",
        "1.0000-3.7500_prompt",
        "3.7500-6.2500_prompt",
    ]
    assert "1.9167-2.8333_prompt" in specs_of(chunks=3)


@pytest.mark.parametrize("limits", [(0.211, 9.0), (0.212, 9.9)])
def test_hypotheses_outside_the_templates_are_refused(toy, signal, limits):
    with pytest.raises(DarkreachError, match=r"scan.range_GeV: .* exceeds the simulated signal masses"):
        hypothesis_masses(signal, toy.spec(range_GeV=limits))


def test_steps_in_GeV_are_multiples(toy):
    spec = toy.spec(range_GeV=(0.31, 1.6), step_sigma=None, step_GeV=0.1)
    np.testing.assert_array_equal(evenly_spaced_masses(spec), [0.31, *np.arange(4, 17) / 10])
    lower, upper = (
        spec.model_copy(update={"slice_GeV": part, "scan": spec.scan.model_copy(update={"range_GeV": part})})
        for part in ((0.31, 0.75), (0.75, 1.6))
    )
    assert evenly_spaced_masses(lower)[-1] == 0.7
    np.testing.assert_array_equal(evenly_spaced_masses(upper)[:3], [0.75, 0.8, 0.9])


def test_lifetimes_follow_one_another(toy, signal):
    spec = toy.spec(range_GeV=(1.0, 1.2), lifetimes_m=[0, "natural"])
    hypotheses = hypotheses_of_scan(signal, spec)
    half = len(hypotheses) // 2
    assert [h.mass_GeV for h in hypotheses[:half]] == [h.mass_GeV for h in hypotheses[half:]]
    assert {h.kind for h in hypotheses[:half]} == {"prompt"}


def test_hypotheses_have_names_that_tell_them_apart():
    prompt, fixed, natural = (Hypothesis(1.0, lifetime) for lifetime in (0.0, 0.01, "natural"))
    assert [h.name for h in (prompt, fixed, natural)] == ["1.000000", "1.000000_0.01m", "1.000000_natural"]
    assert [h.kind for h in (prompt, fixed, natural)] == ["prompt", "fixed", "natural"]
    assert [hypothesis_of(empty_row(h)) for h in (prompt, fixed, natural)] == [prompt, fixed, natural]


def test_vetoes_include_their_ends():
    vetoes = [
        MassWindow(name="J-psi", range_GeV=(3.05, 3.14)),
        MassWindow(name="psi-2S", range_GeV=(3.65, 3.72)),
    ]
    assert [veto_of(m, vetoes) for m in (3.0499, 3.05, 3.1, 3.14, 3.1401, 3.7)] == [
        None,
        "J-psi",
        "J-psi",
        "J-psi",
        None,
        "psi-2S",
    ]
