"""Tree-level helicity amplitudes of e⁺e⁻ annihilation into leptons, with all masses.

Arrays run over helicities first and events last, see `spinors`. Coupling constants are left out: multiply
|M|² by e⁸ = (4πα)⁴ for four leptons, by e⁴g² = (4πα)²g² for two leptons and an X of coupling g.

Only one helicity of the electron is computed. Parity turns round all helicities of a tree amplitude with real
vector, scalar and pseudoscalar couplings, |M(h)| = |M(−h)|, so the other half of the sum is the same.
"""

from collections.abc import Callable

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, MUON_MASS
from darkreach.simulation.spinors import (
    antiparticle_spinor,
    bar,
    current,
    dot,
    light_cone,
    particle_spinor,
    slash,
    slash_bar,
)

# Events per step: the arrays of one step fit in the processor's cache.
_STEP = 512


class Line:
    """An outgoing lepton pair l⁻l⁺ of one fermion line.

    bar_u: ū of l⁻, (2, 4, n).   v: v of l⁺, (2, 4, n).   minus, plus: their momenta, (4, n).
    """

    def __init__(self, minus: np.ndarray, plus: np.ndarray, mass: float):
        self.minus, self.plus, self.mass = minus, plus, mass
        self.momentum = minus + plus
        self.bar_u = bar(particle_spinor(minus, mass))
        self.v = antiparticle_spinor(plus, mass)

    def photon(self) -> np.ndarray:
        """ū γ^μ v / q², the line as the end of a photon, light-cone.

        (4, 4, n), the first axis over the helicities of l⁻ (slow) and l⁺ (fast).
        """
        vectors = current(self.bar_u[:, np.newaxis], self.v[np.newaxis])
        return vectors.reshape(4, 4, -1) / dot(self.momentum, self.momentum)


def annihilation_current(
    electron: np.ndarray, positron: np.ndarray, electron_helicity: int = 0
) -> np.ndarray:
    """v̄ γ^μ u / s of the beams, light-cone, (2, 4, n) over the positron's helicity.

    electron, positron: momenta, (4, n). electron_helicity: 0 for +½, 1 for −½.
    """
    total = electron + positron
    u = particle_spinor(electron, ELECTRON_MASS)[electron_helicity]
    bar_v = bar(antiparticle_spinor(positron, ELECTRON_MASS))
    return current(bar_v, u[np.newaxis]) / dot(total, total)


def emission(vertex: str, vectors: np.ndarray | None = None) -> tuple[Callable, Callable]:
    """The vertex Γ of an emitted X as it acts on a barred spinor from the right, and on a spinor.

    vertex: "vector" (Γ = γ·V for each of the (j, 4, n) light-cone `vectors`: polarisations or a decay
    current), "scalar" (Γ = 1) or "pseudoscalar" (Γ = iγ₅); for the last two j = 1.
    Both functions turn (2, 4, n) into (2, j, 4, n).
    """
    if vectors is not None:
        return (
            lambda barred: slash_bar(barred[:, np.newaxis], vectors),
            lambda spinor: slash(vectors, spinor[:, np.newaxis]),
        )
    signs = {"scalar": np.ones((4, 1)), "pseudoscalar": 1j * np.array([-1, -1, 1, 1])[:, np.newaxis]}[vertex]
    return (lambda spinor: signs * spinor[:, np.newaxis],) * 2


