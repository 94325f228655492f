"""Each region has a classifier of its own: at its borders efficiency and background jump."""

import numpy as np
import pyhf
import pytest

from darkreach.config.search import Region
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.referee import pyhf_limits
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.workspace import build_workspace, fit_channels

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf

BORDER = 4.0
JUMP = 3.0


def templates_with_step(toy, luminosity=2000.0, rng=None, injected=0.0, mass=None):
    """The background is three times as high above 4 GeV; the signal's efficiency is the same everywhere."""
    made = toy.templates(luminosity)
    channel = made.channels["all"]
    middle = (toy.EDGES[1:] + toy.EDGES[:-1]) / 2
    expected = toy.background(luminosity) * np.where(middle > toy.reduced_mass(BORDER), JUMP, 1.0)
    if injected:
        expected = expected + injected * np.diff(toy.signal_cdf(toy.EDGES, mass))
    channel.data = expected if rng is None else rng.poisson(expected).astype(float)
    return made


def spec_with_regions(toy, **settings):
    regions = [
        Region(name="low", channel="all", range_GeV=(0.21, BORDER)),
        Region(name="high", channel="all", range_GeV=(BORDER, 9.3)),
    ]
    return toy.spec(vetoes=False, **(toy.small | settings)).model_copy(update={"regions": regions})


def test_windows_end_where_the_regions_end(toy):
    made = templates_with_step(toy)
    spec = spec_with_regions(toy)
    (channel,), _ = fit_channels(made, toy.signal_model(made), Hypothesis(9.29), [0.0], spec)
    assert toy.EDGES[channel.window.stops[-1]] <= toy.reduced_mass(9.3)
    assert channel.steps == {}


def test_no_bin_has_a_border_inside(toy):
    made = templates_with_step(toy)
    (channel,), _ = fit_channels(
        made, toy.signal_model(made), Hypothesis(4.01), [0.0], spec_with_regions(toy)
    )
    low, high = toy.EDGES[channel.window.starts], toy.EDGES[channel.window.stops]
    border = toy.reduced_mass(BORDER)
    assert np.all((high <= border) | (low >= border))
    assert channel.steps == pytest.approx({"low": 1 / JUMP}, rel=0.1)  # a start for the fit


@pytest.mark.parametrize("mass", [3.97, 3.99, 4.0, 4.01, 4.04])
def test_a_step_of_the_background_is_no_signal(toy, mass):
    made = templates_with_step(toy)
    spec = spec_with_regions(toy, range_GeV=(3.0, 5.0))
    (row,), _, _ = scan_hypotheses(made, toy.signal_model(made), [Hypothesis(mass)], spec)
    assert row["status"] == "ok"
    assert row["z_local"] < 0.2
    blurred = spec.model_copy(update={"regions": toy.spec().regions})
    (row,), _, _ = scan_hypotheses(made, toy.signal_model(made), [Hypothesis(4.015)], blurred)
    assert row["z_local"] > 1  # without it there would be one


@pytest.mark.parametrize("mass", [3.985, 4.006])
def test_a_signal_at_a_border_is_found(toy, mass):
    events = 400.0
    made = templates_with_step(toy, injected=events, mass=mass)
    spec = spec_with_regions(toy)
    (row,), _, _ = scan_hypotheses(made, toy.signal_model(made), [Hypothesis(mass)], spec)
    assert row["sigma_hat_fb"] * toy.efficiency(mass) * 2000 == pytest.approx(events, rel=0.05)


def test_workspaces_with_a_step_agree_with_pyhf(toy):
    made = templates_with_step(toy, rng=np.random.default_rng(3))
    workspace = build_workspace(made, toy.signal_model(made), Hypothesis(4.01), spec_with_regions(toy))
    assert "background_step_low" in pyhf.Workspace(workspace).model().config.par_order
    (ours,) = upper_limits([workspace], 0.90)
    around = (0.5 * min(ours.expected), 2.0 * max(ours.observed, *ours.expected))
    theirs = pyhf_limits(workspace, 0.90, around)
    np.testing.assert_allclose((ours.observed, *ours.expected), theirs, rtol=0.005)
