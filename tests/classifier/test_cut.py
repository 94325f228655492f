import numpy as np
from skims import settings

from darkreach.classifier.cut import choose_cut
from darkreach.classifier.rows import Rows
from darkreach.searches.mumu_resonance import observable_of_mass


def rows(observable, yields, groups, group):
    n = len(observable)
    return Rows(np.zeros((n, 1)), observable, observable, yields, np.zeros(n), group, groups)


def chosen(root, background_yield, minimum=0.0, n=20_000):
    """Signal with density 2s of the score and flat background, around 2 GeV in windows of ±25 × 4 MeV."""
    rng = np.random.default_rng(1)
    centre = float(observable_of_mass(2.0))
    signal = rows(centre + 0.004 * rng.normal(size=n), np.ones(n), [("zprime", 2.0)], np.zeros(n, dtype=int))
    flat = rng.uniform(1, 3, n)
    background = rows(flat, np.full(n, background_yield / n), [("b", 0.0)], np.zeros(n, dtype=int))
    search = settings(root, minimum_background=minimum)
    return choose_cut(
        signal,
        np.sqrt(rng.uniform(size=n)),
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
