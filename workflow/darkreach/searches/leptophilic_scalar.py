"""e⁺e⁻ → τ⁺τ⁻φ, φ → e⁺e⁻ or μ⁺μ⁻: a narrow peak in the mass of a lepton pair (arXiv:2207.07476).

Both τ decay to one charged particle, so an event has four tracks and missing energy. One row is one choice of
the pair that makes φ. The pair is of electrons or of muons, and comes from the interaction point or from a
vertex of its own; muon pairs are prompt, because φ decays at once where it decays to muons.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.detector import BEAMS
from darkreach.models.constants import ELECTRON_MASS, MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematics import four_momentum, pair_mass_squared
from darkreach.searches.leptophilic_features import (
    DISPLACED_FEATURES,
    PION_MASS,
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
    *(f"beam_{axis}" for axis in ("px", "py", "pz", "e")),
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


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """The observable is the mass itself, GeV."""
    return np.asarray(mass, dtype=np.float64)


def mass_of_observable(observable: np.ndarray) -> np.ndarray:
    """The mass is the observable, GeV."""
    return np.asarray(observable, dtype=np.float64)


def candidates(
    variables: dict[str, np.ndarray], selection: Selection, detector: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Select rows, put each into its channel, and compute what the search needs of them.

    Returns columns of the rows that pass: `mass` of the pair (GeV; of displaced ones from the momenta at the
    vertex), `channel` (index into CHANNELS), the features (0 where a channel has not that feature), and what
    else the chunk carries without belonging to the selection.
    """
    variables = _select_events(variables, selection, cutflow)
    electrons, muons = (_are_identified(variables, selection, lepton) for lepton in ("electron", "muon"))
    # a pair that looks like both is taken for what it looks like more
    electrons &= ~muons | (_pair_id(variables, "electron") > _pair_id(variables, "muon"))
    variables, electrons = _rows(variables, electrons, electrons | muons)
    cutflow.count("identified pair", variables["weight"])
    channel = _channel(variables, electrons, selection)
    variables, channel = _rows(variables, channel, channel >= 0)
    cutflow.count("channel", variables["weight"])
    candidate = _candidate(variables, channel)
    mass = np.sqrt(pair_mass_squared(candidate.pair[:, 0], candidate.pair[:, 1], candidate.lepton_mass))
    return {
        "mass": mass,
        "channel": channel,
        **leptophilic_features(candidate, mass, variables, BEAMS[detector]),
        **{name: array for name, array in variables.items() if not _is_of_selection(name)},
    }


