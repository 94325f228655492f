"""A toy search that counts displaced decays: closed-form acceptance, flat background in the plane."""

import numpy as np
from scipy.special import ndtr

from darkreach.columnar.templates import ChannelTemplates, SignalPoint, SignalTemplate, Templates
from darkreach.config.search import Counting, Region, Scan, Systematics
from darkreach.config.stages import ScanSpec

EDGES = np.linspace(0.0, 1.7, 86)
MASSES = (0.3, 0.6, 1.0, 1.6)
LIFETIMES = (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.2, 2.5, 5.0, 10.0)
RADII = (0.15, 0.7)  # m
BOOST = 3.0  # βγ
PEAK = 0.5  # efficiency for decays between the radii
WIDTH = 0.02  # GeV


def acceptance(lifetime_m):
    """Share of decays between the radii, exp(−r₁/βγcτ) − exp(−r₂/βγcτ)."""
    length = BOOST * np.asarray(lifetime_m)
    return np.exp(-RADII[0] / length) - np.exp(-RADII[1] / length)


def signal(mass, lifetime_m, events=1e5):
    """A round Gaussian spot at (m, m)."""
    spot = np.diff(ndtr((EDGES - mass) / WIDTH))
    values = events * PEAK * acceptance(lifetime_m) * np.outer(spot, spot)
    return SignalTemplate(values, values.copy(), events)


def templates(background=1.0, control=100.0, simulated=50.0, data=None, control_data=None):
    """`background` events in each plane, worth `simulated` simulated ones each, and `control` ones.

    data: plane of the heavy channel; the light one is empty then.
    """
    bins = len(EDGES) - 1
    flat = np.full((bins, bins), background / bins**2)
    light, heavy = ({SignalPoint(m, t): signal(m, t) for m in MASSES for t in LIFETIMES} for _ in range(2))
    empty = None if data is None else np.zeros((bins, bins))
    backgrounds = {"tautau": (flat, flat / simulated)}
    spot = control_plane(control)
    return Templates(
        edges={"m_plus": EDGES, "m_minus": EDGES},
        luminosity_fb=915.0,
        channels={
            "light": ChannelTemplates(empty, backgrounds, {"hnl": light}),
            "heavy": ChannelTemplates(data, backgrounds, {"hnl": heavy}),
            "ks_control": ChannelTemplates(control_data, {"tautau": (spot, spot / simulated)}, {"hnl": {}}),
        },
    )


def plane(*events):
    """Histogram of events at (m₊, m₋) in GeV."""
    return np.histogram2d(*np.array(events, float).reshape(-1, 2).T, bins=(EDGES, EDGES))[0]


def control_plane(events):
    """`events` observed in the control channel."""
    found = np.zeros((len(EDGES) - 1, len(EDGES) - 1))
    found[20, 20] = events
    return found


def spec(
    model="hnl",
    blind=True,
    rates=None,
    lifetimes=("natural",),
    couplings=(1e-7, 1.0),
    borders=(0.75,),
    extrapolation=0.3,
    **scan,
):
    settings = {
        "range_GeV": (0.3, 1.6),
        "step_GeV": 0.1,
        "lifetimes_m": list(lifetimes),
        "confidence_level": 0.95,
        "toys": 0,
        "global_toys": 2000,
        "referee_share": 0.5,
    }
    channels = {"light": "mumunu", "heavy": "mumunu", "ks_control": "mumunu"}
    return ScanSpec(
        chunk="all",
        slice_GeV=(0.0, 1.7),
        search="heavy_neutral_lepton",
        model=model,
        detector="belle",
        production="tau_decay",
        channels=channels,
        regions=[Region(name=name, channel=name, range_GeV=(0.0, 1.7)) for name in channels],
        scan=Scan(**(settings | scan)),
        counting=Counting(
            couplings=couplings,
            couplings_per_decade=6,
            signal_fraction=0.9,
            mass_borders_GeV=borders,
            background_smearing_GeV=0.1,
            extrapolation=extrapolation,
        ),
        vetoes=[],
        systematics=Systematics(rates={"tau_pairs": 0.014} if rates is None else rates),
        isr=True,
        alpha=1 / 137,
        blind=blind,
        seed=3,
    )
