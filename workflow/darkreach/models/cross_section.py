"""Cross-section of e⁺e⁻ → γ* → l⁺l⁻X, X radiated off either lepton, at leading order with exact masses.

l is the muon or the τ. Only photon exchange is included (Z exchange is below 10⁻³ at 10.58 GeV), and no X
off the beams: a coupling that goes with the mass is that small for electrons. The integral over the angles
leaves the trace −Σ j·j* of the current j of γ* → l⁺l⁻X, and that over the Dalitz plane is done by
Gauss–Legendre quadrature in variables in which its poles are flat.
"""

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import ArrayLike

from darkreach.errors import DarkreachError
from darkreach.models.constants import (
    ALPHA_0,
    ELECTRON_MASS,
    GEV2_TO_FB,
    LEPTON_MASSES,
    MUON_MASS,
    SQRT_S_NOMINAL,
    gauge_coupling_squared,
)
from darkreach.models.dalitz import first_invariant_range, second_invariant_range
from darkreach.models.registry import boson_named
from darkreach.simulation.radiator import radiator_nodes

# Gauss–Legendre orders of the value and of the check that gives its integration error.
_ORDER, _CHECK_ORDER = 32, 24
# Masses per step, so that memory does not grow with the length of a scan.
_MASSES_AT_ONCE = 16
# Degree of the polynomial in `cross_section_curve`; between 0.02 and 10.3 GeV it is good to 10⁻⁶.
_CURVE_DEGREE = 32
_LEPTONS = {"mu": "muons", "tau": "τ leptons"}


def cross_section_fb(
    model_name: str,
    mass: float,
    coupling: float,
    sqrt_s: float = SQRT_S_NOMINAL,
    alpha: float = ALPHA_0,
    isr: bool = False,
    lepton: str = "mu",
) -> tuple[float, float]:
    """Cross-section of e⁺e⁻ → l⁺l⁻X in fb, without branching fraction, and its integration error.

    Args:
        model_name: a key of `MODELS`, of a model whose X is radiated off leptons.
        mass: mass of X in GeV.
        coupling: the model's coupling; the cross-section goes with its square.
        sqrt_s: centre-of-mass energy in GeV.
        alpha: fine-structure constant at the production vertices.
        isr: whether to convolve with the initial-state radiator, over all s′ down to threshold.
        lepton: "mu" or "tau", the l that is made with X.

    Raises:
        DarkreachError: unknown model or one without coupling to l, or a mass, coupling, energy or α out of
            range.
    """
    vertex, unit = _vertex_to(lepton, model_name)
    _check_range("coupling", coupling)
    _check_range("alpha", alpha)
    _check_mass(mass, sqrt_s, lepton)
    value, check = (
        float(
            (unit * coupling) ** 2
            * _cross_section(vertex, lepton, np.array([mass]), sqrt_s, alpha, isr, order)[0]
        )
        for order in (_ORDER, _CHECK_ORDER)
    )
    return value, abs(value - check)


def cross_section_curve(
    model_name: str,
    masses: ArrayLike,
    sqrt_s: float = SQRT_S_NOMINAL,
    alpha: float = ALPHA_0,
    isr: bool = True,
    lepton: str = "mu",
) -> np.ndarray:
    """Cross-sections of e⁺e⁻ → l⁺l⁻X in fb at unit coupling for many masses in GeV, (n,), interpolated.

    Interpolates ln σ in ln[M/(M_max − M)], in which it is smooth up to the end of phase space M_max.

    Raises:
        DarkreachError: as `cross_section_fb`.
    """
    vertex, unit = _vertex_to(lepton, model_name)
    _check_range("alpha", alpha)
    masses = np.atleast_1d(np.asarray(masses, float))
    lowest, highest = masses.min(), masses.max()
    for mass in (lowest, highest):
        _check_mass(mass, sqrt_s, lepton)
    if masses.size <= _CURVE_DEGREE or lowest == highest:
        return unit**2 * _cross_section(vertex, lepton, masses, sqrt_s, alpha, isr, _ORDER)
    end = sqrt_s - 2 * LEPTON_MASSES[lepton]

    def log_cross_section(logit: np.ndarray) -> np.ndarray:
        return np.log(_cross_section(vertex, lepton, end / (1 + np.exp(-logit)), sqrt_s, alpha, isr, _ORDER))

    logits = np.log(masses / (end - masses))
    domain = [logits.min(), logits.max()]
    return unit**2 * np.exp(Chebyshev.interpolate(log_cross_section, _CURVE_DEGREE, domain)(logits))


