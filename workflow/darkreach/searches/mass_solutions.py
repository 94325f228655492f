"""The two solutions for the mass of N in τ → πN, N → μ⁺μ⁻ν with the decay vertex of N measured.

Known are the momenta q of the muon pair and k of the pion and the direction n⃗ of flight of N. Unknown is
P = |p⃗_N|. The neutrino is massless, (p_N − q)² = 0, and the τ has its mass, (p_N + k)² = m_τ². The
difference is linear in P, E_N = a + bP, and the first is then quadratic (constraints as in arXiv:1908.09719):

    a = (m_τ² + q² − m_π²) / 2(E_π + E_q),    b = n⃗·(k⃗ + q⃗) / (E_π + E_q),
    (b² − 1)P² + 2(ab − bE_q + n⃗·q⃗)P + a² + q² − 2aE_q = 0,    m² = E_N² − P².

No beam energy enters: initial-state radiation does not matter, and the frame is free.
"""

from typing import NamedTuple

import numpy as np

from darkreach.models.constants import PION_MASS, TAU_MASS
from darkreach.searches.kinematics import mass_squared


class Solutions(NamedTuple):
    """m_plus, m_minus: (n,) the larger and the smaller mass of N, GeV.

    momenta: (2, n, 4) momentum of N with either mass, GeV. discriminant: (n,) of the quadratic, GeV².
    """

    m_plus: np.ndarray
    m_minus: np.ndarray
    momenta: np.ndarray
    discriminant: np.ndarray


def mass_solutions(pair: np.ndarray, pion: np.ndarray, direction: np.ndarray) -> Solutions:
    """Both solutions for N.

    pair, pion: (n, 4) momenta in GeV; direction: (n, 3) unit vectors from the collision to the vertex.

    A negative discriminant is the work of the resolution and is taken as zero, m₊ = m₋: the closest that
    the constraints come to a solution (7–8 % of the signal would be lost otherwise). A squared mass below
    zero, which no N has, gives the mass 0.
    """
    energy = pair[:, 3] + pion[:, 3]
    q_squared = mass_squared(pair)
    a = (TAU_MASS**2 + q_squared - PION_MASS**2) / (2 * energy)
    b = (direction * (pair + pion)[:, :3]).sum(-1) / energy
    along = (direction * pair[:, :3]).sum(-1)
    quadratic = b**2 - 1
    half_linear = a * b - b * pair[:, 3] + along
    constant = a**2 + q_squared - 2 * a * pair[:, 3]
    discriminant = half_linear**2 - quadratic * constant
    root = np.sqrt(np.maximum(discriminant, 0.0))
    absolute = (-half_linear + np.stack([root, -root])) / quadratic
    momenta = np.concatenate([absolute[..., None] * direction, (a + b * absolute)[..., None]], axis=-1)
    masses = np.sqrt(np.maximum((a + b * absolute) ** 2 - absolute**2, 0.0))
    larger_first = np.argsort(-masses, axis=0, kind="stable")
    m_plus, m_minus = np.take_along_axis(masses, larger_first, axis=0)
    return Solutions(
        m_plus, m_minus, np.take_along_axis(momenta, larger_first[..., None], axis=0), discriminant
    )
