"""The global significance: a smooth spectrum, calibrated toys, and the loss by looking everywhere."""

import numpy as np
import pytest

from darkreach.statistics.grid import hypotheses_of_scan
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.significance import background_fits, expected_spectrum, significance_of_scan
from darkreach.statistics.workspace import fit_channels, workspace_of

SCAN = {"range_GeV": (1.0, 2.0), "step_sigma": 2, "bin_sigma": 1.0, "half_window_sigma": 12}


@pytest.fixture(scope="module")
def made(toy):
    return toy.templates(rng=np.random.default_rng(12))


def test_the_joined_spectrum_is_the_smooth_background(toy):
    """Data without fluctuations come back, a parabola in each window being enough."""
    smooth = toy.templates()
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(smooth)
    fitted, specs = [], []
    for hypothesis in hypotheses_of_scan(signal, spec):
        channels, _ = fit_channels(smooth, signal, hypothesis, [0.0], spec)
        fitted.append(channels)
        specs.append(workspace_of(channels, signal, hypothesis, smooth.luminosity_fb, spec))
    spectrum = expected_spectrum(signal, fitted, background_fits(specs))
    middle = (toy.EDGES[1:] + toy.EDGES[:-1]) / 2
    inside = (middle > toy.reduced_mass(1.0)) & (middle < toy.reduced_mass(2.0))
    np.testing.assert_allclose(spectrum[inside], smooth.channels["all"].data[inside], rtol=0.01)
    assert spectrum[middle < 0.9].sum() == spectrum[middle > 2.1].sum() == 0


def test_looking_everywhere_costs_significance(toy, made):
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(made)
    hypotheses = hypotheses_of_scan(signal, spec)
    results = {z: significance_of_scan(made, signal, hypotheses, z, spec) for z in (1.5, 3.0, 4.5)}
    for z, found in results.items():
        local_p = 0.5 * np.exp(-(z**2) / 2)  # an upper bound of the normal tail
        assert found["p"] + 3 * found["p_error"] > local_p
        assert (found["toys"], found["hypotheses"]) == (200, len(hypotheses))
    assert results[1.5]["p"] > results[3.0]["p"] > results[4.5]["p"]
    # Gross-Vitells is an upper bound that becomes exact for large excesses
    assert results[3.0]["p_crossings"] > results[3.0]["p"] - 3 * results[3.0]["p_error"]
    assert significance_of_scan(made, signal, hypotheses, 3.0, spec) == results[3.0]


def test_the_largest_excess_of_background_is_ordinary(toy, made):
    spec = toy.spec(systematics=False, **SCAN)
    signal = toy.signal_model(made)
    hypotheses = hypotheses_of_scan(signal, spec)
    rows, _, _ = scan_hypotheses(made, signal, hypotheses, spec)
    found = significance_of_scan(made, signal, hypotheses, max(row["z_local"] for row in rows), spec)
    assert 0.01 < found["p"] < 0.99
