"""Helicity amplitudes against closed forms, gauge invariance, symmetries and factorisation."""

import numpy as np
import pytest

from darkreach.models.constants import ELECTRON_MASS, MUON_MASS, TAU_MASS
from darkreach.models.cross_section import current_trace
from darkreach.simulation.amplitudes import (
    Line,
    annihilation_current,
    emission,
    four_lepton_amplitude,
    four_muon_squared,
    pair_x_amplitude,
    pair_x_squared,
    radiating_line,
    two_pair_squared,
)
from darkreach.simulation.fourmuon import sample_four_body
from darkreach.simulation.phase_space import (
    beam_momenta,
    boost,
    boost_along_z,
    decay_to_pair,
    isotropic_directions,
    polarisation_vectors,
    sample_dalitz,
    three_body_momenta,
    two_body_momentum,
)
from darkreach.simulation.spinors import (
    antiparticle_spinor,
    bar,
    current,
    dot,
    light_cone,
    light_cone_dot,
    particle_spinor,
    slash,
    slash_bar,
)

S = 10.58**2
N = 200


def squares(amplitude):
    """Sum over all axes but the last of |amplitude|²."""
    return (np.abs(amplitude) ** 2).reshape(-1, amplitude.shape[-1]).sum(0)


def random_momenta(n, mass, seed, scale=1.0):
    space = np.random.default_rng(seed).normal(size=(3, n)) * scale
    return np.concatenate([space, np.sqrt(mass**2 + (space**2).sum(0))[np.newaxis]])


