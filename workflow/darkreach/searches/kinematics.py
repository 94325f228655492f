"""Four-momenta of candidates. All arrays end in (px, py, pz, E) in GeV."""

from collections.abc import Mapping, Sequence

import numpy as np

from darkreach.detector.beams import boost, reversed_momentum

BEAM = ("beam_px", "beam_py", "beam_pz", "beam_e")  # columns of every search


def four_momentum(px: np.ndarray, py: np.ndarray, pz: np.ndarray, mass: np.ndarray | float) -> np.ndarray:
    """(..., 4) momentum of a particle of known mass (GeV)."""
    px, py, pz = (np.asarray(component, dtype=np.float64) for component in (px, py, pz))
    return np.stack([px, py, pz, np.sqrt(px**2 + py**2 + pz**2 + mass**2)], axis=-1)


def beam_momentum(variables: Mapping[str, np.ndarray]) -> np.ndarray:
    """(n, 4) momentum of the colliding beams from the columns BEAM, GeV."""
    return np.stack([variables[name] for name in BEAM], axis=-1)


def track_momentum(variables: Mapping[str, np.ndarray], track: str, mass: np.ndarray | float) -> np.ndarray:
    """(n, 4) momentum of a track of known mass, GeV, from its columns `{track}.px`, `.py` and `.pz`."""
    return _momentum(variables, f"{track}.", mass)


def track_momenta(
    variables: Mapping[str, np.ndarray], tracks: Sequence[str], mass: np.ndarray | float
) -> np.ndarray:
    """(n, tracks, 4) momenta of tracks of one known mass, GeV."""
    return np.stack([track_momentum(variables, track, mass) for track in tracks], axis=1)


def vertex_momentum(variables: Mapping[str, np.ndarray], track: str, mass: np.ndarray | float) -> np.ndarray:
    """(n, 4) momentum at the vertex, GeV, from the columns `{track}_vertex_px`, `_py` and `_pz`."""
    return _momentum(variables, f"{track}_vertex_", mass)


def vertex_momenta(
    variables: Mapping[str, np.ndarray], tracks: Sequence[str], mass: np.ndarray | float
) -> np.ndarray:
    """(n, tracks, 4) momenta at the vertex of tracks of one known mass, GeV."""
    return np.stack([vertex_momentum(variables, track, mass) for track in tracks], axis=1)


def _momentum(variables: Mapping[str, np.ndarray], prefix: str, mass: np.ndarray | float) -> np.ndarray:
    px, py, pz = (variables[f"{prefix}{axis}"] for axis in ("px", "py", "pz"))
    return four_momentum(px, py, pz, mass)


def mass_squared(momentum: np.ndarray) -> np.ndarray:
    """(...) invariant mass squared, GeV²."""
    # (E − p)(E + p) instead of E² − p²: light, fast pairs lose no digits
    p = magnitude(momentum)
    return (momentum[..., 3] - p) * (momentum[..., 3] + p)


def invariant_mass(momentum: np.ndarray) -> np.ndarray:
    """(...) invariant mass, GeV; 0 where measurement errors make its square negative."""
    return np.sqrt(np.maximum(mass_squared(momentum), 0.0))


def pair_mass_squared(first: np.ndarray, second: np.ndarray, mass: np.ndarray | float) -> np.ndarray:
    """(...) invariant mass squared of two particles of the same mass, GeV²; exact near threshold.

    m² − 4μ² = 2(E₁E₂ − p⃗₁·p⃗₂ − μ²) is a difference of large numbers for collinear particles; written as
    (E₁ − E₂)² against |p⃗₁ − p⃗₂|² it is a difference of small ones.
    """
    difference = first - second
    return 4 * mass**2 + (difference[..., :3] ** 2).sum(-1) - difference[..., 3] ** 2


def magnitude(momentum: np.ndarray) -> np.ndarray:
    """(...) absolute three-momentum, GeV."""
    return np.sqrt((momentum[..., :3] ** 2).sum(-1))


def theta_deg(momentum: np.ndarray) -> np.ndarray:
    """(...) polar angle in degrees."""
    return np.degrees(np.arctan2(np.hypot(momentum[..., 0], momentum[..., 1]), momentum[..., 2]))


def by_energy(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of two (n, 4) momenta, row by row that of more and that of less energy."""
    first_is_hard = (first[:, 3] >= second[:, 3])[:, None]
    return np.where(first_is_hard, first, second), np.where(first_is_hard, second, first)


def cos_angle(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(...) cosine of the angle between two three-momenta; 0 if one of them vanishes."""
    product = np.sqrt((first[..., :3] ** 2).sum(-1) * (second[..., :3] ** 2).sum(-1))
    dot = (first[..., :3] * second[..., :3]).sum(-1)
    return np.clip(np.divide(dot, product, out=np.zeros_like(dot), where=product > 0), -1.0, 1.0)


def sine(cosine: np.ndarray) -> np.ndarray:
    """(...) sine of the angle between 0 and π that has this cosine."""
    return np.sqrt(np.maximum(1 - cosine**2, 0.0))


def rest_frame(momentum: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Momenta as seen in the rest frame of `frame`; shapes broadcast."""
    return boost(momentum, reversed_momentum(frame))


def cos_helicity(daughter: np.ndarray, parent: np.ndarray) -> np.ndarray:
    """(...) cosine of the angle between the daughter in the parent's rest frame and the parent's momentum."""
    return cos_angle(rest_frame(daughter, parent), parent)


def breakup_momentum(
    total: np.ndarray | float, first: np.ndarray | float, second: np.ndarray | float
) -> np.ndarray:
    """Momentum of two particles of masses `first` and `second` in the rest frame of their `total` mass, GeV.

    The square root of the Källén function over twice the total mass; 0 below threshold.
    """
    product = (total**2 - (first + second) ** 2) * (total**2 - (first - second) ** 2)
    return np.sqrt(np.maximum(product, 0.0)) / (2 * total)


def momentum_fraction(
    momentum: np.ndarray, total: np.ndarray, first: np.ndarray, second: np.ndarray | float
) -> np.ndarray:
    """Momentum of a system of mass `first` over the largest it can have, beside a mass of at least `second`.

    total: mass of all together, GeV; 0 below threshold.
    """
    largest = breakup_momentum(total, first, second)
    return np.divide(momentum, largest, out=np.zeros_like(momentum), where=largest > 0)
