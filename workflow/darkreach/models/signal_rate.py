"""The rate of a search's signal: what "σ" stands for in limits, tables and figures."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from darkreach.errors import DarkreachError
from darkreach.models.cross_section import cross_section_curve, cross_section_fb
from darkreach.models.hnl import Hnl
from darkreach.models.registry import model_named

# σ(e⁺e⁻ → τ⁺τ⁻) in Belle's Υ(4S) and Υ(5S) data, on and just below resonance: (836 ± 12)·10⁶ pairs in
# 915 fb⁻¹, Belle Collaboration, Phys. Rev. D 109 (2024) L111102.
TAU_PAIR_CROSS_SECTION_FB = 836e6 / 915

# Decays of the configuration that `Model.partial_widths` has under another name.
_CHANNELS = {"invisible": "nunu"}


def signal_cross_section_fb(
    model: str,
    mass: float,
    coupling: float,
    production: str,
    decays: Iterable[str],
    sqrt_s: float,
    alpha: float,
    isr: bool,
) -> float:
    """Cross-section times branching fractions in fb of a search's signal.

    Args:
        model: a key of `MODELS`.
        mass: mass of X or N in GeV.
        coupling: the model's coupling; for an HNL |V_τN|².
        production: "mu" or "tau" for σ(e⁺e⁻ → l⁺l⁻X) Σ B(decays); "tau_decay" for
            2 σ(e⁺e⁻ → τ⁺τ⁻) B(τ → πN) Σ B(decays), which uses neither sqrt_s nor alpha nor isr.
        decays: decays of X or N, such as "mumu", "tautau", "invisible" or "mumunu".
        sqrt_s, alpha, isr: as in `cross_section_fb`.

    Raises:
        DarkreachError: the model has no such production or decay, or a value is out of range.
    """
    fraction = float(_sum_of_fractions(model, mass, decays))
    if production == "tau_decay":
        return float(_tau_decay_fb(model, mass)) * coupling * fraction
    return cross_section_fb(model, mass, coupling, sqrt_s, alpha, isr, production)[0] * fraction


def signal_cross_section_curve(
    model: str,
    masses: ArrayLike,
    production: str,
    decays: Iterable[str],
    sqrt_s: float,
    alpha: float,
    isr: bool,
) -> np.ndarray:
    """`signal_cross_section_fb` at unit coupling for many masses in GeV, (n,) in fb."""
    masses = np.atleast_1d(np.asarray(masses, float))
    fraction = _sum_of_fractions(model, masses, decays)
    if production == "tau_decay":
        return _tau_decay_fb(model, masses) * fraction
    return cross_section_curve(model, masses, sqrt_s, alpha, isr, production) * fraction


def decay_fraction(model: str, mass: ArrayLike, decay: str) -> np.ndarray:
    """Branching fraction of a decay of the configuration, for masses in GeV.

    Raises:
        DarkreachError: the model has no such decay.
    """
    fractions = model_named(model).branching_fractions(mass)
    channel = _CHANNELS.get(decay, decay)
    if channel not in fractions:
        raise DarkreachError(
            f"model {model!r} has no decay {channel!r}: choose among {', '.join(fractions)}."
        )
    return fractions[channel]


def _sum_of_fractions(model: str, mass: ArrayLike, decays: Iterable[str]) -> np.ndarray:
    """Σ B over different decays."""
    return np.sum([decay_fraction(model, mass, decay) for decay in sorted(set(decays))], axis=0)


def _tau_decay_fb(model: str, mass: ArrayLike) -> np.ndarray:
    """2 σ(e⁺e⁻ → τ⁺τ⁻) B(τ → πN) per |V_τN|² in fb."""
    hnl = model_named(model)
    if not isinstance(hnl, Hnl):
        raise DarkreachError(f"model {model!r} is not made in decays of the τ: choose hnl or hnl_majorana.")
    return 2 * TAU_PAIR_CROSS_SECTION_FB * hnl.tau_to_pi_n(mass, 1.0)
