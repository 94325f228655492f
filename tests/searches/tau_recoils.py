"""e⁺e⁻ → μ⁺μ⁻X, X → τ⁺τ⁻ with one-prong decays by two-body kinematics: events whose truth the tests know."""

import numpy as np
from four_muons import BEAM, two_body

from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS, TAU_MASS

NAMES = ("muon_plus", "muon_minus", "tau_plus", "tau_minus")


def tau_events(mass, dimuon_mass, n, rng, total=BEAM.total):
    """(n, 4, 4) laboratory momenta of the recoiling μ⁺, μ⁻ and of the muons of τ⁺ and τ⁻ → μ + one neutrino.

    mass, dimuon_mass: of X and of the muon pair, GeV. total: (4,) or (n, 4) of the collisions.
    """
    total = np.broadcast_to(total, (n, 4))
    mass, dimuon_mass = np.broadcast_to(mass, n), np.broadcast_to(dimuon_mass, n)
    energy = np.sqrt(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(-1))
    x, recoil = two_body(energy, mass, dimuon_mass, rng)
    muons = [boost(p, recoil) for p in two_body(dimuon_mass, MUON_MASS, MUON_MASS, rng)]
    taus = [boost(p, x) for p in two_body(mass, TAU_MASS, TAU_MASS, rng)]
    rest = np.full(n, TAU_MASS)
    tracks = [boost(two_body(rest, MUON_MASS, 0.0, rng)[0], tau) for tau in taus]
    return np.stack([boost(p, total) for p in (*muons, *tracks)], axis=1)


def variables_of(momenta, total=BEAM.total):
    """The variables of a chunk with one row per event, well inside all cuts that are not of momenta."""
    n = len(momenta)
    total = np.broadcast_to(total, (n, 4))
    variables = {
        "n_tracks": np.full(n, 4.0),
        "extra_energy": np.full(n, 0.1),
        "weight": np.ones(n),
        "event": np.arange(n),
        "triggers": np.ones(n, dtype=int),
        "true_mass": np.full(n, 6.0),
    }
    variables |= {f"beam_{axis}": total[:, i] for i, axis in enumerate(("px", "py", "pz", "e"))}
    for track, name in enumerate(NAMES):
        variables |= {f"{name}.{axis}": momenta[:, track, i] for i, axis in enumerate(("px", "py", "pz"))}
        variables |= {
            f"{name}.charge": np.full(n, 1.0 - 2 * (track % 2)),
            f"{name}.dr": np.full(n, 0.01),
            f"{name}.dz": np.full(n, -0.1),
            f"{name}.muon_id": np.full(n, 0.9 if track < 2 else 0.2),
            f"{name}.electron_id": np.full(n, 0.05 if track < 2 else 0.6),
        }
    return variables
