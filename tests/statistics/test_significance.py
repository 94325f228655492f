"""The global significance: a smooth spectrum, calibrated toys, and the loss by looking everywhere."""

import numpy as np
import pytest

from darkreach.statistics.resolution import reduced_mass
from darkreach.statistics.scan import masses_of_chunk, scan_masses
from darkreach.statistics.significance import background_fits, joined_background, significance_of_scan
from darkreach.statistics.workspace import build_workspace, fit_window

SCAN = {"range_GeV": (1.0, 2.0), "step_sigma": 2, "chunks": 1, "bin_sigma": 1.0, "half_window_sigma": 12}


@pytest.fixture(scope="module")
def made(toy):
    return toy.templates(rng=np.random.default_rng(12))


def test_the_joined_spectrum_is_the_smooth_background(toy):
    """Data without fluctuations come back, a parabola in each window being enough."""
    smooth = toy.templates()
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(smooth)
    masses = masses_of_chunk(signal, spec, 0)
    windows = [
        fit_window(smooth.edges, float(reduced_mass(m)), float(signal.resolution(m)), spec, spec.vetoes)
        for m in masses
    ]
    rates = background_fits([build_workspace(smooth, signal, float(m), spec) for m in masses])
    spectrum = joined_background(smooth.edges, reduced_mass(masses), windows, rates)
    middle = (smooth.edges[1:] + smooth.edges[:-1]) / 2
    inside = (middle > reduced_mass(1.0)) & (middle < reduced_mass(2.0))
    np.testing.assert_allclose(spectrum[inside], smooth.data[inside], rtol=0.01)
    assert spectrum[middle < 0.9].sum() == spectrum[middle > 2.1].sum() == 0


def test_looking_everywhere_costs_significance(toy, made):
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(made)
    masses = masses_of_chunk(signal, spec, 0)
    results = {z: significance_of_scan(made, signal, masses, z, spec) for z in (1.5, 3.0, 4.5)}
    for z, found in results.items():
        local_p = 0.5 * np.exp(-(z**2) / 2)  # an upper bound of the normal tail
        assert found["p"] + 3 * found["p_error"] > local_p
        assert (found["toys"], found["hypotheses"]) == (200, len(masses))
    assert results[1.5]["p"] > results[3.0]["p"] > results[4.5]["p"]
    # Gross-Vitells is an upper bound that becomes exact for large excesses
    assert results[3.0]["p_crossings"] > results[3.0]["p"] - 3 * results[3.0]["p_error"]
    assert significance_of_scan(made, signal, masses, 3.0, spec) == results[3.0]


def test_the_largest_excess_of_background_is_ordinary(toy, made):
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(made)
    masses = masses_of_chunk(signal, spec, 0)
    rows, _, _ = scan_masses(made, signal, masses, spec)
    found = significance_of_scan(made, signal, masses, max(row["z_local"] for row in rows), spec)
    assert 0.01 < found["p"] < 0.99
