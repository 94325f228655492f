"""e⁺e⁻ → μ⁺μ⁻Z′, Z′ → invisible: a peak in the mass that recoils against two muons and nothing else.

The example of docs/new-search.md.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematics import mass_squared, track_momentum

METHOD = "peak"
REGION_VARIABLE = "recoil_mass"
FEATURES = ()
CONTROLS = {"recoil_mass": (110, 0.0, 11.0), "extra_energy": (50, 0.0, 0.5)}

TRACKS = ("muon_plus", "muon_minus")
TRACK_VARIABLES = ("px", "py", "pz", "muon_id")
EVENT_VARIABLES = ("beam_px", "beam_py", "beam_pz", "beam_e", "n_tracks", "extra_energy")
TRUTH = ("is_signal", "true_mass")


class Selection(Section):
    """Two muons, and nothing else where the detector sees."""

    minimum_muon_id: Fraction
    maximum_extra_energy_GeV: Positive
    minimum_recoil_transverse_GeV: NonNegative = Field(
        description="momentum of what escapes, to the beam axis"
    )
    recoil_theta_deg: tuple[NonNegative, Positive] = Field(description="where a photon would have been seen")


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """The recoil mass is that of the Z′, GeV."""
    return np.asarray(mass, float)


mass_of_observable = observable_of_mass


def candidates(
    variables: dict[str, np.ndarray], selection: Selection, detector: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Two muons and nothing else: `recoil_mass` and `extra_energy` in GeV, and what came along."""
    muons = [track_momentum(variables, f"{track}.", MUON_MASS) for track in TRACKS]
    beams = np.stack([variables[f"beam_{axis}"] for axis in ("px", "py", "pz", "e")], axis=-1)
    recoil = beams - muons[0] - muons[1]
    transverse = np.hypot(recoil[:, 0], recoil[:, 1])
    theta = np.degrees(np.arctan2(transverse, recoil[:, 2]))
    low, high = selection.recoil_theta_deg
    passed = np.ones(len(recoil), dtype=bool)
    for cut, condition in {
        "two tracks": variables["n_tracks"] == 2,
        "two muons": np.logical_and(
            *(variables[f"{track}.muon_id"] > selection.minimum_muon_id for track in TRACKS)
        ),
        "extra energy": variables["extra_energy"] <= selection.maximum_extra_energy_GeV,
        "direction of recoil": (theta > low) & (theta < high),
        "transverse recoil": transverse > selection.minimum_recoil_transverse_GeV,
    }.items():
        passed &= condition
        cutflow.count(cut, variables["weight"][passed])
    kept = {
        name: array for name, array in variables.items() if "." not in name and not name.startswith("beam")
    }
    columns = kept | {"recoil_mass": np.sqrt(np.maximum(mass_squared(recoil), 0.0))}
    return {name: array[passed] for name, array in columns.items()}
