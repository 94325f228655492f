"""e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻: a narrow peak in the mass of one of the four muon pairs (arXiv:2403.02841).

One row is one choice of the pair that makes X; the other pair recoils. All four choices of an event are kept.
"""

import numpy as np

from darkreach.config.search import MumuSelection
from darkreach.config.stages import SkimSpec
from darkreach.detector import BEAMS, TRACKS
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematic_fit import fit_with_radiation
from darkreach.searches.kinematics import four_momentum, mass_squared, pair_mass_squared
from darkreach.searches.mumu_features import FEATURES, mumu_features

__all__ = [
    "CONTROLS",
    "FEATURES",
    "NAME",
    "OBSERVABLE",
    "REGION_VARIABLE",
    "branches",
    "candidates",
    "observable_of_mass",
    "undefined",
]

NAME = "mumu_resonance"
REGION_VARIABLE = "mass"
OBSERVABLE = "reduced_mass"
CONTROLS = {
    "mass": (100, 0.0, 10.0),
    "four_track_mass": (100, 10.0, 11.0),
    "extra_energy": (50, 0.0, 0.5),
    "fit_chi2": (50, 0.0, 50.0),
}

TRACKS_OF_ROW = ("x_plus", "x_minus", "recoil_plus", "recoil_minus")
FIT_ROWS = 10_000  # rows fitted at a time: they stay in the processor's cache


def branches(spec: SkimSpec, kind: str) -> dict[str, str]:
    """Own names of the variables → branches of the ntuple.

    Own names are `{track}.{variable}`, `{event variable}`, `trigger.{line}` and, in signal blocks,
    `is_signal` and `true_mass`.
    """
    columns = spec.columns
    names = {
        f"{track}.{variable}": f"{prefix}_{branch}"
        for track, prefix in columns.tracks.items()
        for variable, branch in columns.track_variables.items()
    }
    names |= {f"trigger.{line}": line for line in spec.selection.trigger_lines}
    names |= {str(name): branch for name, branch in columns.event_variables.items()}
    if kind == "signal":
        names |= {str(name): branch for name, branch in columns.truth.items()}
    return names


def undefined(variables: dict[str, np.ndarray], spec: SkimSpec) -> dict[str, np.ndarray]:
    """Variables of the selection that are not finite somewhere → (n,) mask of the rows.

    basf2 gives NaN for a trigger line that a run did not have, so only rows without any line are undefined.
    """
    masks = {
        name: ~np.isfinite(array)
        for name, array in variables.items()
        if _is_of_selection(name, spec) and not name.startswith("trigger.")
    }
    lines = [f"trigger.{line}" for line in spec.selection.trigger_lines]
    if lines:
        masks[lines[0]] = np.logical_and.reduce([~np.isfinite(variables[line]) for line in lines])
    return {name: mask for name, mask in masks.items() if mask.any()}


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """Reduced mass √(m² − 4m_μ²) of a resonance of mass m, GeV (arXiv:1606.03501)."""
    return np.sqrt(np.maximum(np.square(mass) - 4 * MUON_MASS**2, 0.0))


