"""Command `darkreach model`: what a model predicts for one mass and coupling."""

import argparse
import json
import sys

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, PION_MASS, SQRT_S_NOMINAL, TAU_MASS
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.hnl import Hnl
from darkreach.models.model import Model
from darkreach.models.registry import MODELS, model_named

# Here Z exchange, which is not included, adds half a percent: its couplings squared times s²/(s − m_Z²)².
Z_MATTERS_GEV = 40.0
SMALLEST_WIDTH_GEV = 1e-300  # a smaller one has no finite lifetime in double precision
PRODUCTIONS = {"mumu": "mu", "tautau": "tau"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", help=", ".join(name for name in MODELS if name != "hnl_majorana"))
    parser.add_argument("--mass", type=float, required=True, help="mass of X or N in GeV")
    parser.add_argument(
        "--coupling",
        type=float,
        required=True,
        help="g' of zprime, g_S of muonphilic_scalar, ξ of leptophilic_scalar, |C|/Λ in TeV⁻¹ of alp, "
        "|V_τN|² of hnl",
    )
    parser.add_argument(
        "--production",
        choices=PRODUCTIONS,
        help="cross-section of e⁺e⁻ → μ⁺μ⁻X (default) or τ⁺τ⁻X (default of leptophilic_scalar)",
    )
    parser.add_argument("--sqrt-s", type=float, help=f"in GeV (default {SQRT_S_NOMINAL:g})")
    parser.add_argument(
        "--alpha",
        type=fraction_or_decimal,
        help="fine-structure constant of the production, 1/137.035999 (default) or a decimal number",
    )
    parser.add_argument("--isr", action="store_true", help="include initial-state radiation")
    parser.add_argument("--majorana", action="store_true", help="an hnl that is its own antiparticle")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the prediction; returns the exit status."""
    if isinstance(model_named(args.model), Hnl):
        if args.isr or any(value is not None for value in (args.production, args.sqrt_s, args.alpha)):
            raise DarkreachError(
                f"model {args.model!r} is made in decays of the τ: leave out --production, --sqrt-s, --alpha "
                "and --isr."
            )
        prediction = predict_hnl("hnl_majorana" if args.majorana else args.model, args.mass, args.coupling)
        print(_formatted(prediction, args.json))
        return 0
    if args.majorana:
        raise DarkreachError(f"--majorana is for hnl only: leave it out for {args.model!r}.")
    sqrt_s = SQRT_S_NOMINAL if args.sqrt_s is None else args.sqrt_s
    alpha = ALPHA_0 if args.alpha is None else args.alpha
    production = args.production or ("tautau" if args.model == "leptophilic_scalar" else "mumu")
    prediction = predict(args.model, args.mass, args.coupling, production, sqrt_s, alpha, args.isr)
    print(_formatted(prediction, args.json))
    if sqrt_s > Z_MATTERS_GEV:
        print(
            f"darkreach model: note: the cross-section has photon exchange only; at {sqrt_s:g} GeV "
            "Z exchange is not negligible",
            file=sys.stderr,
        )
    return 0


def fraction_or_decimal(text: str) -> float:
    """Read a number written as "1/137.035999" or "0.0073"."""
    numerator, slash, denominator = text.partition("/")
    try:
        return float(numerator) / float(denominator) if slash else float(text)
    except (ValueError, ZeroDivisionError):
        message = f"{text!r} is neither a fraction like 1/137.035999 nor a decimal number like 0.0073"
        raise argparse.ArgumentTypeError(message) from None


def predict(
    model_name: str, mass: float, coupling: float, production: str, sqrt_s: float, alpha: float, isr: bool
) -> dict[str, object]:
    """All predictions for one X: masses and widths in GeV, cross-sections in fb, cτ in m.

    The cross-section is that of e⁺e⁻ → μ⁺μ⁻X or τ⁺τ⁻X (production "mumu" or "tautau"), without branching
    fraction.

    Raises:
        DarkreachError: unknown model, or a value out of range.
    """
    model = model_named(model_name)
    lepton = PRODUCTIONS[production]
    unit_value, unit_error = cross_section_fb(model_name, mass, 1.0, sqrt_s, alpha, isr, lepton)
    _check_coupling(model, mass, coupling)
    return {
        "model": model_name,
        "mass_GeV": mass,
        "coupling": coupling,
        "production": production,
        "sqrt_s_GeV": sqrt_s,
        "alpha": alpha,
        "isr": isr,
        "cross_section_fb": coupling**2 * unit_value,
        "cross_section_error_fb": coupling**2 * unit_error,
        **_decay(model, mass, coupling),
    }


def predict_hnl(model_name: str, mass: float, coupling: float) -> dict[str, object]:
    """All predictions for one N of |V_τN|² = coupling: mass and width in GeV, cτ in m.

    Raises:
        DarkreachError: the model is another one, or a value out of range.
    """
    model = model_named(model_name)
    if not isinstance(model, Hnl):
        raise DarkreachError(f"model {model_name!r} is no heavy neutral lepton: choose hnl or hnl_majorana.")
    if not 0 < mass < TAU_MASS - PION_MASS:
        raise DarkreachError(
            f"mass is {mass:g} GeV: τ → πN needs a positive number below {TAU_MASS - PION_MASS:.6g} GeV."
        )
    if not coupling <= 1:
        raise DarkreachError(f"coupling is {coupling:g}: |V_τN|² is a number between 0 and 1.")
    _check_coupling(model, mass, coupling)
    return {
        "model": model_name,
        "mass_GeV": mass,
        "coupling": coupling,
        "b_tau_to_pi_n": float(model.tau_to_pi_n(mass, coupling)),
        "b_n_to_mumunu": float(model.branching_fractions(mass)["mumunu"]),
        **_decay(model, mass, coupling),
    }


def _decay(model: Model, mass: float, coupling: float) -> dict[str, object]:
    """What does not depend on the production."""
    delta_a_mu = float(model.delta_a_mu(mass, coupling))
    return {
        "width_GeV": float(model.width(mass, coupling)),
        "branching_fractions": {
            channel: float(fraction) for channel, fraction in model.branching_fractions(mass).items()
        },
        "ctau_m": float(model.ctau_m(mass, coupling)),
        "delta_a_mu": None if np.isnan(delta_a_mu) else delta_a_mu,
    }


def _check_coupling(model: Model, mass: float, coupling: float) -> None:
    """The cross-section is that of X on shell, which means nothing for an X wider than its mass."""
    with np.errstate(over="ignore", under="ignore"):
        width = float(model.width(mass, coupling))
    if not (coupling > 0 and SMALLEST_WIDTH_GEV < width < mass):
        raise DarkreachError(
            f"coupling is {coupling:g}: give a positive number for which X is narrower than its mass; "
            f"its width would be {width:.3g} GeV."
        )


def _formatted(prediction: dict[str, object], as_json: bool) -> str:
    return json.dumps(prediction, indent=2) if as_json else table(prediction)


def table(prediction: dict[str, object]) -> str:
    """The prediction as aligned lines."""
    lines: dict[str, object] = {}
    for key, value in prediction.items():
        if isinstance(value, dict):
            lines |= {f"B({channel})": fraction for channel, fraction in value.items()}
        else:
            lines[key] = value
    return "\n".join(
        f"{key:24}{value:.7g}" if type(value) is float else f"{key:24}{'–' if value is None else value}"
        for key, value in lines.items()
    )
