"""e⁺e⁻ → μ⁺μ⁻Z′, Z′ → invisible: a peak in the mass that recoils against two muons and nothing else.

The example of docs/new-search.md.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.cuts import Columns, Cut, Window, apply_cuts, between, handed_on, lowest
from darkreach.searches.kinematics import BEAM, beam_momentum, invariant_mass, theta_deg, track_momentum

METHOD = "peak"
REGION_VARIABLE = "recoil_mass"
FEATURES = ()
CONTROLS = {"recoil_mass": (110, 0.0, 11.0), "extra_energy": (50, 0.0, 0.5)}

TRACKS = ("muon_plus", "muon_minus")
TRACK_VARIABLES = ("px", "py", "pz", "muon_id")
EVENT_VARIABLES = (*BEAM, "n_tracks", "extra_energy")
TRUTH = ("is_signal", "true_mass")


class Selection(Section):
    """Two muons, and nothing else where the detector sees."""

    minimum_muon_id: Fraction
    maximum_extra_energy_GeV: Positive
    minimum_recoil_transverse_GeV: NonNegative = Field(
        description="momentum of what escapes, to the beam axis"
    )
    recoil_theta_deg: Window = Field(description="where a photon would have been seen")


CUTS: dict[str, Cut] = {
    "two tracks": lambda v, s: v["n_tracks"] == 2,
    "two muons": lambda v, s: lowest(v, TRACKS, "muon_id") > s.minimum_muon_id,
    "extra energy": lambda v, s: v["extra_energy"] <= s.maximum_extra_energy_GeV,
    "direction of recoil": lambda v, s: between(theta_deg(_recoil(v)), s.recoil_theta_deg),
    "transverse recoil": lambda v, s: np.hypot(*_recoil(v).T[:2]) > s.minimum_recoil_transverse_GeV,
}


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """The recoil mass is that of the Z′, GeV."""
    return np.asarray(mass, float)


mass_of_observable = observable_of_mass


def candidates(variables: Columns, selection: Selection, detector: str, cutflow: Cutflow) -> Columns:
    """Two muons and nothing else: `recoil_mass` and `extra_energy` in GeV, and what came along."""
    variables = apply_cuts(variables, selection, CUTS, cutflow)
    return handed_on(variables, EVENT_VARIABLES) | {
        "recoil_mass": invariant_mass(_recoil(variables)),
        "extra_energy": variables["extra_energy"],
    }


def _recoil(variables: Columns) -> np.ndarray:
    """(n, 4) momentum of what recoils against the muons, GeV."""
    plus, minus = (track_momentum(variables, track, MUON_MASS) for track in TRACKS)
    return beam_momentum(variables) - plus - minus
