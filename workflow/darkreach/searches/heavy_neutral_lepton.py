"""τ⁻ → π⁻N, N → μ⁺μ⁻ν: a muon pair from a vertex outside the silicon detector (arXiv:2402.02580).

One row is one choice of the displaced pair `plus`, `minus`; of the other two tracks the one nearer to it is
the pion. The constraints of the decay leave two solutions m₊ ≥ m₋ for the mass of N; signal lies where
m₋ ≲ m_N ≲ m₊. Pairs that are K_S → π⁺π⁻ by their mass are a control channel; those below are the signal
channel of a light N, those above that of a heavy one.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.detector import BEAMS
from darkreach.detector.beams import boost, reversed_momentum
from darkreach.models.constants import MUON_MASS, PION_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.cuts import (
    Columns,
    Cut,
    Window,
    apply_cuts,
    between,
    handed_on,
    is_neutral,
    lowest,
    near_interaction_point,
    rows,
)
from darkreach.searches.kinematics import (
    BEAM,
    beam_momentum,
    cos_angle,
    invariant_mass,
    magnitude,
    track_momentum,
    vertex_momenta,
    vertex_momentum,
)
from darkreach.searches.mass_solutions import mass_solutions

METHOD = "counting"
REGION_VARIABLE = "m_minus"
FEATURES: tuple[str, ...] = ()
CHANNELS = ("light", "heavy", "ks_control")
CONTROLS = {
    "m_plus": (100, 0.0, 2.0),
    "m_minus": (100, 0.0, 2.0),
    "dipion_mass": (100, 0.25, 1.25),
    "vertex_radius": (60, 0.0, 90.0),
    "transverse_momentum": (50, 0.0, 1.0),
    "missing_energy": (50, 0.0, 10.0),
    "tau_energy_excess": (60, -3.0, 3.0),
}

PAIR, OTHERS = ("plus", "minus"), ("other_plus", "other_minus")
TRACKS = (*PAIR, *OTHERS)
TRACK_VARIABLES = ("px", "py", "pz", "charge", "dr", "dz", "muon_id", "electron_id")
EVENT_VARIABLES = (
    *BEAM,
    *("n_tracks", "visible_energy"),
    *("vertex_x", "vertex_y", "vertex_z", "vertex_probability"),
    *(f"{track}_vertex_{axis}" for track in PAIR for axis in ("px", "py", "pz")),
)
TRUTH = ("is_signal", "true_mass", "true_proper_length")

KS_MASS = 0.497611  # GeV, Particle Data Group, Review of Particle Physics 2024
LAMBDA_MASS = 1.115683
PROTON_MASS = 0.938272


class Selection(Section):
    """Cuts on the displaced pair, on the two prompt tracks, and on the event."""

    vertex_radius_cm: Window = Field(description="transverse radius of the displaced vertex")
    minimum_vertex_probability: Fraction
    minimum_muon_id: Fraction = Field(description="of both displaced tracks")
    maximum_pion_muon_id: Fraction
    maximum_pion_electron_id: Fraction
    maximum_abs_dr_cm: Positive = Field(description="of the two other tracks")
    maximum_abs_dz_cm: Positive = Field(description="of the two other tracks")
    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")
    minimum_transverse_momentum_GeV: NonNegative = Field(
        description="of the pair to its flight direction: there is a neutrino in the decay"
    )
    minimum_cos_pointing: float = Field(ge=-1, le=1, description="between pair and flight direction")
    minimum_missing_energy_GeV: NonNegative = Field(description="in the centre-of-mass frame")
    maximum_tau_energy_excess_GeV: Positive = Field(
        description="distance of the energy of the τ from half the collision's, in the centre-of-mass frame"
    )
    ks_window_GeV: Positive = Field(
        description="half width about the K_S mass, in the mass of the pair as pions"
    )
    lambda_window_GeV: NonNegative = Field(description="half width about the Λ mass, as proton and pion")


CUTS: dict[str, Cut] = {
    "displaced vertex": lambda v, s: _is_displaced(v, s),
    "muon identification": lambda v, s: _is_dimuon(v, s),
    "number of tracks": lambda v, s: v["n_tracks"] <= s.maximum_tracks,
    "other tracks prompt": lambda v, s: near_interaction_point(v, OTHERS, s),
}
# K_S point back to the collision, and need no tau: the control channel is without the cuts against them
CUTS_WITH_PION: dict[str, Cut] = {
    "pion identification": lambda c, s: _has_pion(c, s),
    "no Lambda": lambda c, s: c["lambda_distance"] > s.lambda_window_GeV,
    "missing energy": lambda c, s: c["missing_energy"] > s.minimum_missing_energy_GeV,
    "neutrino in the decay": lambda c, s: _has_neutrino(c, s) | _is_control(c),
    "energy of the tau": lambda c, s: _has_tau_energy(c, s) | _is_control(c),
}


def candidates(variables: Columns, selection: Selection, detector: str, cutflow: Cutflow) -> Columns:
    """Select displaced pairs and solve for the mass of N; of an event the row with the best vertex is kept.

    Returns, for the rows that pass, m_plus and m_minus (GeV), `channel` (index into CHANNELS), the controls,
    and what else the chunk carries without belonging to the selection (identity, weight, truth).
    """
    variables = apply_cuts(variables, selection, CUTS, cutflow)
    columns = _with_pion(variables, BEAMS[detector].sqrt_s)
    columns["channel"] = channel_of(columns["dipion_mass"], selection)
    columns = apply_cuts(columns, selection, CUTS_WITH_PION, cutflow)
    columns = rows(columns, best_of_event(columns, columns["vertex_probability"]))
    cutflow.count("best vertex", columns["weight"])
    return {name: array for name, array in columns.items() if name not in _INTERNAL}


_INTERNAL = ("vertex_probability", "pion_muon_id", "pion_electron_id", "cos_pointing", "lambda_distance")


def channel_of(dipion_mass: np.ndarray, selection: Selection) -> np.ndarray:
    """(n,) index into CHANNELS: K_S by the mass of the pair as pions (GeV), or below or above it."""
    distance = dipion_mass - KS_MASS
    return np.where(np.abs(distance) < selection.ks_window_GeV, 2, np.where(distance < 0, 0, 1))


def best_of_event(columns: Columns, quality: np.ndarray) -> np.ndarray:
    """(n,) mask of the row with the largest quality of each event; rows of an event are contiguous."""
    if not len(quality):
        return np.zeros(0, dtype=bool)
    identity = np.stack([columns[name] for name in ("experiment", "run", "event", "production")])
    starts = np.concatenate([[True], np.any(np.diff(identity, axis=1) != 0, axis=0)])
    event = np.cumsum(starts)
    order = np.lexsort((-quality, event))
    best = np.zeros(len(quality), dtype=bool)
    best[order[np.concatenate([[True], np.diff(event[order]) != 0])]] = True
    return best


def _is_displaced(v: Columns, selection: Selection) -> np.ndarray:
    radius = np.hypot(v["vertex_x"], v["vertex_y"])
    good = v["vertex_probability"] > selection.minimum_vertex_probability
    return between(radius, selection.vertex_radius_cm) & good


def _is_dimuon(v: Columns, selection: Selection) -> np.ndarray:
    identified = lowest(v, PAIR, "muon_id") > selection.minimum_muon_id
    return identified & (v["plus.charge"] > 0) & (v["minus.charge"] < 0) & is_neutral(v, TRACKS)


def _is_control(columns: Columns) -> np.ndarray:
    return columns["channel"] == CHANNELS.index("ks_control")


def _has_pion(columns: Columns, selection: Selection) -> np.ndarray:
    return (columns["pion_muon_id"] < selection.maximum_pion_muon_id) & (
        columns["pion_electron_id"] < selection.maximum_pion_electron_id
    )


def _has_neutrino(columns: Columns, selection: Selection) -> np.ndarray:
    return (columns["transverse_momentum"] > selection.minimum_transverse_momentum_GeV) & (
        columns["cos_pointing"] > selection.minimum_cos_pointing
    )


def _has_tau_energy(columns: Columns, selection: Selection) -> np.ndarray:
    return np.abs(columns["tau_energy_excess"]) < selection.maximum_tau_energy_excess_GeV


def _with_pion(v: Columns, sqrt_s: float) -> Columns:
    """Columns of the search for rows of variables, and those that pass through."""
    total = beam_momentum(v)
    pair = vertex_momenta(v, PAIR, MUON_MASS).sum(1)
    dipion = vertex_momenta(v, PAIR, PION_MASS).sum(1)
    vertex = np.stack([v[f"vertex_{axis}"] for axis in "xyz"], axis=-1)
    direction = vertex / np.linalg.norm(vertex, axis=-1, keepdims=True)
    pion, is_plus = nearer_pion(v, pair, total)
    solutions = mass_solutions(pair, pion, direction)
    along = (pair[:, :3] * direction).sum(-1)
    momentum = magnitude(pair)
    identified = {
        f"pion_{name}": np.where(is_plus, v[f"other_plus.{name}"], v[f"other_minus.{name}"])
        for name in ("muon_id", "electron_id")
    }
    return {
        "m_plus": solutions.m_plus,
        "m_minus": solutions.m_minus,
        "dipion_mass": invariant_mass(dipion),
        "lambda_distance": _distance_from_lambda(v),
        "vertex_radius": np.hypot(v["vertex_x"], v["vertex_y"]),
        "transverse_momentum": np.sqrt(np.maximum(momentum**2 - along**2, 0.0)),
        "cos_pointing": along / momentum,
        "missing_energy": sqrt_s - v["visible_energy"],
        "tau_energy_excess": tau_energy_excess(solutions.momenta + pion, total),
        "vertex_probability": v["vertex_probability"],
        **identified,
        **handed_on(v, EVENT_VARIABLES),
    }


def nearer_pion(v: Columns, pair: np.ndarray, total: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(n, 4) momentum of the pion, GeV, and (n,) whether it is the positive one of the other two tracks.

    Pion and N come from one τ: in the centre-of-mass frame the pion is nearer to the pair than the track
    from the other τ. pair, total: (n, 4) momenta of the pair and of the collision, GeV.
    """
    others = [track_momentum(v, track, PION_MASS) for track in OTHERS]
    frame = reversed_momentum(total)
    cosines = [cos_angle(boost(other, frame), boost(pair, frame)) for other in others]
    is_plus = cosines[0] > cosines[1]
    return np.where(is_plus[:, None], *others), is_plus


def tau_energy_excess(taus: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(n,) energy of the τ minus half the collision's in the centre-of-mass frame, GeV, of the better root.

    Without radiation it vanishes for one of the two solutions. taus: (2, n, 4) momenta of the τ, GeV;
    total: (n, 4) that of the collision.
    """
    excesses = boost(taus, reversed_momentum(total))[..., 3] - invariant_mass(total) / 2
    return np.where(np.abs(excesses[0]) < np.abs(excesses[1]), excesses[0], excesses[1])


def _distance_from_lambda(v: Columns) -> np.ndarray:
    """(n,) distance of the pair from the Λ mass, GeV, whichever of the two is the proton."""
    masses = [
        invariant_mass(vertex_momentum(v, "plus", plus) + vertex_momentum(v, "minus", minus))
        for plus, minus in ((PROTON_MASS, PION_MASS), (PION_MASS, PROTON_MASS))
    ]
    return np.min(np.abs(np.stack(masses) - LAMBDA_MASS), axis=0)
