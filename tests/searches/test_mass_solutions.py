"""m₊ and m₋ of τ → πN, N → μ⁺μ⁻ν."""

import numpy as np
import pytest
from displaced_decays import decays, directions, moving

from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS, PION_MASS, TAU_MASS
from darkreach.searches.kinematics import magnitude
from darkreach.searches.mass_solutions import mass_solutions


def flight(momentum):
    return momentum[:, :3] / magnitude(momentum)[:, None]


def closest_to(mass, upper, lower):
    return np.minimum(np.abs(upper - mass), np.abs(lower - mass))


@pytest.mark.parametrize("mass", [0.3, 0.5, 0.8, 1.2, 1.6])
def test_the_true_mass_is_one_of_the_two_in_every_decay(mass):
    true = decays(mass, 20_000, np.random.default_rng(1))
    upper, lower, _, discriminant = mass_solutions(
        true.plus + true.minus, true.pion, flight(true.heavy_neutrino)
    )
    assert closest_to(mass, upper, lower).max() < 1e-6
    assert np.all(discriminant > -1e-12)
    assert np.all(upper >= mass - 1e-6) and np.all(lower <= mass + 1e-6)


def test_both_flight_hemispheres_of_the_tau_have_decays_on_the_upper_and_on_the_lower_root():
    true = decays(0.8, 20_000, np.random.default_rng(2))
    upper, lower, *_ = mass_solutions(true.plus + true.minus, true.pion, flight(true.heavy_neutrino))
    is_upper = np.abs(upper - 0.8) < np.abs(lower - 0.8)
    forward = true.heavy_neutrino[:, 2] > 0
    assert all(np.any(is_upper[side]) and np.any(~is_upper[side]) for side in (forward, ~forward))


def test_the_true_mass_is_a_root_in_any_frame_and_at_any_energy_of_the_tau():
    rng = np.random.default_rng(3)
    for tau_energy in (1.8, 3.0, 5.29):  # radiation lowers the energy of the τ
        true = decays(0.7, 2_000, rng, tau_energy)
        frame = moving(1.0, directions(2_000, rng), 0.5)
        pair, pion, heavy = (
            boost(p, frame) for p in (true.plus + true.minus, true.pion, true.heavy_neutrino)
        )
        upper, lower, *_ = mass_solutions(pair, pion, flight(heavy))
        assert closest_to(0.7, upper, lower).max() < 1e-6


def test_both_solutions_fulfil_the_constraints_also_when_measured_with_errors():
    true = decays(0.9, 5_000, np.random.default_rng(4))
    pair, pion = smeared(true, np.random.default_rng(5))
    found = mass_solutions(pair, pion, flight(true.heavy_neutrino))
    real = (found.discriminant > 0) & (found.m_minus > 0)
    assert real.mean() > 0.8
    for heavy, mass in zip(found.momenta, (found.m_plus, found.m_minus), strict=True):
        neutrino, tau = heavy - pair, heavy + pion
        np.testing.assert_allclose(squared(heavy)[real], mass[real] ** 2, atol=1e-9)
        np.testing.assert_allclose(squared(neutrino)[real], 0.0, atol=1e-9)
        np.testing.assert_allclose(squared(tau)[real], TAU_MASS**2, atol=1e-9)


def squared(momentum):
    return momentum[:, 3] ** 2 - magnitude(momentum) ** 2


def smeared(true, rng):
    """Pair and pion with 0.4 % errors of their momenta."""

    def measured(p, mass):
        vector = p[:, :3] * (1 + 0.004 * rng.standard_normal((len(p), 1)))
        return np.concatenate([vector, np.sqrt((vector**2).sum(1) + mass**2)[:, None]], axis=1)

    return measured(true.plus, MUON_MASS) + measured(true.minus, MUON_MASS), measured(true.pion, PION_MASS)


def test_without_a_real_solution_both_are_where_the_discriminant_vanishes():
    true = decays(1.0, 20_000, np.random.default_rng(6))
    pair, pion = smeared(true, np.random.default_rng(7))
    upper, lower, _, discriminant = mass_solutions(pair, pion, flight(true.heavy_neutrino))
    lost = discriminant < 0
    assert 0.02 < lost.mean() < 0.2
    np.testing.assert_array_equal(upper[lost], lower[lost])
    # such decays are reconstructed near the true mass: it is the resolution that took the solution away
    assert np.median(np.abs(upper[lost] - 1.0)) < 0.02
