"""The rate of a search's signal: cross-section times branching fractions."""

import numpy as np
import pytest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.registry import MODELS
from darkreach.models.signal_rate import signal_cross_section_curve, signal_cross_section_fb

BEAMS = (10.58, ALPHA_0, False)


@pytest.mark.parametrize(
    "model, production, decays, channels",
    [
        ("zprime", "mu", ["mumu"], ["mumu"]),
        ("zprime", "mu", ["tautau"], ["tautau"]),
        ("zprime", "mu", ["invisible"], ["nunu"]),
        ("leptophilic_scalar", "tau", ["ee", "ee", "mumu"], ["ee", "mumu"]),
        ("alp", "mu", ["tautau"], ["tautau"]),
    ],
)
def test_rate_of_a_radiated_boson(model, production, decays, channels):
    fractions = MODELS[model].branching_fractions(5.0)
    produced = cross_section_fb(model, 5.0, 0.3, *BEAMS, lepton=production)[0]
    expected = produced * sum(fractions[channel] for channel in channels)
    rate = signal_cross_section_fb(model, 5.0, 0.3, production, decays, *BEAMS)
    assert rate == pytest.approx(float(expected))


def test_all_decays_together_are_the_production():
    decays = list(MODELS["zprime"].branching_fractions(5.0))
    rate = signal_cross_section_fb("zprime", 5.0, 1.0, "mu", decays, *BEAMS)
    assert rate == pytest.approx(cross_section_fb("zprime", 5.0, 1.0, *BEAMS)[0])


@pytest.mark.parametrize("model", ["hnl", "hnl_majorana"])
def test_rate_of_an_hnl_is_the_number_of_taus_times_its_branching_fractions(model):
    # 2 · 836e6 taus in 915 fb⁻¹; the rate is linear in |V|², whatever the lifetime.
    hnl, strength = MODELS[model], 1e-3
    chain = hnl.tau_to_pi_n(1.0, strength) * hnl.branching_fractions(1.0)["mumunu"]
    rate = signal_cross_section_fb(model, 1.0, strength, "tau_decay", ["mumunu"], *BEAMS)
    assert rate * 915 == pytest.approx(2 * 836e6 * chain)
    assert rate == pytest.approx(
        strength * signal_cross_section_curve(model, [1.0], "tau_decay", ["mumunu"], *BEAMS)[0]
    )


@pytest.mark.parametrize("production", ["mu", "tau"])
def test_curve_agrees_with_single_points(production):
    masses = np.linspace(0.05, 6.9, 60)
    curve = signal_cross_section_curve("leptophilic_scalar", masses, production, ["ee", "mumu"], *BEAMS)
    for index in (0, 3, 30, 59):
        single = signal_cross_section_fb(
            "leptophilic_scalar", masses[index], 1.0, production, ["ee", "mumu"], *BEAMS
        )
        assert curve[index] == pytest.approx(single, rel=1e-5)


@pytest.mark.parametrize(
    "model, production, decays, message",
    [
        ("muonphilic_scalar", "mu", ["tautau"], "no decay 'tautau': choose among mumu"),
        ("muonphilic_scalar", "tau", ["mumu"], "does not couple to τ leptons"),
        ("zprime", "tau_decay", ["mumu"], "not made in decays of the τ"),
        ("hnl", "mu", ["mumunu"], "not made in e⁺e⁻ → l⁺l⁻X"),
    ],
)
def test_what_a_model_does_not_do_is_said_in_one_sentence(model, production, decays, message):
    with pytest.raises(DarkreachError, match=message):
        signal_cross_section_fb(model, 1.0, 0.1, production, decays, *BEAMS)
