"""Generator of the signal e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻, at leading order with collinear initial-state radiation.

X is on its mass shell. Its muons are told from the other two: the interference of their exchange is
suppressed by the width of X over its mass, and is left out.
"""

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import ELECTRON_MASS, GEV2_TO_FB, MUON_MASS, gauge_coupling_squared
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.model import lepton_velocity
from darkreach.models.registry import model_named
from darkreach.simulation.amplitudes import Line, annihilation_current, mumu_x_amplitude, mumu_x_squared
from darkreach.simulation.particles import Generated, Particles
from darkreach.simulation.phase_space import (
    beam_momenta,
    boost_along_z,
    dalitz_volume,
    decay_to_pair,
    isotropic_directions,
    polarisation_vectors,
    sample_dalitz,
    three_body_momenta,
)
from darkreach.simulation.phase_space_unweighting import Trials, Unweighted, unweight
from darkreach.simulation.radiator import sample_recoiling_system
from darkreach.simulation.spinors import dot, light_cone

# Events whose decay is sampled at once.
_STEP = 20_000
# The muons as stored: the recoiling pair, then those of X.
_PDG = np.array([13, -13, 13, -13])
_FROM_SIGNAL = np.array([False, False, True, True])


def generate_signal(
    model: str,
    mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool = True,
) -> Generated:
    """Unweighted events of e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻, in the frame of the nominal beams.

    Args:
        model: a key of `MODELS`.
        mass: mass of X in GeV, between 2 m_μ and sqrt_s − 2 m_μ.
        n_events: number of events to make.
        rng: source of all random numbers.
        sqrt_s: nominal centre-of-mass energy in GeV.
        alpha: fine-structure constant of the production vertices and of the radiator.
        isr: whether the beams radiate; the photon leaves along the beam pipe and is not stored.

    `cross_section_fb` is that of e⁺e⁻ → μ⁺μ⁻X at coupling 1, for any decay of X: multiply it by the
    coupling squared and by the branching fraction to μ⁺μ⁻. It and its error are the deterministic ones
    of `models.cross_section`, with which the mean weight of the events agrees.

    Raises:
        DarkreachError: unknown model, or a mass out of range.
    """
    value, error = cross_section_fb(model, mass, 1.0, sqrt_s, alpha, isr)
    if mass <= 2 * MUON_MASS:
        raise DarkreachError(
            f"mass is {mass:g} GeV: X → μμ needs more than {2 * MUON_MASS:.6g} GeV, choose a heavier X."
        )
    vertex = model_named(model).production_vertex
    produced = produce_signal(vertex, mass, n_events, rng, sqrt_s, alpha, isr)
    momenta = np.empty((n_events, 4, 4))
    for start in range(0, n_events, _STEP):
        part = produced.payload[..., start : start + _STEP]
        muons = decay_signal(vertex, mass, part, rng)
        momenta[start : start + _STEP] = np.concatenate([part[:2], muons]).transpose(2, 0, 1)
    return Generated(
        particles=Particles(
            event=np.repeat(np.arange(n_events), 4),
            pdg=np.tile(_PDG, n_events),
            momentum=momenta.reshape(-1, 4),
            vertex=np.zeros((4 * n_events, 3)),
            from_signal=np.tile(_FROM_SIGNAL, n_events),
            n_events=n_events,
        ),
        cross_section_fb=value,
        cross_section_error_fb=error,
    )


def produce_signal(
    vertex: str,
    mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool,
) -> Unweighted:
    """Unweighted e⁺e⁻ → μ⁻μ⁺X in the frame of the nominal beams.

    The payload is the momenta of μ⁻, μ⁺ and X, (3, 4, n_events); the mean weight is the cross-section in fb
    at unit coupling.
    """
    x_max = 1 - ((mass + 2 * MUON_MASS) / sqrt_s) ** 2

    def trials(n: int) -> Trials:
        system = sample_recoiling_system(n, rng, sqrt_s, alpha, x_max, isr)
        momenta, weight = sample_signal(vertex, mass, system.s, rng, alpha)
        return Trials(boost_along_z(momenta, system.velocity), system.weight * weight)

    return unweight(trials, n_events, rng)


def sample_signal(
    vertex: str, mass: float, s: np.ndarray, rng: np.random.Generator, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted e⁺e⁻ → μ⁻μ⁺X in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of μ⁻, μ⁺, X, (3, 4, n), and weights in fb whose mean is the
    cross-section at unit coupling.
    """
    masses = np.full(len(s), float(mass))
    x, y = sample_dalitz(s, masses, MUON_MASS, rng)
    momenta = three_body_momenta(s, masses, MUON_MASS, x, y, rng)
    polarisations = polarisation_vectors(momenta[2], masses) if vertex == "vector" else None
    squared = mumu_x_squared(*beam_momenta(s), momenta, vertex, polarisations)
    flux = 2 * s * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s)
    spins = 4
    volume = dalitz_volume(s, masses, MUON_MASS, x, y)
    return momenta, GEV2_TO_FB * gauge_coupling_squared(alpha) ** 2 * squared * volume / (flux * spins)


def decay_signal(vertex: str, mass: float, momenta: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Momenta (2, 4, n) of the μ⁻ and μ⁺ of X → μ⁻μ⁺, for the (3, 4, n) of `produce_signal`.

    A scalar decays isotropically. For a vector with amplitudes M_λ along the axes of its rest frame, a muon
    flies along n with probability ∝ Σ|M|² − β²Σ|M·n|², because Σ j_i j_j* ∝ δ_ij − β² n_i n_j for the decay
    current j; that is accept–reject with an efficiency of 1 − β²/3.
    """
    n_events = momenta.shape[-1]
    unit = isotropic_directions(n_events, rng)
    if vertex == "vector":
        amplitudes, total = _polarisation_amplitudes(mass, momenta)
        beta_squared = lepton_velocity(mass, MUON_MASS) ** 2
        pending = np.arange(n_events)
        while len(pending):
            along = np.einsum("hjn,jn->hn", amplitudes[..., pending], unit[:, pending])
            weight = 1 - beta_squared * (np.abs(along) ** 2).sum(0) / total[pending]
            pending = pending[rng.random(len(pending)) > weight]
            unit[:, pending] = isotropic_directions(len(pending), rng)
    return decay_to_pair(momenta[2], np.full(n_events, float(mass)), MUON_MASS, unit)


def _polarisation_amplitudes(mass: float, momenta: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Amplitudes along the axes of the rest frame of X and their summed squares.

    (h, 3, n), h running over all helicities, and (n,).
    """
    total = momenta.sum(0)
    velocity = total[2] / total[3]
    electron, positron = boost_along_z(np.stack(beam_momenta(dot(total, total))), velocity)
    vectors = light_cone(polarisation_vectors(momenta[2], np.full(momenta.shape[-1], float(mass))))
    muons = Line(momenta[0], momenta[1], MUON_MASS)
    amplitudes = np.concatenate(
        [
            mumu_x_amplitude(
                annihilation_current(electron, positron, helicity), muons, "vector", momenta[2], vectors
            ).reshape(-1, 3, momenta.shape[-1])
            for helicity in (0, 1)
        ]
    )
    return amplitudes, (np.abs(amplitudes) ** 2).sum((0, 1))
