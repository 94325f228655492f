"""Workspaces: exact rebinning, known yields, valid JSON, and sentences for what cannot be fitted."""

import numpy as np
import pyhf
import pytest

from darkreach.columnar.templates import SignalPoint, SignalTemplate
from darkreach.config.search import MassWindow
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_resonance import observable_of_mass as reduced_mass
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.window import allowed_parts, bernstein_basis, fit_window
from darkreach.statistics.workspace import build_workspace, reference_cross_section

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf


@pytest.fixture(scope="module")
def templates(toy):
    return toy.templates(rng=np.random.default_rng(5))


@pytest.fixture(scope="module")
def signal(toy, templates):
    return toy.signal_model(templates)


def window_of(toy, centre, sigma, vetoes=()):
    everywhere = [MassWindow(name="all", range_GeV=(0.0, 11.0))]
    allowed = allowed_parts(vetoes, everywhere, reduced_mass)
    return fit_window(toy.EDGES, centre, sigma, allowed, toy.spec().scan)


def window_at(toy, signal, mass):
    sigma = float(signal.resolution(np.array([mass]))[0])
    return window_of(toy, reduced_mass(mass), sigma, toy.spec().vetoes)


def samples_of(workspace):
    return {sample["name"]: sample for sample in workspace["channels"][0]["samples"]}


def parts_of(model, **values):
    """Expected counts per bin with the parameters at their starting values but for `values`."""
    parameters = model.config.suggested_init()
    for name, value in values.items():
        parameters[model.config.par_order.index(name)] = value
    return np.asarray(model.expected_actualdata(parameters))


def test_window_has_whole_fine_bins_once_each(toy, templates):
    window = window_of(toy, 4.0001, 0.0031)
    np.testing.assert_array_equal(window.starts[1:], window.stops[:-1])
    assert toy.EDGES[window.starts[0]] <= 4.0001 - 25 * 0.0031 < toy.EDGES[window.starts[0] + 1]
    assert toy.EDGES[window.stops[-1] - 1] < 4.0001 + 25 * 0.0031 <= toy.EDGES[window.stops[-1]]
    assert (
        window.rebin(templates.channels["all"].data).sum()
        == templates.channels["all"].data[window.starts[0] : window.stops[-1]].sum()
    )
    widths = window.stops - window.starts
    assert np.mean(widths) * 0.00025 == pytest.approx(0.5 * 0.0031, rel=0.05)
    assert widths.max() - widths.min() <= 1


def test_window_stops_at_zero_and_at_the_end_of_the_templates(toy):
    assert window_of(toy, 0.0172, 0.001).starts[0] == 0
    assert window_of(toy, 9.99, 0.003).stops[-1] == len(toy.EDGES) - 1


def test_window_leaves_out_every_fine_bin_that_touches_a_veto(toy):
    veto = MassWindow(name="J-psi", range_GeV=(3.0501, 3.0899))
    low, high = reduced_mass(veto.range_GeV)
    window = window_of(toy, reduced_mass(3.04), 0.003, [veto])
    below, above = toy.EDGES[window.starts], toy.EDGES[window.stops]
    assert np.all((above <= low) | (below >= high))
    assert low - above[above <= low].max() < 0.00025
    assert below[below >= high].min() - high < 0.00025


def test_bernstein_polynomials_integrate_as_polynomials_do():
    edges = np.array([0, 0.1, 0.35, 0.8, 1.0])
    for degree in range(5):
        basis = bernstein_basis(degree, edges[:-1], edges[1:])
        np.testing.assert_allclose(basis.sum(axis=1), 1 / (degree + 1))
        np.testing.assert_allclose(basis.sum(axis=0), np.diff(edges))  # they add up to one everywhere
    np.testing.assert_allclose(bernstein_basis(2, edges[:-1], edges[1:])[2], np.diff(edges**3) / 3)


@pytest.mark.parametrize("mass", [0.212, 1.0, 3.0, 8.9])
def test_workspace_is_valid_and_holds_the_known_signal(toy, templates, signal, mass):
    workspace = build_workspace(templates, signal, Hypothesis(mass), toy.spec())
    pyhf.schema.validate(workspace, "workspace.json")
    model = pyhf.Workspace(workspace).model()
    window = window_at(toy, signal, mass)
    assert workspace["observations"][0]["data"] == window.rebin(templates.channels["all"].data).tolist()
    per_fb = templates.luminosity_fb * toy.efficiency(mass)
    cdf = toy.signal_cdf(toy.EDGES, mass)
    expected = reference_cross_section(workspace) * per_fb * (cdf[window.stops] - cdf[window.starts])
    made = parts_of(model, mu=1.0) - parts_of(model, mu=0.0)
    assert made.sum() == pytest.approx(expected.sum(), rel=0.005)
    assert np.abs(made - expected).max() < 0.02 * expected.max()


