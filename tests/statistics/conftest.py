"""A toy search for tests: falling background, peaks with tails, fine bins of 0.25 MeV up to 10 GeV."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.special import ndtr
from scipy.stats import t as student

from darkreach.columnar.templates import ChannelTemplates, SignalPoint, SignalTemplate, Templates
from darkreach.config.search import MassWindow, Region, Scan, Systematics
from darkreach.config.stages import ScanSpec
from darkreach.searches.mumu_resonance import mass_of_observable
from darkreach.searches.mumu_resonance import observable_of_mass as reduced_mass
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.search_signal import signal_of

EDGES = np.arange(0, 10 + 1e-9, 0.00025)
MASSES = (
    0.212,
    0.22,
    0.25,
    0.3,
    0.4,
    0.6,
    0.8,
    1.0,
    1.4,
    2.0,
    2.7,
    3.5,
    4.25,
    5.0,
    5.75,
    6.5,
    7.25,
    8.0,
    9.3,
)
TAIL_SHARE = 0.2
# windows that are quick to fit
SMALL = {"half_window_sigma": 10, "bin_sigma": 1.0}


@pytest.fixture(scope="session")
def toy():
    """The functions below, for any test."""
    return SimpleNamespace(
        EDGES=EDGES,
        MASSES=MASSES,
        core_resolution=core_resolution,
        efficiency=efficiency,
        signal_cdf=signal_cdf,
        signal_template=signal_template,
        background=background,
        templates=templates,
        reduced_mass=reduced_mass,
        dimuon_mass=mass_of_observable,
        signal_model=signal_model,
        hypotheses=hypotheses,
        spec=spec,
        small=SMALL,
    )


def core_resolution(mass):
    """Core width in GeV, 1 to 5 MeV."""
    return 0.001 + 0.004 * np.sin(np.pi * np.asarray(mass, float) / 12) ** 2


def efficiency(mass):
    return 0.3 * (1 - (np.asarray(mass, float) / 11) ** 4)


def signal_cdf(x, mass, shift_sigma=0.0, width_factor=1.0):
    """A Gaussian with Student-t tails (symmetric); exact."""
    pull = ((x - reduced_mass(mass)) / core_resolution(mass) - shift_sigma) / width_factor
    return (1 - TAIL_SHARE) * ndtr(pull) + TAIL_SHARE * student.cdf(pull / 1.5, 3)


def signal_template(mass, events=50_000, rng=None):
    """Expected counts, or, with `rng`, Poisson counts."""
    values = events * efficiency(mass) * np.diff(signal_cdf(EDGES, mass))
    values = values if rng is None else rng.poisson(values).astype(float)
    return SignalTemplate(values, values.copy(), float(events))


def background(luminosity_fb, events_per_fb=200.0):
    """Phase space from threshold, then falling; (n,) expected counts."""
    centres = (EDGES[1:] + EDGES[:-1]) / 2
    density = centres**2 / (centres**2 + 0.2) ** 1.5 * np.exp(-centres / 3)
    return luminosity_fb * events_per_fb * density / density.sum()


def templates(luminosity_fb=178.0, rng=None, injected=(), signal_rng=None, events_per_fb=200.0):
    """Toy templates; `injected` are (mass, events) added to the data, Poisson with `rng`, exact without."""
    expected = background(luminosity_fb, events_per_fb)
    data = expected.copy()
    for mass, events in injected:
        data += events * np.diff(signal_cdf(EDGES, mass))
    data = data if rng is None else rng.poisson(data).astype(float)
    signals = {SignalPoint(mass, 0.0): signal_template(mass, rng=signal_rng) for mass in MASSES}
    channel = ChannelTemplates(data, {"fourmuon": (expected, expected.copy())}, {"zprime": signals})
    return Templates({"reduced_mass": EDGES}, luminosity_fb, {"all": channel})


def signal_model(made, model="zprime"):
    """The signal of the toy search, which has one channel."""
    return signal_of(made, spec().model_copy(update={"model": model}))


def hypotheses(masses):
    """Prompt hypotheses of masses in GeV."""
    return [Hypothesis(float(mass)) for mass in masses]


RATES = {"luminosity": 0.01, "trigger": 0.017, "tracking": 0.036, "muon_id": 0.03}


def spec(blind=False, vetoes=True, systematics=True, rates=None, **scan):
    settings = {
        "range_GeV": (0.212, 9.0),
        "step_sigma": 20,
        "half_window_sigma": 25,
        "bin_sigma": 0.5,
        "background_degree": 2,
        "confidence_level": 0.90,
        "toys": 0,
        "toys_below_events": 10,
        "global_toys": 200,
        "referee_share": 0.1,
        "referee_tolerance": 0.005,
    }
    settings |= scan
    return ScanSpec(
        chunk="all",
        slice_GeV=(settings["range_GeV"][0], 10.0),
        search="mumu_resonance",
        model="zprime",
        detector="belle2",
        production="mu",
        channels={"all": "mumu"},
        regions=[Region(name="all", channel="all", range_GeV=(0.21, 10.0))],
        scan=Scan(**settings),
        vetoes=[MassWindow(name="J-psi", range_GeV=(3.05, 3.14))] if vetoes else [],
        systematics=Systematics(
            rates=(RATES if rates is None else rates) if systematics else {},
            peak_position=0.1 if systematics else 0,
            peak_width=0.05 if systematics else 0,
        ),
        counting=None,
        isr=True,
        alpha=1 / 137.036,
        blind=blind,
        seed=7,
    )