def current_trace(
    vertex: str,
    s: ArrayLike,
    mass: ArrayLike,
    x: ArrayLike,
    y: ArrayLike,
    lepton_mass: float = MUON_MASS,
) -> np.ndarray:
    """−Σ j·j* of γ*(s) → l⁻l⁺X per e²g² in closed form, summed over spins; broadcasts.

    x = (p₁+k)² − m² and y = (p₂+k)² − m² are the propagator denominators in GeV², k the momentum of X.
    Own traces; the tests hold them against the helicity amplitudes.
    """
    s, x, y = (np.asarray(value, float) for value in (s, x, y))
    m2, mass2 = lepton_mass**2, np.asarray(mass, float) ** 2
    poles = (s + 2 * m2) * (1 / x**2 + 1 / y**2)
    total = x + y
    if vertex == "vector":
        interference = 2 * (s + mass2 + 2 * m2) * (s + mass2 - 2 * m2 - total) / (x * y)
        return 8 * (x / y + y / x - (mass2 + 2 * m2) * poles + interference)
    if vertex == "scalar":
        constant = 2 * (mass2 - 4 * m2) * (mass2 - 2 * m2) + 8 * s * m2
        interference = (constant - 2 * (mass2 - 4 * m2) * total) / (x * y)
        return 4 * (total**2 / (x * y) - (mass2 - 4 * m2) * poles + interference)
    if vertex == "pseudoscalar":
        return 4 * (total**2 / (x * y) - mass2 * poles + 2 * mass2 * (mass2 - 2 * m2 - total) / (x * y))
    raise ValueError(f"no vertex {vertex!r}")


def born_cross_section_fb(
    vertex: str,
    mass: ArrayLike,
    s: ArrayLike,
    alpha: float,
    lepton_mass: float = MUON_MASS,
    order: int = _ORDER,
) -> np.ndarray:
    """Born cross-section in fb at unit vertex coupling; mass (GeV) and s (GeV²) broadcast; 0 below threshold.

    σ = e⁴ (1 + 2m_e²/s)/(6 s² β_e) ∫dΦ₃ (−Σ j·j*)/e²g², with e² = 4πα and dΦ₃ = dx dy/(128π³s).
    """
    mass, s = np.broadcast_arrays(np.asarray(mass, float), np.asarray(s, float))
    is_open = s > (mass + 2 * lepton_mass) ** 2
    mass, s = mass[is_open], s[is_open]
    node, weight = np.polynomial.legendre.leggauss(order)
    fraction, weight = (node + 1) / 2, weight / 2
    # ln y = middle − half·cos θ with θ in (0, π): flattens 1/y and the square roots at both ends.
    s, mass = s[..., np.newaxis, np.newaxis], mass[..., np.newaxis, np.newaxis]
    y_min, y_max = first_invariant_range(s, mass, lepton_mass)
    half = np.log(y_max / y_min) / 2
    theta = (np.pi * fraction)[:, np.newaxis]
    y = np.sqrt(y_min * y_max) * np.exp(-half * np.cos(theta))
    y_jacobian = y * half * np.pi * np.sin(theta)
    x_min, x_max = second_invariant_range(s, mass, lepton_mass, y)
    log_range = np.log(x_max / x_min)
    x = x_min * np.exp(log_range * fraction)
    trace = current_trace(vertex, s, mass, x, y, lepton_mass)
    integral = np.einsum("...ij,...ij,i,j->...", trace, y_jacobian * log_range * x, weight, weight)
    s = s[..., 0, 0]
    electron_term = (1 + 2 * ELECTRON_MASS**2 / s) / np.sqrt(1 - 4 * ELECTRON_MASS**2 / s)
    prefactor = gauge_coupling_squared(alpha) ** 2 * electron_term / (6 * s**2 * 128 * np.pi**3 * s)
    result = np.zeros(is_open.shape)
    result[is_open] = GEV2_TO_FB * prefactor * integral
    return result


def _cross_section(
    vertex: str, lepton: str, masses: np.ndarray, sqrt_s: float, alpha: float, isr: bool, order: int
) -> np.ndarray:
    """At unit vertex coupling."""
    if len(masses) > _MASSES_AT_ONCE:
        parts = np.array_split(masses, -(-len(masses) // _MASSES_AT_ONCE))
        return np.concatenate(
            [_cross_section(vertex, lepton, part, sqrt_s, alpha, isr, order) for part in parts]
        )
    s, lepton_mass = sqrt_s**2, LEPTON_MASSES[lepton]
    if not isr:
        return born_cross_section_fb(vertex, masses, s, alpha, lepton_mass, order)
    x, weight = radiator_nodes(1 - (masses + 2 * lepton_mass) ** 2 / s, s, alpha, order)
    born = born_cross_section_fb(vertex, masses[:, np.newaxis], s * (1 - x), alpha, lepton_mass, order)
    return np.sum(weight * born, axis=-1)


def _vertex_to(lepton: str, model_name: str) -> tuple[str, float]:
    """Kind of the vertex l⁺l⁻X and its coupling per unit of the model's coupling."""
    model = boson_named(model_name)
    unit = model.coupling_to(lepton)
    if not unit:
        raise DarkreachError(
            f"model {model_name!r} does not couple to {_LEPTONS[lepton]}: choose another model or production."
        )
    return model.production_vertex, unit


def _check_range(name: str, value: float) -> None:
    if not (np.isfinite(value) and value > 0):
        raise DarkreachError(f"{name} is {value:g}: give a positive number.")


def _check_mass(mass: float, sqrt_s: float, lepton: str) -> None:
    _check_range("sqrt_s", sqrt_s)
    _check_range("mass", mass)
    largest = sqrt_s - 2 * LEPTON_MASSES[lepton]
    if mass >= largest:
        raise DarkreachError(
            f"mass is {mass:g} GeV: with sqrt_s = {sqrt_s:g} GeV it has to be below {largest:.6g} GeV, "
            f"which leaves room for the two {_LEPTONS[lepton]}."
        )
