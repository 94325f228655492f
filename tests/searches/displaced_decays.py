"""τ → πN, N → μ⁺μ⁻ν at the collision energy of Belle: the exact momenta of constructed decays."""

from dataclasses import dataclass

import numpy as np

from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS, PION_MASS, TAU_MASS
from darkreach.searches.kinematics import breakup_momentum

TAU_ENERGY = 10.58 / 2


@dataclass
class Decays:
    """(n, 4) momenta in GeV in the centre-of-mass frame; `other` is a pion of the other τ."""

    pion: np.ndarray
    plus: np.ndarray
    minus: np.ndarray
    neutrino: np.ndarray
    heavy_neutrino: np.ndarray
    other: np.ndarray


def decays(mass: float, n: int, rng: np.random.Generator, tau_energy: float = TAU_ENERGY) -> Decays:
    """`n` decays with N of `mass` (GeV); the dimuon mass is flat, all angles are isotropic."""
    tau = moving(TAU_MASS, directions(n, rng), np.sqrt(tau_energy**2 - TAU_MASS**2))
    pion, heavy = two_body(tau, TAU_MASS, PION_MASS, mass, rng)
    dimuon = rng.uniform(2 * MUON_MASS, mass, n)
    neutrino, pair = two_body(heavy, mass, 0.0, dimuon, rng)
    plus, minus = two_body(pair, dimuon, MUON_MASS, MUON_MASS, rng)
    opposite = tau * np.array([-1.0, -1.0, -1.0, 1.0])
    other, _ = two_body(opposite, TAU_MASS, PION_MASS, 0.0, rng)
    return Decays(pion, plus, minus, neutrino, heavy, other)


def two_body(parent, mass, first, second, rng):
    """Isotropic decay of `parent` (n, 4) of `mass` into particles of masses `first` and `second`."""
    n = len(parent)
    momentum = breakup_momentum(np.broadcast_to(mass, n), first, second)
    axis = directions(n, rng)
    return tuple(
        boost(moving(m, sign * axis, momentum), parent) for m, sign in ((first, 1.0), (second, -1.0))
    )


def moving(mass, axis, momentum):
    """Four-momenta of particles of `mass` along unit vectors `axis`."""
    momentum = np.broadcast_to(momentum, len(axis))
    return np.concatenate([axis * momentum[:, None], np.sqrt(momentum**2 + mass**2)[:, None]], axis=1)


def directions(n, rng):
    """(n, 3) isotropic unit vectors."""
    vectors = rng.standard_normal((n, 3))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