def test_uncertainties_do_what_the_configuration_says(toy, templates, signal):
    workspace = build_workspace(templates, signal, Hypothesis(5.0), toy.spec())
    model = pyhf.Workspace(workspace).model()
    without = parts_of(model, mu=0.0)
    nominal = parts_of(model, mu=1.0) - without
    assert (parts_of(model, mu=1.0, tracking=1.0) - without).sum() == pytest.approx(1.036 * nominal.sum())
    assert (parts_of(model, mu=1.0, tracking=-1.0) - without).sum() == pytest.approx(nominal.sum() / 1.036)
    centres = np.arange(len(nominal)) + 0.5

    def moments(counts):
        mean = np.average(centres, weights=counts)
        return mean, np.average((centres - mean) ** 2, weights=counts) ** 0.5

    mean, width = moments(nominal)
    moved, _ = moments(parts_of(model, mu=1.0, peak_position=1.0) - without)
    _, wider = moments(parts_of(model, mu=1.0, peak_width=1.0) - without)
    assert moved - mean == pytest.approx(0.1 / 0.5, rel=0.05)  # 0.1 σ in bins of 0.5 σ
    assert 1.02 < wider / width < 1.05  # the tails end at the window


def test_a_blind_search_never_looks_at_the_data(toy, templates, signal):
    blind = toy.templates(rng=np.random.default_rng(6))
    blind.channels["all"].data = None
    workspace = build_workspace(blind, signal, Hypothesis(5.0), toy.spec(blind=True))
    counts = np.array(workspace["observations"][0]["data"])
    window = window_at(toy, signal, 5.0)
    np.testing.assert_array_equal(counts, window.rebin(toy.background(178.0)))
    assert np.any(counts != counts.round())
    with pytest.raises(DarkreachError, match="not blind but the templates have no data"):
        build_workspace(blind, signal, Hypothesis(5.0), toy.spec())


def test_what_cannot_be_fitted_gets_a_sentence(toy, templates):
    spec = toy.spec()
    everything = MassWindow(name="all", range_GeV=(1.0, 9.0))
    signal = toy.signal_model(templates)
    with pytest.raises(DarkreachError, match=r"zprime at 4.000000 GeV: its fit window has 0 bins"):
        build_workspace(templates, signal, Hypothesis(4.0), spec.model_copy(update={"vetoes": [everything]}))

    broken = toy.templates()
    signals = broken.channels["all"].signals["zprime"]
    values = signals[SignalPoint(5.0, 0.0)].values.copy()
    values[20000] = -0.1
    signals[SignalPoint(5.0, 0.0)] = SignalTemplate(values, np.abs(values), 1e4)
    signal = toy.signal_model(broken)
    for mass in (4.9, 5.0, 5.1):
        with pytest.raises(DarkreachError, match=rf"zprime at {mass:.6f} GeV: .*negative bin"):
            build_workspace(broken, signal, Hypothesis(mass), spec)
    build_workspace(broken, signal, Hypothesis(4.2), spec)

    empty = np.zeros(len(toy.EDGES) - 1)
    signals |= {SignalPoint(m, 0.0): SignalTemplate(empty, empty, 1e4) for m in (6.5, 7.25)}
    with pytest.raises(DarkreachError, match=r"zprime at 7.000000 GeV: no simulated signal"):
        build_workspace(broken, toy.signal_model(broken), Hypothesis(7.0), spec)

    values = toy.background(178.0)
    values[round(5.0 / 0.00025)] = -1e3
    broken.channels["all"].backgrounds["fourmuon"] = (values, np.abs(values))
    with pytest.raises(DarkreachError, match=r"zprime at 5.000000 GeV: the simulated background is negative"):
        build_workspace(broken, toy.signal_model(toy.templates()), Hypothesis(5.0), toy.spec(blind=True))


@pytest.mark.parametrize("mass", [0.212, 0.2135, 0.22, 0.25, 0.4, 2.0])
def test_degree_two_describes_the_rise_from_threshold(toy, mass):
    """Without fluctuations the background must not fake a signal, even in 40 times the paper's data."""
    templates = toy.templates(luminosity_fb=40 * 178.0)
    workspace = build_workspace(
        templates, toy.signal_model(templates), Hypothesis(mass), toy.spec(systematics=False)
    )
    (result,) = upper_limits([workspace], 0.90)
    assert result.status == "ok"
    assert result.z < 0.3
    assert result.observed == pytest.approx(result.expected[2], rel=0.3)
