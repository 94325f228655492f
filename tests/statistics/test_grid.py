"""The grid of hypotheses follows the resolution."""

import numpy as np
import pytest

from darkreach.config.search import MassWindow
from darkreach.errors import DarkreachError
from darkreach.statistics.grid import (
    Hypothesis,
    chunk_of,
    evenly_spaced_masses,
    hypothesis_masses,
    veto_of,
)
from darkreach.statistics.rows import empty_row, hypothesis_of

RANGE = (0.212, 9.0)


def scan_of(toy, **settings):
    return toy.spec(**({"range_GeV": RANGE} | settings)).scan


@pytest.fixture(scope="module")
def signal(toy):
    return toy.signal_model(toy.templates())


def test_steps_are_as_many_resolutions_as_asked(toy, signal):
    masses = hypothesis_masses(scan_of(toy, step_sigma=2.0), signal)
    assert (masses[0], masses[-1]) == RANGE
    x = toy.reduced_mass(masses)
    steps = np.diff(x) / signal.resolution((masses[1:] + masses[:-1]) / 2)
    assert steps.max() < 2.02
    assert steps.min() > 1.95


def test_number_follows_the_step(toy, signal):
    numbers = [len(hypothesis_masses(scan_of(toy, step_sigma=step), signal)) for step in (1.0, 4.0)]
    assert numbers[0] == pytest.approx(4 * numbers[1], rel=0.01)
    assert 2000 < numbers[0] < 4000  # resolutions of 1 to 5 MeV over 9 GeV


def test_chunks_share_all_hypotheses_evenly(toy, signal):
    masses = hypothesis_masses(scan_of(toy, step_sigma=20.0), signal)
    chunks = [chunk_of(masses, i, 7) for i in range(7)]
    np.testing.assert_array_equal(np.sort(np.concatenate(chunks)), masses)
    assert max(map(len, chunks)) - min(map(len, chunks)) <= 1
    assert len(np.unique(masses)) == len(masses)


def test_a_chunk_that_does_not_exist_is_refused(toy, signal):
    with pytest.raises(DarkreachError, match=r"--chunk 2: .* from 0 to 1"):
        chunk_of(np.arange(3.0), 2, 2)


@pytest.mark.parametrize("limits", [(0.211, 9.0), (0.212, 9.9)])
def test_hypotheses_outside_the_templates_are_refused(toy, signal, limits):
    with pytest.raises(DarkreachError, match=r"scan.range_GeV: .* exceeds the simulated signal masses"):
        hypothesis_masses(scan_of(toy, range_GeV=limits), signal)


def test_steps_in_GeV_are_even(toy, signal):
    masses = hypothesis_masses(scan_of(toy, range_GeV=(1.0, 2.0), step_sigma=None, step_GeV=0.03), signal)
    assert (masses[0], masses[-1], len(masses)) == (1.0, 2.0, 35)
    np.testing.assert_allclose(np.diff(masses), 1 / 34, atol=1e-6)
    exact = scan_of(toy, range_GeV=(0.3, 1.6), step_sigma=None, step_GeV=0.1)
    np.testing.assert_array_equal(evenly_spaced_masses(exact), np.arange(3, 17) / 10)


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
