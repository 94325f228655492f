"""Limits in a coupling on which yield and template depend in any way."""

import numpy as np
import pytest
from scipy.optimize import brentq
from varied_workspaces import counting, scan_window

from darkreach.errors import DarkreachError
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.nonlinear import coupling_limit

GRID = np.geomspace(1e-3, 3.0, 30)


def spec_with(signal: float, background: float = 4.0, observed: int = 4) -> dict:
    return counting(np.random.default_rng(0), background, signal, observed)


def long_lived(coupling: float) -> float:
    """Decays in the detector: production and late decay ∝ g² each, too early a decay at large g."""
    return 2e5 * coupling**4 * np.exp(-coupling / 0.1)


def test_closed_island_has_the_edges_where_the_yield_crosses_the_limit():
    limit = upper_limits([spec_with(1.0)])[0]
    found = coupling_limit(lambda g: spec_with(long_lived(g)), GRID)
    for islands, events in zip(
        (found.observed, *found.expected), (limit.observed, *limit.expected), strict=True
    ):
        (island,) = islands
        assert not (island.open_below or island.open_above)
        low = brentq(lambda g, n=events: long_lived(g) - n, 1e-3, 0.4)
        high = brentq(lambda g, n=events: long_lived(g) - n, 0.4, 3.0)
        assert island.low == pytest.approx(low, rel=1e-3)
        assert island.high == pytest.approx(high, rel=1e-3)


def test_signal_linear_in_the_square_of_the_coupling_gives_the_ordinary_limit():
    spec = scan_window(np.random.default_rng(1), 500.0, bins=15)
    nominal = upper_limits([spec])[0]

    def at(coupling: float) -> dict:
        scaled = scan_window(np.random.default_rng(1), 500.0, bins=15)
        signal = scaled["channels"][0]["samples"][0]
        signal["data"] = (np.array(signal["data"]) * coupling**2).tolist()
        for modifier in signal["modifiers"]:
            if modifier["type"] == "histosys":
                modifier["data"] = {
                    key: (np.array(data) * coupling**2).tolist() for key, data in modifier["data"].items()
                }
        return scaled

    (island,) = coupling_limit(at, np.geomspace(0.1, 10.0, 12)).observed
    assert island.open_above
    assert island.low == pytest.approx(np.sqrt(nominal.observed), rel=1e-3)


def test_no_sensitivity_means_no_island():
    found = coupling_limit(lambda g: spec_with(1e-4 * long_lived(g)), GRID)
    assert found.observed == ()
    assert all(islands == () for islands in found.expected)
    assert np.all(found.log_cls > np.log(0.1))


def test_coupling_without_any_signal_is_not_excluded():
    found = coupling_limit(lambda g: spec_with(long_lived(g) if g > 0.02 else 0.0), GRID)
    assert len(found.observed) == 1
    assert np.all(found.log_cls[GRID <= 0.02] == 0.0)


def test_islands_from_toys_have_edges_with_uncertainties():
    """Without background and events CLs = e^(−s), so s = 2.30 is excluded at 90 %."""
    found = coupling_limit(
        lambda g: spec_with(long_lived(g), 0.01, 0), np.geomspace(0.02, 2.0, 14), toys=800, seed=3
    )
    (island,) = found.observed
    low = brentq(lambda g: long_lived(g) - np.log(10.0), 1e-3, 0.4)
    high = brentq(lambda g: long_lived(g) - np.log(10.0), 0.4, 3.0)
    assert 0.0 < island.low_error < 0.1 * low
    # ln CLs = −s(g) is not straight between grid points, which adds to the statistical error
    assert island.low == pytest.approx(low, abs=4.0 * island.low_error + 0.05 * low)
    assert island.high == pytest.approx(high, abs=4.0 * island.high_error + 0.05 * high)


def test_grid_must_increase():
    with pytest.raises(DarkreachError, match="increasing"):
        coupling_limit(lambda g: spec_with(g), [1.0, 0.5])
    with pytest.raises(DarkreachError, match=r"coupling 0\.5"):
        coupling_limit(lambda g: spec_with(-g), [0.5, 1.0])