def candidates(variables: dict[str, np.ndarray], spec: SkimSpec, cutflow: Cutflow) -> dict[str, np.ndarray]:
    """Select rows, fit them to the beams, and compute what the search needs of them.

    Returns columns of the rows that pass: `mass` and `reduced_mass` of the fitted pair, `fit_chi2`,
    `four_track_mass` and `extra_energy` as measured (GeV), the features, and what else the chunk carries
    without belonging to the selection (identity of the event, weight, truth).
    """
    variables = _select(variables, spec.selection, cutflow)
    rows = len(variables["weight"])
    momenta = _momenta(variables)
    total = np.stack([variables[f"beam_{axis}"] for axis in ("px", "py", "pz", "e")], axis=-1)
    kept = {name: array for name, array in variables.items() if not _is_of_selection(name, spec)}
    parts = [
        _fitted(momenta[start : start + FIT_ROWS], total[start : start + FIT_ROWS], spec.detector)
        for start in range(0, max(rows, 1), FIT_ROWS)
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns |= {
        "four_track_mass": np.sqrt(mass_squared(momenta.sum(1))),
        "extra_energy": variables["extra_energy"],
        **kept,
    }
    fitted = columns.pop("fit_converged")
    cutflow.count("kinematic fit", variables["weight"][fitted])
    return {name: array[fitted] for name, array in columns.items()}


def _fitted(momenta: np.ndarray, total: np.ndarray, detector: str) -> dict[str, np.ndarray]:
    """What the fit gives for some rows."""
    fit = fit_with_radiation(momenta, BEAMS[detector], total, TRACKS[detector], MUON_MASS)
    square = pair_mass_squared(fit.momenta[:, 0], fit.momenta[:, 1], MUON_MASS)
    mass = np.sqrt(square)
    return {
        "mass": mass,
        "reduced_mass": np.sqrt(np.maximum(square - 4 * MUON_MASS**2, 0.0)),
        "fit_chi2": fit.chi2,
        "fit_converged": fit.converged,
        **mumu_features(fit.momenta, mass, BEAMS[detector]),
    }


def _select(
    variables: dict[str, np.ndarray], selection: MumuSelection, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Apply the cuts one after the other, counting what is left after each."""
    for cut, passes in (
        ("impact parameters", _near_interaction_point),
        ("muon identification", _identified),
        ("zero charge", lambda v, _: sum(v[f"{track}.charge"] for track in TRACKS_OF_ROW) == 0),
        ("number of tracks", lambda v, s: v["n_tracks"] <= s.maximum_tracks),
        ("extra energy", lambda v, s: v["extra_energy"] <= s.maximum_extra_energy_GeV),
        ("trigger", _triggered),
        ("four-track mass", _has_full_energy),
    ):
        passed = passes(variables, selection)
        variables = {name: array[passed] for name, array in variables.items()}
        cutflow.count(cut, variables["weight"])
    return variables


def _near_interaction_point(variables: dict[str, np.ndarray], selection: MumuSelection) -> np.ndarray:
    return np.logical_and.reduce(
        [np.abs(variables[f"{track}.dr"]) < selection.maximum_abs_dr_cm for track in TRACKS_OF_ROW]
        + [np.abs(variables[f"{track}.dz"]) < selection.maximum_abs_dz_cm for track in TRACKS_OF_ROW]
    )


def _identified(variables: dict[str, np.ndarray], selection: MumuSelection) -> np.ndarray:
    muons = [variables[f"{track}.muon_id"] > selection.minimum_muon_id for track in TRACKS_OF_ROW]
    return np.sum(muons, axis=0) >= selection.minimum_identified_muons


def _triggered(variables: dict[str, np.ndarray], selection: MumuSelection) -> np.ndarray:
    if not selection.trigger_lines:
        return np.ones(len(variables["weight"]), dtype=bool)
    # > 0, because basf2 gives NaN for a line that a run did not have
    return np.logical_or.reduce([variables[f"trigger.{line}"] > 0 for line in selection.trigger_lines])


def _has_full_energy(variables: dict[str, np.ndarray], selection: MumuSelection) -> np.ndarray:
    low, high = selection.four_track_mass_GeV
    square = mass_squared(_momenta(variables).sum(1))
    return (square > low**2) & (square < high**2)


def _momenta(variables: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 4, 4) measured momenta of the four tracks as muons, GeV."""
    return np.stack(
        [
            four_momentum(
                variables[f"{track}.px"], variables[f"{track}.py"], variables[f"{track}.pz"], MUON_MASS
            )
            for track in TRACKS_OF_ROW
        ],
        axis=1,
    )


def _is_of_selection(name: str, spec: SkimSpec) -> bool:
    return "." in name or name in spec.columns.event_variables
