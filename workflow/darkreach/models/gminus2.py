"""One-loop contributions to the muon's anomalous magnetic moment, and the measured differences to overlay.

The integrals are those of J. P. Leveille, Nucl. Phys. B137 (1978) 63.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import MUON_MASS
from darkreach.models.model import Model

# Trapezoidal nodes t with z = 1/(1 + e⁻ᵗ): converges exponentially and resolves both ends of [0, 1],
# where the integrands of light and heavy X vary on scales of M/m and m²/M².
_T = np.arange(-45, 45, 0.15)
_Z = 1 / (1 + np.exp(-_T))
_ONE_MINUS_Z = 1 / (1 + np.exp(_T))
_WEIGHT = 0.15 * _Z * _ONE_MINUS_Z


class Gm2Band(NamedTuple):
    """A measured-minus-predicted (g−2)μ/2, with the names it goes by in figures and references."""

    central: float
    sigma: float
    label: str
    reference: str


GM2_BANDS = {
    "babar_2020": Gm2Band(
        270.6e-11, 72.6e-11, r"$(g-2)_\mu$: BNL − WP18", "as used in BaBar, PRL 125 (2020) 181801"
    ),
    "fnal21_wp20": Gm2Band(
        251e-11, 59e-11, r"$(g-2)_\mu$: FNAL 2021 − WP20", "Abi et al., PRL 126 (2021) 141801"
    ),
    "fnal23_wp20": Gm2Band(
        249e-11,
        48e-11,
        r"$(g-2)_\mu$: FNAL 2023 − WP20 (as in the paper)",
        "Aguillard et al., PRL 131 (2023) 161802; Aoyama et al., Phys. Rept. 887 (2020) 1",
    ),
    "fnal25_wp25": Gm2Band(
        38e-11,
        63e-11,
        r"$(g-2)_\mu$: FNAL 2025 − WP25",
        "Aguillard et al., arXiv:2506.03069; Aliberti et al., arXiv:2505.21476",
    ),
}


def delta_a_mu_vector(mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
    """g²/8π² ∫₀¹ 2z²(1−z)/(z² + (1−z)r²) dz, r = M/m_μ: vector of `mass` in GeV."""
    return _one_loop(mass, coupling, lambda r2: 2 * _Z**2 * _ONE_MINUS_Z / (_Z**2 + _ONE_MINUS_Z * r2))


def delta_a_mu_scalar(mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
    """g²/8π² ∫₀¹ (1−z)²(1+z)/((1−z)² + z r²) dz, r = M/m_μ: scalar of `mass` in GeV."""
    return _one_loop(mass, coupling, lambda r2: _ONE_MINUS_Z**2 * (1 + _Z) / (_ONE_MINUS_Z**2 + _Z * r2))


def delta_a_mu_pseudoscalar(mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
    """−g²/8π² ∫₀¹ (1−z)³/((1−z)² + z r²) dz, r = M/m_μ: pseudoscalar of `mass` in GeV; negative."""
    return -_one_loop(mass, coupling, lambda r2: _ONE_MINUS_Z**3 / (_ONE_MINUS_Z**2 + _Z * r2))


def coupling_for_delta_a_mu(model: Model, masses: ArrayLike, delta_a: ArrayLike) -> np.ndarray:
    """Couplings with which `model` contributes `delta_a` at `masses` (GeV).

    NaN where the model has no contribution or one of the other sign; a `delta_a` of 0 counts as positive.
    Uses that the one-loop contribution is proportional to the coupling squared.
    """
    delta_a, contribution = np.asarray(delta_a, float), model.delta_a_mu(masses, 1.0)
    same_sign = (delta_a < 0) == (contribution < 0)
    return np.sqrt(np.where(same_sign, delta_a / contribution, np.nan))


def _one_loop(
    mass: ArrayLike, coupling: ArrayLike, integrand: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    ratio_squared = (np.asarray(mass, float)[..., np.newaxis] / MUON_MASS) ** 2
    integral = np.sum(_WEIGHT * integrand(ratio_squared), axis=-1)
    return np.asarray(coupling, float) ** 2 / (8 * np.pi**2) * integral
