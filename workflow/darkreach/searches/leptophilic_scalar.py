"""e⁺e⁻ → τ⁺τ⁻φ, φ → e⁺e⁻ or μ⁺μ⁻: a narrow peak in the mass of a lepton pair (arXiv:2207.07476).

Both τ decay to one charged particle, so an event has four tracks and missing energy. One row is one choice of
the pair that makes φ. The pair is of electrons or of muons, and comes from the interaction point or from a
vertex of its own; muon pairs are prompt, because φ decays at once where it decays to muons.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.detector import BEAMS
from darkreach.models.constants import ELECTRON_MASS, MUON_MASS, PION_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.cuts import (
    Columns,
    Cut,
    apply_cuts,
    handed_on,
    is_neutral,
    lowest,
    near_interaction_point,
    rows,
)
from darkreach.searches.kinematics import (
    BEAM,
    beam_momentum,
    pair_mass_squared,
    track_momenta,
    vertex_momenta,
)
from darkreach.searches.leptophilic_features import (
    DISPLACED_FEATURES,
    PROMPT_FEATURES,
    Candidate,
    leptophilic_features,
    pointing,
)

REGION_VARIABLE = "mass"
METHOD = "peak"
CHANNELS = ("ee", "ee_displaced", "mumu")
FEATURES = {"ee": PROMPT_FEATURES, "ee_displaced": DISPLACED_FEATURES, "mumu": PROMPT_FEATURES}
CONTROLS = {
    "mass": (140, 0.0, 7.0),
    "thrust": (50, 0.5, 1.0),
    "missing_mass2": (60, -20.0, 100.0),
    "visible_energy": (55, 0.0, 11.0),
    "extra_energy": (50, 0.0, 5.0),
    "pair_momentum": (50, 0.0, 1.0),
    "near_excess_mass": (50, 0.0, 5.0),
}

PAIR, TAUS = ("phi_plus", "phi_minus"), ("tau_plus", "tau_minus")
TRACKS = (*PAIR, *TAUS)
TRACK_VARIABLES = ("px", "py", "pz", "charge", "dr", "dz", "muon_id", "electron_id")
VERTEX = ("x", "y", "probability", "significance", "radius")
EVENT_VARIABLES = (
    *BEAM,
    *("n_tracks", "n_photons", "extra_energy", "visible_energy"),
    *("missing_momentum", "missing_theta", "missing_mass2", "thrust"),
    *(f"vertex_{name}" for name in VERTEX),
    *(f"{track}_vertex_{axis}" for track in PAIR for axis in ("px", "py", "pz")),
)
TRUTH = ("is_signal", "true_mass", "true_lifetime", "true_proper_length")


class Selection(Section):
    """Four tracks with missing energy, two of them identified as the leptons of φ."""

    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")
    minimum_electron_id: Fraction = Field(description="both leptons of φ → ee")
    minimum_muon_id: Fraction = Field(description="both leptons of φ → μμ")
    maximum_abs_dr_cm: Positive = Field(description="tracks from the interaction point")
    maximum_abs_dz_cm: Positive = Field(description="tracks from the interaction point")
    maximum_visible_energy_GeV: Positive = Field(description="in the centre-of-mass frame")
    minimum_missing_momentum_GeV: NonNegative = Field(description="in the centre-of-mass frame")
    maximum_thrust: Fraction
    minimum_displaced_radius_cm: Positive = Field(
        description="a pair is displaced if its vertex is further from the beams than this"
    )
    minimum_displaced_significance: Positive = Field(
        description="and further from the interaction point than this many standard deviations"
    )
    maximum_displaced_radius_cm: Positive
    minimum_displaced_probability: Fraction = Field(description="of the vertex fit of a displaced pair")
    minimum_displaced_pointing: float = Field(
        ge=-1, le=1, description="cosine between the path of a displaced φ and its momentum, across the beams"
    )
    minimum_electron_vertex_mass_GeV: NonNegative = Field(
        description="mass of an electron pair at its vertex, against photon conversions"
    )
    maximum_electron_mass_GeV: Positive = Field(description="φ → ee is rare where φ → μμ is possible")


# those that do not depend on the kind of pair
CUTS: dict[str, Cut] = {
    "number of tracks": lambda v, s: v["n_tracks"] <= s.maximum_tracks,
    "zero charge": lambda v, s: is_neutral(v, TRACKS),
    "impact parameters of taus": lambda v, s: near_interaction_point(v, TAUS, s),
    "visible energy": lambda v, s: v["visible_energy"] < s.maximum_visible_energy_GeV,
    "missing momentum": lambda v, s: v["missing_momentum"] > s.minimum_missing_momentum_GeV,
    "thrust": lambda v, s: v["thrust"] < s.maximum_thrust,
}


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """The observable is the mass itself, GeV."""
    return np.asarray(mass, dtype=np.float64)


mass_of_observable = observable_of_mass


def candidates(variables: Columns, selection: Selection, detector: str, cutflow: Cutflow) -> Columns:
    """Select rows, put each into its channel, and compute what the search needs of them.

    Returns columns of the rows that pass: `mass` of the pair (GeV; of displaced ones from the momenta at the
    vertex), `channel` (index into CHANNELS), the features (0 where a channel has not that feature), and what
    else the chunk carries without belonging to the selection.
    """
    variables = apply_cuts(variables, selection, CUTS, cutflow)
    electron_id, muon_id = (lowest(variables, PAIR, f"{lepton}_id") for lepton in ("electron", "muon"))
    electrons, muons = electron_id > selection.minimum_electron_id, muon_id > selection.minimum_muon_id
    # a pair that looks like both is taken for what it looks like more
    electrons &= ~muons | (electron_id > muon_id)
    identified = electrons | muons
    variables, electrons = rows(variables, identified), electrons[identified]
    cutflow.count("identified pair", variables["weight"])
    channel = _channel(variables, electrons, selection)
    variables, channel = rows(variables, channel >= 0), channel[channel >= 0]
    cutflow.count("channel", variables["weight"])
    candidate = _candidate(variables, channel)
    mass = _pair_mass(candidate.pair, candidate.lepton_mass)
    return {
        "mass": mass,
        "channel": channel,
        **leptophilic_features(candidate, mass, variables, BEAMS[detector]),
        **handed_on(variables, EVENT_VARIABLES),
    }


def _channel(variables: Columns, electrons: np.ndarray, selection: Selection) -> np.ndarray:
    """(n,) index into CHANNELS; −1 for rows of none.

    A prompt pair comes from the interaction point. A displaced one has a good vertex, and its momentum points
    away from the beams. Electrons are too heavy for a converted photon, and light enough for φ → ee.
    """
    radius = variables["vertex_radius"]
    displaced = (radius > selection.minimum_displaced_radius_cm) & (
        variables["vertex_significance"] > selection.minimum_displaced_significance
    )
    prompt = ~displaced & near_interaction_point(variables, PAIR, selection)
    displaced &= radius < selection.maximum_displaced_radius_cm
    displaced &= variables["vertex_probability"] > selection.minimum_displaced_probability
    displaced &= pointing(variables) > selection.minimum_displaced_pointing
    vertex_mass, measured_mass = (
        _pair_mass(momenta(variables, PAIR, ELECTRON_MASS), ELECTRON_MASS)
        for momenta in (vertex_momenta, track_momenta)
    )
    unconverted = electrons & (vertex_mass > selection.minimum_electron_vertex_mass_GeV)
    channel = np.full(len(radius), -1)
    for name, mask, mass in (("ee", prompt, measured_mass), ("ee_displaced", displaced, vertex_mass)):
        channel[mask & unconverted & (mass < selection.maximum_electron_mass_GeV)] = CHANNELS.index(name)
    channel[prompt & ~electrons] = CHANNELS.index("mumu")
    return channel


def _pair_mass(pair: np.ndarray, lepton_mass: np.ndarray | float) -> np.ndarray:
    """(n,) mass of pairs of leptons with (n, 2, 4) momenta, GeV."""
    return np.sqrt(pair_mass_squared(pair[:, 0], pair[:, 1], lepton_mass))


def _candidate(variables: Columns, channel: np.ndarray) -> Candidate:
    """Momenta of the rows: of displaced pairs at the vertex, of all other tracks near the beams."""
    displaced = channel == CHANNELS.index("ee_displaced")
    mass = np.where(channel == CHANNELS.index("mumu"), MUON_MASS, ELECTRON_MASS)
    at_vertex, as_measured = (momenta(variables, PAIR, mass) for momenta in (vertex_momenta, track_momenta))
    return Candidate(
        pair=np.where(displaced[:, None, None], at_vertex, as_measured),
        lepton_mass=mass,
        taus=track_momenta(variables, TAUS, PION_MASS),  # most charged daughters of the τ are pions
        beams=beam_momentum(variables),
    )
