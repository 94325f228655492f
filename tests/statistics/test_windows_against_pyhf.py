"""The windows of the search itself against pyhf: the engine's limits are pyhf's limits."""

import numpy as np
import pytest

from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.referee import pyhf_limits
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.workspace import build_workspace

# from inside pyhf
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# luminosity in fb⁻¹, mass in GeV, injected events
WINDOWS = {
    "at threshold": (178, 0.212, 0),
    "typical": (178, 1.0, 0),
    "excess": (178, 5.0, 40),
    "strong deficit": (178, 2.0, -60),
    "few events": (5, 3.2, 0),
    "two events": (5, 8.9, 0),
    "no event": (0.3, 7.0, 0),
    "many events": (20000, 1.0, 0),
    "edge of a veto": (178, 3.141, 0),
    "excess over few events": (20, 9.0, 6),
}


def window_of(toy, name, **scan):
    luminosity, mass, injected = WINDOWS[name]
    rng = np.random.default_rng(list(WINDOWS).index(name))
    templates = toy.templates(luminosity, rng=rng)
    channel = templates.channels["all"]
    peak = np.diff(toy.signal_cdf(toy.EDGES, mass))
    if injected > 0:
        channel.data += rng.poisson(injected * peak)
    channel.data = np.maximum(channel.data + np.minimum(injected, 0) * peak, 0).round()
    spec = toy.spec(rates={"tracking": 0.036}, **(toy.small | scan))
    return build_workspace(templates, toy.signal_model(templates), Hypothesis(mass), spec)


@pytest.mark.parametrize("name", WINDOWS)
def test_agrees_with_pyhf(toy, name):
    workspace = window_of(toy, name)
    (ours,) = upper_limits([workspace], 0.90)
    assert ours.status == "ok"
    around = (0.5 * min(ours.expected), 2.0 * max(ours.observed, *ours.expected))
    theirs = pyhf_limits(workspace, 0.90, around)
    np.testing.assert_allclose((ours.observed, *ours.expected), theirs, rtol=0.005)


def test_limits_at_90_and_95_percent_differ_as_they_do_in_pyhf(toy):
    """pyhf 0.7.6's `upper_limit(level=…)` ignores its level; ours and the referee's do not."""
    workspace = window_of(toy, "typical")
    at90, at95 = (upper_limits([workspace], level)[0] for level in (0.90, 0.95))
    assert 1.1 < at95.observed / at90.observed < 1.5
    assert pyhf_limits(workspace, 0.95)[0] == pytest.approx(at95.observed, rel=0.005)
    assert pyhf_limits(workspace, 0.90)[0] == pytest.approx(at90.observed, rel=0.005)
