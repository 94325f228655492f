import numpy as np
from four_muons import isotropic, two_body

from darkreach.models.constants import MUON_MASS
from darkreach.searches.kinematics import (
    breakup_momentum,
    cos_angle,
    cos_helicity,
    four_momentum,
    mass_squared,
    pair_mass_squared,
    rest_frame,
)


def random_muons(n, rng):
    return four_momentum(*(isotropic(n, rng) * rng.uniform(0.1, 5, (n, 1))).T, mass=MUON_MASS)


def test_pair_mass_is_that_of_the_sum():
    rng = np.random.default_rng(1)
    first, second = random_muons(1000, rng), random_muons(1000, rng)
    np.testing.assert_allclose(
        pair_mass_squared(first, second, MUON_MASS), mass_squared(first + second), rtol=1e-9
    )


def test_pair_mass_is_exact_at_threshold():
    muon = random_muons(100, np.random.default_rng(2))
    np.testing.assert_array_equal(pair_mass_squared(muon, muon, MUON_MASS), 4 * MUON_MASS**2)


def test_breakup_momentum():
    # K⁺ → μ⁺ν: (M² − m²)/2M = 235.5 MeV (PDG); massless: M/2; below threshold: 0
    assert abs(breakup_momentum(0.493677, MUON_MASS, 0.0) - 0.23553) < 1e-5
    assert breakup_momentum(10.0, 0.0, 0.0) == 5.0
    assert breakup_momentum(1.0, 0.6, 0.5) == 0.0


def test_rest_frame_and_masses_are_invariant():
    rng = np.random.default_rng(3)
    muons, frame = random_muons(500, rng), four_momentum(*rng.normal(size=(3, 500)), mass=3.0)
    np.testing.assert_allclose(rest_frame(frame, frame)[:, :3], 0, atol=1e-12)
    np.testing.assert_allclose(mass_squared(rest_frame(muons, frame)), MUON_MASS**2, atol=1e-10)


def test_helicity_angle_of_an_isotropic_decay_is_flat():
    rng = np.random.default_rng(4)
    n = 20_000
    first, _ = two_body(np.full(n, 3.0), MUON_MASS, MUON_MASS, rng)
    parent = four_momentum(*rng.normal(size=(3, n)), mass=3.0)
    cosine = cos_helicity(rest_frame(first, parent * [-1, -1, -1, 1]), parent)
    counts, _ = np.histogram(cosine, 20, (-1, 1))
    assert ((counts - n / 20) ** 2 / (n / 20)).sum() < 45  # χ² of 19 degrees of freedom, p > 0.0007


def test_angle_of_a_vanishing_momentum_is_defined():
    assert cos_angle(np.zeros((1, 4)), np.ones((1, 4)))[0] == 0