def rotation(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    full = np.eye(4)
    full[:3, :3] = matrix * np.linalg.det(matrix)
    return full


def transformed(momenta, seed):
    """A random rotation followed by a boost of velocity 0.6 in another direction."""
    rotated = np.einsum("ij,...jn->...in", rotation(seed), momenta)
    frame = np.array([0.36, 0.48, 0.45, 0.0])[:, np.newaxis] * np.ones(momenta.shape[-1])
    frame[3] = np.sqrt(1 + (frame[:3] ** 2).sum(0))
    return boost(rotated, frame, np.ones(momenta.shape[-1]))


@pytest.fixture
def beams():
    return beam_momenta(np.full(N, S))


@pytest.fixture
def four_muons():
    momenta, inside = sample_four_body(np.full(2 * N, S), np.random.default_rng(21))
    return momenta[..., inside][..., :N]


def three_body(mass, seed=22):
    rng = np.random.default_rng(seed)
    s, masses = np.full(N, S), np.full(N, mass)
    x, y = sample_dalitz(s, masses, MUON_MASS, rng)
    return three_body_momenta(s, masses, MUON_MASS, x, y, rng), masses, x, y


# ---- spinors


@pytest.mark.parametrize("mass", [ELECTRON_MASS, MUON_MASS, 3.0])
def test_dirac_equation_and_normalisation(mass):
    p = random_momenta(100, mass, seed=1)
    u, v, p_slash = particle_spinor(p, mass), antiparticle_spinor(p, mass), light_cone(p)
    np.testing.assert_allclose(slash(p_slash, u), mass * u, atol=1e-12)
    np.testing.assert_allclose(slash(p_slash, v), -mass * v, atol=1e-12)
    np.testing.assert_allclose(slash_bar(bar(u), p_slash), mass * bar(u), atol=1e-12)
    for spinor, sign in ((u, 1), (v, -1)):
        products = (bar(spinor)[:, np.newaxis] * spinor).sum(2)
        expected = sign * 2 * mass * np.eye(2)[..., np.newaxis] + np.zeros(100)
        np.testing.assert_allclose(products, expected, atol=1e-12)


def test_helicities_of_a_beam_along_minus_z():
    p = np.array([0, 0, -5.0, np.sqrt(25 + ELECTRON_MASS**2)])[:, np.newaxis]
    u = particle_spinor(p, ELECTRON_MASS)[..., 0]
    assert abs(u[0, 2]) < 1e-12  # helicity +½ along −z is spin down
    assert abs(u[0, 3]) == pytest.approx(np.sqrt(2 * p[3, 0]))
    np.testing.assert_allclose(
        slash(light_cone(p), u[..., np.newaxis])[..., 0], ELECTRON_MASS * u, atol=1e-12
    )


def test_current_is_what_slash_contracts():
    p, q, k = (random_momenta(50, mass, seed) for mass, seed in ((1.0, 2), (2.0, 3), (0.5, 4)))
    barred, spinor = bar(particle_spinor(p, 1.0)), particle_spinor(q, 2.0)
    contracted = light_cone_dot(current(barred, spinor), light_cone(k))
    np.testing.assert_allclose((barred * slash(light_cone(k), spinor)).sum(1), contracted, atol=1e-12)
    np.testing.assert_allclose((slash_bar(barred, light_cone(k)) * spinor).sum(1), contracted, atol=1e-12)


# ---- two leptons


@pytest.mark.parametrize("mass", [MUON_MASS, TAU_MASS, 5.0])
def test_pair_production_is_the_closed_form(mass, beams):
    electron, positron = beams
    momentum = two_body_momentum(S, mass, mass) * isotropic_directions(N, np.random.default_rng(23))
    energy = np.full((1, N), np.sqrt(S) / 2)
    minus, plus = np.concatenate([momentum, energy]), np.concatenate([-momentum, energy])
    final = current(
        bar(particle_spinor(minus, mass))[:, np.newaxis], antiparticle_spinor(plus, mass)[np.newaxis]
    )
    total = sum(
        squares(light_cone_dot(annihilation_current(electron, positron, h)[:, np.newaxis, np.newaxis], final))
        for h in (0, 1)
    )
    me2, m2 = ELECTRON_MASS**2, mass**2
    expected = dot(electron, minus) * dot(positron, plus) + dot(electron, plus) * dot(positron, minus)
    expected += m2 * dot(electron, positron) + me2 * dot(minus, plus) + 2 * me2 * m2
    np.testing.assert_allclose(total, 32 / S**2 * expected, rtol=1e-10)


# ---- two leptons and X


@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
@pytest.mark.parametrize("mass", [0.25, 4.0, 9.5])
def test_closed_trace_is_the_helicity_sum(vertex, mass):
    momenta, masses, x, y = three_body(mass)
    vectors = light_cone(polarisation_vectors(momenta[2], masses)) if vertex == "vector" else None
    axes = light_cone(np.eye(4)[..., np.newaxis] * np.ones(N))
    muons = Line(momenta[0], momenta[1], MUON_MASS)
    along = pair_x_amplitude(axes, muons, vertex, momenta[2], vectors)
    components = [squares(component) for component in along]
    np.testing.assert_allclose(
        components[0] + components[1] + components[2] - components[3],
        current_trace(vertex, S, mass, x, y),
        rtol=1e-7,
    )


def test_ward_identity_of_the_emitted_vector(beams):
    momenta, masses, *_ = three_body(4.0)
    ratio = pair_x_squared(*beams, momenta, "vector", momenta[2:] / masses) / pair_x_squared(
        *beams, momenta, "vector", polarisation_vectors(momenta[2], masses)
    )
    assert ratio.max() < 1e-22


def test_current_of_the_virtual_photon_is_conserved():
    momenta, masses, *_ = three_body(4.0)
    vectors = light_cone(polarisation_vectors(momenta[2], masses))
    muons = Line(momenta[0], momenta[1], MUON_MASS)
    total = momenta.sum(0)[np.newaxis]
    along_total = squares(
        pair_x_amplitude(light_cone(total / np.sqrt(S)), muons, "vector", momenta[2], vectors)
    )
    across = np.array([[[1.0], [0], [0], [0]]]) * np.ones(N)
    reference = squares(pair_x_amplitude(light_cone(across), muons, "vector", momenta[2], vectors))
    assert (along_total / reference).max() < 1e-18


@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
def test_signal_is_lorentz_invariant(vertex, beams):
    momenta, masses, *_ = three_body(1.0)
    results = []
    for everything in (np.stack([*beams, *momenta]), transformed(np.stack([*beams, *momenta]), seed=5)):
        x_polarisations = polarisation_vectors(everything[4], masses) if vertex == "vector" else None
        results.append(pair_x_squared(everything[0], everything[1], everything[2:], vertex, x_polarisations))
    np.testing.assert_allclose(*results, rtol=1e-9)


@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
def test_the_other_electron_helicity_gives_the_same(vertex, beams):
    momenta, masses, *_ = three_body(1.0)
    vectors = light_cone(polarisation_vectors(momenta[2], masses)) if vertex == "vector" else None
    muons = Line(momenta[0], momenta[1], MUON_MASS)
    right, left = (
        squares(pair_x_amplitude(annihilation_current(*beams, h), muons, vertex, momenta[2], vectors))
        for h in (0, 1)
    )
    np.testing.assert_allclose(right, left, rtol=1e-9)


def test_charge_conjugation_of_the_signal(beams):
    electron, positron = beams
    momenta, masses, *_ = three_body(1.0)
    vectors = polarisation_vectors(momenta[2], masses)
    direct = pair_x_squared(electron, positron, momenta, "vector", vectors)
    np.testing.assert_allclose(
        pair_x_squared(positron, electron, momenta[[1, 0, 2]], "vector", vectors), direct, rtol=1e-9
    )


# ---- four leptons


def test_four_muons_are_lorentz_invariant(beams, four_muons):
    everything = np.stack([*beams, *four_muons])
    direct = four_muon_squared(everything[0], everything[1], everything[2:])
    along_z = boost_along_z(everything, np.full(N, -0.5))
    np.testing.assert_allclose(four_muon_squared(along_z[0], along_z[1], along_z[2:]), direct, rtol=1e-8)
    other = transformed(everything, seed=6)
    np.testing.assert_allclose(four_muon_squared(other[0], other[1], other[2:]), direct, rtol=1e-8)


@pytest.mark.parametrize("order", [[2, 1, 0, 3], [0, 3, 2, 1], [2, 3, 0, 1]])
def test_four_muons_do_not_depend_on_the_order_of_identical_ones(order, beams, four_muons):
    direct = four_muon_squared(*beams, four_muons)
    np.testing.assert_allclose(four_muon_squared(*beams, four_muons[order]), direct, rtol=1e-9)


def test_charge_conjugation_of_four_muons(beams, four_muons):
    electron, positron = beams
    direct = four_muon_squared(electron, positron, four_muons)
    conjugated = four_muon_squared(positron, electron, four_muons[[1, 0, 3, 2]])
    np.testing.assert_allclose(conjugated, direct, rtol=1e-9)


def test_two_like_muons_exclude_each_other(beams):
    # Two μ⁺ of equal momentum cannot have equal helicities; that fixes the sign of the exchange.
    momenta, *_ = three_body(2 * MUON_MASS)
    same = momenta[2] / 2
    lines = Line(momenta[0], same, MUON_MASS), Line(momenta[1], same, MUON_MASS)
    direct = four_lepton_amplitude(*beams, *lines)
    exchanged = direct.transpose(0, 1, 4, 3, 2, 5)
    unequal = sum(squares((direct - exchanged)[:, :, h, :, 1 - h]) for h in (0, 1))
    squared = four_muon_squared(*beams, np.stack([momenta[0], same, momenta[1], same]))
    np.testing.assert_allclose(squared, 2 * unequal, rtol=1e-9)
    other_sign = squares(direct + exchanged)
    assert np.median(np.abs(other_sign / unequal - 1)) > 0.05


def test_the_other_electron_helicity_gives_the_same_four_leptons(beams, four_muons):
    first, second = Line(*four_muons[:2], MUON_MASS), Line(*four_muons[2:], MUON_MASS)
    right, left = (squares(four_lepton_amplitude(*beams, first, second, h)) for h in (0, 1))
    np.testing.assert_allclose(right, left, rtol=1e-8)


class LongitudinalLine(Line):
    """A pair whose photon is replaced by its own momentum, times `strength`."""

    strength = 1.0

    def photon(self):
        return np.broadcast_to(light_cone(self.strength * self.momentum), (4, 4, N))


class TransverseLine(Line):
    """A pair whose photon is replaced by the three polarisations of a massive vector, and zero."""

    def photon(self):
        mass = np.sqrt(dot(self.momentum, self.momentum))
        vectors = light_cone(polarisation_vectors(self.momentum, mass))
        return np.concatenate([vectors, np.zeros((1, 4, N))])


def test_longitudinal_photons_decouple_from_every_line(beams, four_muons):
    # What remains are the two diagrams in which the first pair comes off the longitudinal one's own line.
    first, second = Line(*four_muons[:2], MUON_MASS), LongitudinalLine(*four_muons[2:], MUON_MASS)
    amplitude = four_lepton_amplitude(*beams, first, second)
    own_line = radiating_line(
        second, annihilation_current(*beams), emission("vector", first.photon()), first.momentum
    ).reshape(amplitude.shape)
    remainder = amplitude - own_line.transpose(0, 3, 4, 1, 2, 5)
    transverse = four_lepton_amplitude(*beams, first, TransverseLine(*four_muons[2:], MUON_MASS))
    mass_squared = dot(second.momentum, second.momentum)
    assert (squares(remainder) / (mass_squared * squares(transverse))).max() < 1e-14


def test_conversion_is_the_closed_form_of_two_massive_photons(beams, four_muons):
    # Massless electrons: Σ|M|² = 8[t/u + u/t + 2(M₁²+M₂²)s/(tu) − M₁²M₂²(1/t²+1/u²)].
    electron, positron = beams
    first, second = (TransverseLine(*pair, MUON_MASS) for pair in (four_muons[:2], four_muons[2:]))
    both = four_lepton_amplitude(electron, positron, first, second)
    beams_current = annihilation_current(electron, positron)
    radiated = radiating_line(first, beams_current, emission("vector", second.photon()), second.momentum)
    other = radiating_line(second, beams_current, emission("vector", first.photon()), first.momentum)
    both -= radiated.reshape(both.shape) + other.reshape(both.shape).transpose(0, 3, 4, 1, 2, 5)
    m1, m2 = dot(first.momentum, first.momentum), dot(second.momentum, second.momentum)
    t = m1 - 2 * dot(electron, first.momentum)
    u = m2 - 2 * dot(electron, second.momentum)
    expected = 8 * (t / u + u / t + 2 * (m1 + m2) * S / (t * u) - m1 * m2 * (1 / t**2 + 1 / u**2))
    well_off_the_beam = np.minimum(-t, -u) > 1e-2
    assert well_off_the_beam.sum() > N / 3
    np.testing.assert_allclose(2 * squares(both)[well_off_the_beam], expected[well_off_the_beam], rtol=1e-3)


def test_pair_radiated_off_a_line_factorises_into_a_vector_and_its_decay(beams):
    # Averaged over the decay, Σ J_i J_j* = 2(1 − β²/3) δ_ij / M² at rest; six directions average exactly.
    mass = 1.0
    momenta, masses, *_ = three_body(mass)
    muons, beams_current = Line(momenta[0], momenta[1], MUON_MASS), annihilation_current(*beams)
    average = np.zeros(N)
    for axis in np.concatenate([np.eye(3), -np.eye(3)]):
        pair = decay_to_pair(momenta[2], masses, MUON_MASS, axis[:, np.newaxis] * np.ones(N))
        photon = Line(*pair, MUON_MASS).photon()
        average += squares(radiating_line(muons, beams_current, emission("vector", photon), momenta[2])) / 6
    produced = pair_x_squared(*beams, momenta, "vector", polarisation_vectors(momenta[2], masses)) / 2
    beta_squared = 1 - 4 * MUON_MASS**2 / mass**2
    np.testing.assert_allclose(average, produced * 2 * (1 - beta_squared / 3) / mass**2, rtol=1e-9)


def test_soft_pair_is_radiated_coherently_by_beams_and_muons(beams):
    # Eikonal current of all four charges, incoming ones with the other sign: fixes the sign between the
    # diagrams with the pair off the electron line and those with it off the muons.
    electron, positron = beams
    rng, light, pair_mass = np.random.default_rng(24), 1e-5, np.full(N, 1e-4)
    x, y = 0.01 * rng.uniform(0.1, 1, (2, N))
    minus, plus, soft = three_body_momenta(np.full(N, S), pair_mass, MUON_MASS, x, y, rng)
    pair = decay_to_pair(soft, pair_mass, light, isotropic_directions(N, rng))
    squared = two_pair_squared(*beams, np.stack([minus, plus, *pair]), (MUON_MASS, light))

    eikonal = minus / dot(minus, soft) - plus / dot(plus, soft)
    eikonal += positron / dot(positron, soft) - electron / dot(electron, soft)
    photon = Line(*pair, light).photon()
    radiated = squares(light_cone_dot(light_cone(eikonal), photon))
    beams_current = annihilation_current(*beams)[:, np.newaxis]
    hard = 2 * squares(light_cone_dot(beams_current, Line(minus, plus, MUON_MASS).photon() * S))
    np.testing.assert_allclose(squared, hard * radiated, rtol=0.03)


def test_interference_of_the_exchange_obeys_the_schwarz_inequality(beams, four_muons):
    # |Σ|A − B|² − Σ|A|² − Σ|B|²| ≤ 2√(Σ|A|² Σ|B|²); A and B alone are those of unlike leptons.
    masses = (MUON_MASS, MUON_MASS)
    direct = two_pair_squared(*beams, four_muons, masses)
    exchanged = two_pair_squared(*beams, four_muons[[0, 3, 2, 1]], masses)
    identical = four_muon_squared(*beams, four_muons)
    interference = identical - direct - exchanged
    assert (np.abs(interference) <= 2 * np.sqrt(direct * exchanged) * (1 + 1e-9)).all()
    assert np.abs(interference).max() > 0