def _select_events(
    variables: dict[str, np.ndarray], selection: Selection, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Apply the cuts that do not depend on the kind of pair, counting what is left after each."""
    for cut, passes in (
        ("number of tracks", lambda v, s: v["n_tracks"] <= s.maximum_tracks),
        ("zero charge", lambda v, _: sum(v[f"{track}.charge"] for track in TRACKS) == 0),
        ("impact parameters of taus", lambda v, s: _are_from_beams(v, s, TAUS)),
        ("visible energy", lambda v, s: v["visible_energy"] < s.maximum_visible_energy_GeV),
        ("missing momentum", lambda v, s: v["missing_momentum"] > s.minimum_missing_momentum_GeV),
        ("thrust", lambda v, s: v["thrust"] < s.maximum_thrust),
    ):
        passed = passes(variables, selection)
        variables = {name: array[passed] for name, array in variables.items()}
        cutflow.count(cut, variables["weight"])
    return variables


def _are_from_beams(
    variables: dict[str, np.ndarray], selection: Selection, tracks: tuple[str, ...]
) -> np.ndarray:
    """(n,) whether all the tracks pass near the interaction point."""
    return np.logical_and.reduce(
        [np.abs(variables[f"{track}.dr"]) < selection.maximum_abs_dr_cm for track in tracks]
        + [np.abs(variables[f"{track}.dz"]) < selection.maximum_abs_dz_cm for track in tracks]
    )


def _are_identified(variables: dict[str, np.ndarray], selection: Selection, lepton: str) -> np.ndarray:
    return _pair_id(variables, lepton) > getattr(selection, f"minimum_{lepton}_id")


def _pair_id(variables: dict[str, np.ndarray], lepton: str) -> np.ndarray:
    """(n,) the smaller identifier of the pair."""
    return np.minimum(*(variables[f"{track}.{lepton}_id"] for track in PAIR))


def _channel(variables: dict[str, np.ndarray], electrons: np.ndarray, selection: Selection) -> np.ndarray:
    """(n,) index into CHANNELS; −1 for rows of none.

    A prompt pair comes from the interaction point. A displaced one has a good vertex, and its momentum points
    away from the beams. Electrons are too heavy for a converted photon, and light enough for φ → ee.
    """
    radius = variables["vertex_radius"]
    displaced = (radius > selection.minimum_displaced_radius_cm) & (
        variables["vertex_significance"] > selection.minimum_displaced_significance
    )
    prompt = ~displaced & _are_from_beams(variables, selection, PAIR)
    displaced &= radius < selection.maximum_displaced_radius_cm
    displaced &= variables["vertex_probability"] > selection.minimum_displaced_probability
    displaced &= pointing(variables) > selection.minimum_displaced_pointing
    vertex_mass, measured_mass = (
        _electron_mass(p) for p in (_at_vertex(variables), _as_measured(variables, PAIR))
    )
    unconverted = electrons & (vertex_mass > selection.minimum_electron_vertex_mass_GeV)
    channel = np.full(len(radius), -1)
    for name, mask, mass in (("ee", prompt, measured_mass), ("ee_displaced", displaced, vertex_mass)):
        channel[mask & unconverted & (mass < selection.maximum_electron_mass_GeV)] = CHANNELS.index(name)
    channel[prompt & ~electrons] = CHANNELS.index("mumu")
    return channel


def _electron_mass(momenta: np.ndarray) -> np.ndarray:
    """(n,) mass of pairs of electrons with (n, 2, 3) momenta, GeV."""
    pair = _with_mass(momenta, ELECTRON_MASS)
    return np.sqrt(pair_mass_squared(pair[:, 0], pair[:, 1], ELECTRON_MASS))


def _candidate(variables: dict[str, np.ndarray], channel: np.ndarray) -> Candidate:
    """Momenta of the rows: of displaced pairs at the vertex, of all other tracks near the beams."""
    displaced = channel == CHANNELS.index("ee_displaced")
    mass = np.where(channel == CHANNELS.index("mumu"), MUON_MASS, ELECTRON_MASS)
    pair = np.where(displaced[:, None, None], _at_vertex(variables), _as_measured(variables, PAIR))
    return Candidate(
        pair=_with_mass(pair, mass[:, None]),
        lepton_mass=mass,
        taus=_with_mass(_as_measured(variables, TAUS), PION_MASS),
        beams=np.stack([variables[f"beam_{axis}"] for axis in ("px", "py", "pz", "e")], axis=-1),
    )


def _with_mass(momenta: np.ndarray, mass: np.ndarray | float) -> np.ndarray:
    """(n, tracks, 4) from (n, tracks, 3) momenta and the mass, GeV."""
    return four_momentum(momenta[..., 0], momenta[..., 1], momenta[..., 2], mass)


def _as_measured(variables: dict[str, np.ndarray], tracks: tuple[str, ...]) -> np.ndarray:
    """(n, tracks, 3) momenta at the points nearest to the beams, GeV."""
    return _momenta(variables, [f"{track}." for track in tracks])


def _at_vertex(variables: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 2, 3) momenta of the pair at its vertex, GeV."""
    return _momenta(variables, [f"{track}_vertex_" for track in PAIR])


def _momenta(variables: dict[str, np.ndarray], prefixes: list[str]) -> np.ndarray:
    return np.stack(
        [np.stack([variables[f"{prefix}p{axis}"] for axis in "xyz"], axis=-1) for prefix in prefixes], axis=1
    )


def _rows(
    variables: dict[str, np.ndarray], beside: np.ndarray, mask: np.ndarray
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Only the rows of a mask, of the variables and of one more array."""
    return {name: array[mask] for name, array in variables.items()}, beside[mask]


def _is_of_selection(name: str) -> bool:
    return "." in name or name in EVENT_VARIABLES