def radiating_line(
    line: Line, beams: np.ndarray, emit: tuple[Callable, Callable], emitted: np.ndarray
) -> np.ndarray:
    """Amplitude of γ* → l⁻l⁺X, X off either lepton, contracted with the `beams` current.

    beams: (b, 4, n), light-cone. emit: from `emission`. emitted: momentum of X, (4, n).
    Returns (b, 2, 2, j, n), the axes of length 2 over the helicities of l⁻ and l⁺.
    """
    emit_bar, emit_spinor = emit
    mass_squared = dot(emitted, emitted)

    from_minus = emit_bar(line.bar_u)
    momentum = light_cone(line.minus + emitted)
    denominator = 2 * dot(line.minus, emitted) + mass_squared
    from_minus = (slash_bar(from_minus, momentum) + line.mass * from_minus) / denominator
    absorbed = slash(beams[:, np.newaxis], line.v[np.newaxis])
    amplitude = np.einsum("ajcn,ebcn->eabjn", from_minus, absorbed)

    from_plus = emit_spinor(line.v)
    momentum = light_cone(line.plus + emitted)
    denominator = 2 * dot(line.plus, emitted) + mass_squared
    from_plus = (line.mass * from_plus - slash(momentum, from_plus)) / denominator
    absorbed = slash_bar(line.bar_u[np.newaxis], beams[:, np.newaxis])
    amplitude += np.einsum("eacn,bjcn->eabjn", absorbed, from_plus)
    return amplitude


def pair_x_amplitude(
    beams: np.ndarray, leptons: Line, vertex: str, x_momentum: np.ndarray, vectors: np.ndarray | None = None
) -> np.ndarray:
    """Amplitude of e⁺e⁻ → l⁻l⁺X per e²g, (b, 2, 2, j, n); see `emission` and `radiating_line`."""
    return radiating_line(leptons, beams, emission(vertex, vectors), x_momentum)


def pair_x_squared(
    electron: np.ndarray,
    positron: np.ndarray,
    momenta: np.ndarray,
    vertex: str,
    polarisations: np.ndarray | None = None,
    lepton_mass: float = MUON_MASS,
) -> np.ndarray:
    """Σ|M|² of e⁺e⁻ → l⁻l⁺X per e⁴g², summed over all helicities including the initial ones, (n,).

    electron, positron: (4, n). momenta: (3, 4, n) of l⁻, l⁺, X in GeV. polarisations, for a vector: (j, 4, n)
    as px, py, pz, E, see `phase_space.polarisation_vectors`.
    """

    def squared(
        electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray, *polarisations: np.ndarray
    ) -> np.ndarray:
        vectors = light_cone(polarisations[0]) if polarisations else None
        beams = annihilation_current(electron, positron)
        leptons = Line(momenta[0], momenta[1], lepton_mass)
        return 2 * _sum_squares(pair_x_amplitude(beams, leptons, vertex, momenta[2], vectors))

    arrays = (
        (electron, positron, momenta)
        if polarisations is None
        else (electron, positron, momenta, polarisations)
    )
    return _in_steps(squared, *arrays)


def four_lepton_amplitude(
    electron: np.ndarray, positron: np.ndarray, first: Line, second: Line, electron_helicity: int = 0
) -> np.ndarray:
    """Amplitude of e⁺e⁻ → two lepton pairs per e⁴, six diagrams, (2, 2, 2, 2, 2, n).

    Axes: helicities of e⁺, first l⁻, first l⁺, second l⁻, second l⁺. Both pairs come from photons off the
    electron line (two diagrams), or one from a photon off either lepton of the other (four).
    """
    photons = first.photon(), second.photon()
    amplitude = _double_conversion(electron, positron, first, second, photons, electron_helicity)
    beams = annihilation_current(electron, positron, electron_helicity)
    shape = amplitude.shape
    amplitude += radiating_line(first, beams, emission("vector", photons[1]), second.momentum).reshape(shape)
    off_second = radiating_line(second, beams, emission("vector", photons[0]), first.momentum)
    amplitude += off_second.reshape(shape).transpose(0, 3, 4, 1, 2, 5)
    return amplitude


