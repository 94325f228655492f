import numpy as np
from scipy import stats

from darkreach.classifier.checks import sculpting, weighted_ks


def test_ks_without_weights_is_the_known_one():
    rng = np.random.default_rng(1)
    first, second = rng.normal(size=800), rng.normal(0.1, 1, 700)
    expected = stats.ks_2samp(first, second, method="asymp")
    distance_p = stats.kstwobign.sf(np.sqrt(800 * 700 / 1500) * expected.statistic)
    assert abs(weighted_ks(first, np.ones(800), second, np.ones(700)) - distance_p) < 1e-9


def test_ks_of_weighted_samples():
    rng = np.random.default_rng(2)
    p_values = []
    for _ in range(200):  # an exponential, once drawn and once made from a flat sample by weights
        drawn, flat = stats.truncexpon(3).rvs(300, random_state=rng), rng.uniform(0, 3, 600)
        p_values.append(weighted_ks(drawn, np.ones(300), flat, np.exp(-flat)))
    assert 0.3 < np.mean(p_values) < 0.75
    assert np.quantile(p_values, 0.05) > 0.005
    assert weighted_ks(drawn, np.ones(300), flat, np.ones(600)) < 1e-6


def test_smooth_efficiency_is_no_sculpting_and_a_step_is():
    rng = np.random.default_rng(3)
    mass, uniform = rng.exponential(2, 8000) + 1, rng.uniform(size=8000)
    smooth = sculpting(mass, np.ones(8000), uniform < 0.5 - 0.02 * mass)
    assert smooth.p_value > 0.001 and abs(smooth.largest_pull) < 4
    inside = (mass > 2) & (mass < 2.2)
    bump = sculpting(mass, np.ones(8000), uniform < np.where(inside, 0.45, 0.2))
    assert bump.p_value < 1e-6 and bump.largest_pull > 4
    low, high = bump.edges[np.argmax(bump.efficiency)], bump.edges[np.argmax(bump.efficiency) + 1]
    assert low < 2.2 and high > 2.0


def test_pulls_of_random_cuts_follow_chi2():
    rng = np.random.default_rng(4)
    results = [
        sculpting(rng.uniform(1, 4, 3000), rng.uniform(0.5, 1.5, 3000), rng.uniform(size=3000) < 0.1)
        for _ in range(200)
    ]
    assert 0.35 < np.mean([result.p_value for result in results]) < 0.65


def test_too_few_candidates_to_tell():
    assert sculpting(np.zeros(0), np.zeros(0), np.zeros(0, dtype=bool)) is None
    assert sculpting(np.ones(100), np.ones(100), np.ones(100, dtype=bool)) is None
