import numpy as np
from skims import settings

from darkreach.classifier.cut import choose_cut
from darkreach.classifier.rows import Rows
from darkreach.searches.mumu_resonance import observable_of_mass


def rows(observable, yields, groups, group):
    n = len(observable)
    return Rows(np.zeros((n, 1)), observable, observable, yields, np.zeros(n), group, groups)


def chosen(root, background_yield, minimum=0.0, n=20_000, power=2):
    """Signal with density ∝ s^(power − 1) of the score and flat background, in windows of ±25 × 4 MeV."""
    rng = np.random.default_rng(1)
    centre = float(observable_of_mass(2.0))
    signal = rows(centre + 0.004 * rng.normal(size=n), np.ones(n), [("zprime", 2.0)], np.zeros(n, dtype=int))
    flat = rng.uniform(1, 3, n)
    background = rows(flat, np.full(n, background_yield / n), [("b", 0.0)], np.zeros(n, dtype=int))
    search = settings(root, minimum_background=minimum)
    return choose_cut(
        signal,
        rng.uniform(size=n) ** (1 / power),
        background,
        rng.uniform(size=n),
        search.classifier,
        1.0,
        25,
        observable_of_mass,
    )


def expected_cut(window):
    cuts = np.linspace(0, 1, 100_001)
    merit = (1 - cuts**2) / (1.64 / 2 + np.sqrt(window * (1 - cuts)))
    return cuts[np.argmax(merit)]


def test_cut_is_where_punzi_has_it(root):
    for background_yield in (1e3, 1e5):
        cut = chosen(root, background_yield)
        window = background_yield * 0.2 / 2  # ±0.1 GeV of 2 GeV
        assert abs(cut.background_before / window - 1) < 0.05
        assert abs(cut.value - expected_cut(window)) < 0.05
        assert abs(cut.signal_efficiency[0][2] - (1 - cut.value**2)) < 0.02
        assert abs(cut.background_after / cut.background_before - (1 - cut.value)) < 0.02
        assert cut.gain > 1


def test_background_is_not_cut_below_the_minimum(root):
    free = chosen(root, 1000)
    bound = chosen(root, 1000, minimum=90)
    assert free.background_after < 90 <= bound.background_after < bound.background_before
    nothing_to_spare = chosen(root, 1000, minimum=500)
    assert nothing_to_spare.value == 0 and nothing_to_spare.gain == 1


def test_cut_leaves_enough_simulated_background_to_know_it(root):
    """(1 − c²⁰⁰)/√(1 − c) is largest for a background efficiency of 0.6 %: 3 of 500 are luck."""
    few = chosen(root, 1e9, n=500, power=200)
    assert 20 <= few.background_efficiency * 500 < 40
    many = chosen(root, 1e9, power=200)
    assert abs(many.background_efficiency - 0.0063) < 0.002


def test_tails_of_a_signal_outside_the_region_have_no_say(root):
    rng = np.random.default_rng(2)
    scores, n = np.sqrt(rng.uniform(size=5020)), 5000
    masses = np.concatenate([np.full(n, 2.0), np.full(20, 2.9)])
    centre = observable_of_mass(masses) + 0.004 * rng.normal(size=n + 20)
    group = np.repeat([0, 1], [n, 20])
    signal = rows(centre, np.ones(n + 20), [("zprime", 2.0), ("zprime", 2.9)], group)
    scores[n:] = 0.01
    flat = rng.uniform(1, 3, 20_000)
    background = rows(flat, np.full(20_000, 0.5), [("b", 0.0)], np.zeros(20_000, dtype=int))
    classifier = settings(root, minimum_background=0).classifier
    cut = choose_cut(
        signal, scores, background, rng.uniform(size=20_000), classifier, 1.0, 25, observable_of_mass
    )
    assert [mass for _, mass, _ in cut.signal_efficiency] == [2.0]
