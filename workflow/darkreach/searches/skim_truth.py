"""The truth of signal blocks: candidates made of the right tracks, with the mass and decay length of X."""

import numpy as np

from darkreach.catalogue.manifest import Manifest
from darkreach.errors import DarkreachError
from darkreach.searches.cutflow import Cutflow

PEAK_ROWS = 30  # candidates from which on their median says where a signal peaks
PEAK_TOLERANCE = 0.05  # of the mass: many times the resolution, less than the usual distance of masses


def true_candidates(
    variables: dict[str, np.ndarray], manifest: Manifest, path: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Candidates of a signal block made of the right tracks, with `true_mass` (GeV) and
    `true_proper_length` (cm) of X.

    Raises:
        DarkreachError: the truth is absent where it is needed, or has a mass that the block does not list.
    """
    # basf2's isSignal is NaN where a candidate has no match
    true = variables["is_signal"] == 1
    variables = {name: array[true] for name, array in variables.items() if name != "is_signal"}
    cutflow.count("true candidate", variables["weight"])
    variables |= {"true_proper_length": _true_lengths(variables, manifest, path)}
    masses = sorted({component.mass_GeV for component in manifest.components if component.mass_GeV})
    if len(masses) == 1:
        return variables | {"true_mass": np.full(len(variables["weight"]), masses[0])}
    if "true_mass" not in variables:
        raise DarkreachError(
            f"{path}: has no branch of the true mass, and block '{manifest.name}' has "
            f"{len(masses)} masses; give each mass a block of its own"
        )
    distance = np.abs(variables["true_mass"][:, None] - masses)
    strange = ~(distance.min(1, initial=np.inf) < 1e-5)
    if strange.any():
        raise DarkreachError(
            f"{path}: has a true mass of {variables['true_mass'][strange][0]} GeV, which block "
            f"'{manifest.name}' does not list; correct the block's masses"
        )
    return variables | {"true_mass": np.array(masses)[distance.argmin(1)]}


def _true_lengths(variables: dict[str, np.ndarray], manifest: Manifest, path: str) -> np.ndarray:
    """(n,) proper decay lengths of X, cm; 0 in a block where X decays at once."""
    if not any(component.lifetime_m for component in manifest.components):
        return np.zeros(len(variables["weight"]))
    if "true_proper_length" not in variables:
        raise DarkreachError(
            f"{path}: block '{manifest.name}' has a lifetime, but its files have no branch of the true "
            "proper decay length; add it, and name it in 'columns.truth'"
        )
    return variables["true_proper_length"]


def check_peaks(columns: dict[str, np.ndarray], variable: str, manifest: Manifest, path: str) -> None:
    """Refuse a signal whose candidates lie elsewhere than at the mass that the configuration gives it.

    Raises:
        DarkreachError: the median of the candidates is more than 5 % away.
    """
    for mass in np.unique(columns["true_mass"]):
        found = columns[variable][columns["true_mass"] == mass]
        if len(found) >= PEAK_ROWS and abs(np.median(found) / mass - 1) > PEAK_TOLERANCE:
            raise DarkreachError(
                f"{path}: the signal of block '{manifest.name}' should have a mass of {mass:g} GeV, but its "
                f"candidates peak at {np.median(found):.4g} GeV; correct the mass or the files of the block"
            )