def four_muon_squared(electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray) -> np.ndarray:
    """Σ|M|² of e⁺e⁻ → μ⁻μ⁺μ⁻μ⁺ per e⁸, summed over all helicities including the initial ones, (n,).

    momenta: (4, 4, n) of μ⁻, μ⁺, μ⁻, μ⁺ in GeV. Twelve diagrams; the exchange of the two μ⁺ has a minus sign.
    The factor 1/(2!)² of identical particles is not included.
    """

    def squared(electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray) -> np.ndarray:
        direct = four_lepton_amplitude(
            electron,
            positron,
            Line(momenta[0], momenta[1], MUON_MASS),
            Line(momenta[2], momenta[3], MUON_MASS),
        )
        exchanged = four_lepton_amplitude(
            electron,
            positron,
            Line(momenta[0], momenta[3], MUON_MASS),
            Line(momenta[2], momenta[1], MUON_MASS),
        )
        direct -= exchanged.transpose(0, 1, 4, 3, 2, 5)
        return 2 * _sum_squares(direct)

    return _in_steps(squared, electron, positron, momenta)


def two_pair_squared(
    electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray, masses: tuple[float, float]
) -> np.ndarray:
    """Σ|M|² of e⁺e⁻ → l⁻l⁺l′⁻l′⁺ per e⁸ for different leptons of the given masses, (n,); six diagrams.

    momenta: (4, 4, n) of l⁻, l⁺, l′⁻, l′⁺ in GeV.
    """

    def squared(electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray) -> np.ndarray:
        first = Line(momenta[0], momenta[1], masses[0])
        second = Line(momenta[2], momenta[3], masses[1])
        return 2 * _sum_squares(four_lepton_amplitude(electron, positron, first, second))

    return _in_steps(squared, electron, positron, momenta)


def second_pair_helicities(
    electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray, masses: tuple[float, float]
) -> np.ndarray:
    """As `two_pair_squared`, but for each helicity of l′⁻ and of l′⁺ (0 for +½, 1 for −½), (2, 2, n)."""

    def squared(electron: np.ndarray, positron: np.ndarray, momenta: np.ndarray) -> np.ndarray:
        first = Line(momenta[0], momenta[1], masses[0])
        second = Line(momenta[2], momenta[3], masses[1])
        one = (np.abs(four_lepton_amplitude(electron, positron, first, second)) ** 2).sum((0, 1, 2))
        return one + one[::-1, ::-1]

    return _in_steps(squared, electron, positron, momenta)


def _double_conversion(
    electron: np.ndarray,
    positron: np.ndarray,
    first: Line,
    second: Line,
    photons: tuple[np.ndarray, np.ndarray],
    electron_helicity: int,
) -> np.ndarray:
    """The two diagrams with both photons off the electron line, (2, 2, 2, 2, 2, n)."""
    u = particle_spinor(electron, ELECTRON_MASS)[electron_helicity]
    bar_v = bar(antiparticle_spinor(positron, ELECTRON_MASS))
    at_electron, at_positron = [], []
    for line, photon in zip((first, second), photons, strict=True):
        emitted = slash(photon, u)
        momentum = light_cone(electron - line.momentum)
        virtuality = dot(line.momentum, line.momentum) - 2 * dot(electron, line.momentum)
        at_electron.append((slash(momentum, emitted) + ELECTRON_MASS * emitted) / virtuality)
        at_positron.append(slash_bar(bar_v[:, np.newaxis], photon))
    amplitude = np.einsum("ejcn,icn->eijn", at_positron[1], at_electron[0])
    amplitude += np.einsum("eicn,jcn->eijn", at_positron[0], at_electron[1])
    return amplitude.reshape(2, 2, 2, 2, 2, -1)


def _sum_squares(amplitude: np.ndarray) -> np.ndarray:
    flat = amplitude.reshape(-1, amplitude.shape[-1])
    return np.einsum("hn,hn->n", flat.real, flat.real) + np.einsum("hn,hn->n", flat.imag, flat.imag)


def _in_steps(function: Callable, *arrays: np.ndarray) -> np.ndarray:
    """Apply `function` to slices of the last axis and join the results."""
    n = arrays[0].shape[-1]
    steps = [slice(start, start + _STEP) for start in range(0, n, _STEP)]
    return np.concatenate(
        [function(*(array[..., step] for array in arrays)) for step in steps] or [np.empty(0)], axis=-1
    )
