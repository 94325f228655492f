"""Command `darkreach model`: what a model predicts for one mass and coupling."""

import argparse
import json

from darkreach.models.constants import ALPHA_0, SQRT_S_NOMINAL
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.registry import MODELS, model_named


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("model", help=", ".join(MODELS))
    parser.add_argument("--mass", type=float, required=True, help="mass of X in GeV")
    parser.add_argument("--coupling", type=float, required=True, help="coupling of X to the muon")
    parser.add_argument("--sqrt-s", type=float, default=SQRT_S_NOMINAL, help="in GeV (default %(default)s)")
    parser.add_argument(
        "--alpha",
        type=fraction_or_decimal,
        default=ALPHA_0,
        help="fine-structure constant of the production, 1/137.035999 (default) or a decimal number",
    )
    parser.add_argument("--isr", action="store_true", help="include initial-state radiation")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def run(args: argparse.Namespace) -> int:
    """Print the prediction; returns the exit status."""
    prediction = predict(args.model, args.mass, args.coupling, args.sqrt_s, args.alpha, args.isr)
    print(json.dumps(prediction, indent=2) if args.json else table(prediction))
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
    model_name: str, mass: float, coupling: float, sqrt_s: float, alpha: float, isr: bool
) -> dict[str, object]:
    """All predictions for one point: masses and widths in GeV, cross-sections in fb, cτ in m.

    The cross-section is that of e⁺e⁻ → μ⁺μ⁻X, without branching fraction.

    Raises:
        DarkreachError: unknown model, or a value out of range.
    """
    value, error = cross_section_fb(model_name, mass, coupling, sqrt_s, alpha, isr)
    model = model_named(model_name)
    return {
        "model": model_name,
        "mass_GeV": mass,
        "coupling": coupling,
        "sqrt_s_GeV": sqrt_s,
        "alpha": alpha,
        "isr": isr,
        "cross_section_fb": value,
        "cross_section_error_fb": error,
        "width_GeV": float(model.width(mass, coupling)),
        "branching_fractions": {
            channel: float(fraction) for channel, fraction in model.branching_fractions(mass).items()
        },
        "ctau_m": float(model.ctau_m(mass, coupling)),
        "delta_a_mu": float(model.delta_a_mu(mass, coupling)),
    }


def table(prediction: dict[str, object]) -> str:
    """The prediction as aligned lines."""
    lines: dict[str, object] = {}
    for key, value in prediction.items():
        if isinstance(value, dict):
            lines |= {f"B({channel})": fraction for channel, fraction in value.items()}
        else:
            lines[key] = value
    return "\n".join(
        f"{key:24}{value:.7g}" if type(value) is float else f"{key:24}{value}" for key, value in lines.items()
    )
