"""Global significance: closed forms for simple windows, and the fast test against full fits."""

import numpy as np
import pytest
from scipy.special import ndtr
from varied_workspaces import counting, mass_scan

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import look_elsewhere
from darkreach.statistics.engine.look_elsewhere import CorrelatedScan, ScanToys, global_significance


def single_bin(background: float) -> dict:
    spec = counting(np.random.default_rng(0), background, np.sqrt(background), int(background))
    spec["channels"][0]["samples"][1]["modifiers"] = []
    return spec


@pytest.fixture(scope="module")
def independent() -> ScanToys:
    """Forty windows of one bin each, with no fine bin in common."""
    number, background = 40, 1e4
    windows = [np.array([[2 * i, 2 * i + 2]]) for i in range(number)]
    scan = CorrelatedScan([single_bin(background)] * number, windows, np.full(2 * number, 0.5 * background))
    return scan.run(3000, seed=1)


@pytest.mark.parametrize("z", [1.5, 2.0, 2.5, 3.0])
def test_independent_windows_have_a_trials_factor(independent, z):
    """p = 1 − (1 − p_local)^N."""
    found = global_significance(z, independent)
    exact = 1.0 - ndtr(z) ** 40
    assert found.p == pytest.approx(exact, abs=4.0 * found.p_error)
    assert found.toys == 3000


def test_up_crossings_of_independent_windows(independent):
    """N − 1 steps, each up through the threshold u with probability Φ(u)(1 − Φ(u))."""
    found = global_significance(4.0, independent)
    u = found.threshold
    assert found.crossings == pytest.approx(39.0 * ndtr(u) * ndtr(-u), abs=0.2)
    fall = np.exp(-0.5 * (16.0 - u * u))
    assert found.p_crossings == pytest.approx(ndtr(-4.0) + found.crossings * fall, rel=1e-6)


def test_identical_windows_have_no_trials_factor():
    scan = CorrelatedScan([single_bin(1e4)] * 10, [np.array([[0, 4]])] * 10, np.full(4, 2500.0))
    found = global_significance(1.5, scan.run(3000, seed=2))
    assert found.p == pytest.approx(ndtr(-1.5), abs=4.0 * found.p_error)
    assert found.crossings == 0.0


@pytest.fixture(scope="module")
def resonance_scan() -> CorrelatedScan:
    return CorrelatedScan(*mass_scan(60, events=2000.0, bins=25))


def test_score_is_close_to_the_full_fit_and_standard_normal(resonance_scan):
    spectra, pulls = resonance_scan.throw(200, np.random.default_rng(3))
    score = resonance_scan.score(spectra, pulls)
    assert np.mean(score) == pytest.approx(0.0, abs=0.05)
    assert np.std(score) == pytest.approx(1.0, abs=0.05)
    toy, hypothesis = np.indices((40, resonance_scan.size))
    fitted = resonance_scan.fitted(spectra, pulls, toy.ravel(), hypothesis.ravel())
    positive = score[:40].ravel() > 0.5
    difference = fitted[positive] - score[:40].ravel()[positive]
    assert np.std(difference) < 0.1
    assert np.abs(np.mean(difference)) < 0.05


def test_fitting_only_the_largest_excesses_finds_the_largest_fitted_one(resonance_scan):
    some, every = resonance_scan.run(96, seed=4), resonance_scan.run(96, seed=4, refits=60)
    np.testing.assert_array_equal(some.score, every.score)
    assert np.all(some.fitted <= every.fitted + 1e-9)
    assert np.mean(some.fitted < every.fitted - 1e-6) < 0.03


def test_overlapping_windows_share_their_fluctuations():
    """Windows with half of their events in common are correlated by one half, disjoint ones not at all."""
    windows = [np.array([[i, i + 2]]) for i in range(4)]
    scan = CorrelatedScan([single_bin(1e4)] * 4, windows, np.full(5, 5e3))
    spectra, pulls = scan.throw(4000, np.random.default_rng(5))
    correlation = np.corrcoef(scan.score(spectra, pulls).T)
    exact = np.array([1.0, 0.5, 0.0, 0.0])[np.abs(np.subtract.outer(range(4), range(4)))]
    np.testing.assert_allclose(correlation, exact, atol=0.06)


def test_a_pull_shared_by_name_moves_windows_together():
    """A background uncertainty of the same name in two disjoint windows correlates their excesses."""
    specs = [counting(np.random.default_rng(0), 1e4, 100.0, 10000) for _ in range(2)]
    scan = CorrelatedScan(specs, [np.array([[0, 1]]), np.array([[1, 2]])], np.full(2, 1e4))
    spectra, pulls = scan.throw(500, np.random.default_rng(6))
    assert pulls.shape == (500, 1)
    score = scan.score(spectra, pulls)
    assert np.std(score) == pytest.approx(1.0, abs=0.1)
    assert np.corrcoef(score.T)[0, 1] > 0.9


def test_scan_toys_are_reproducible_and_merge(resonance_scan, tmp_path):
    first, again = resonance_scan.run(40, seed=7), resonance_scan.run(40, seed=7)
    np.testing.assert_array_equal(first.fitted, again.fitted)
    first.save(tmp_path / "scan.h5")
    both = look_elsewhere.merge_scans([resonance_scan.run(32, seed=8), ScanToys.load(tmp_path / "scan.h5")])
    assert both.seeds == (7, 8)
    assert len(both.fitted) == 72
    with pytest.raises(DarkreachError, match="share a seed"):
        look_elsewhere.merge_scans([first, again])


def test_windows_that_do_not_fit_are_refused():
    with pytest.raises(DarkreachError, match="hypothesis 0 has 1 bins"):
        CorrelatedScan([single_bin(10.0)], [np.array([[0, 1], [1, 2]])], np.ones(2))
