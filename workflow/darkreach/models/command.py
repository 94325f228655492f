"""Command `darkreach model`: what a model predicts for one mass and coupling."""

import argparse
import json
import sys

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, SQRT_S_NOMINAL
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.model import Model
from darkreach.models.registry import MODELS, model_named

# Here Z exchange, which is not included, adds half a percent: its couplings squared times s²/(s − m_Z²)².
Z_MATTERS_GEV = 40.0
SMALLEST_WIDTH_GEV = 1e-300  # a smaller one has no finite lifetime in double precision


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
    if args.sqrt_s > Z_MATTERS_GEV:
        print(
            f"darkreach model: note: the cross-section has photon exchange only; at {args.sqrt_s:g} GeV "
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
    model_name: str, mass: float, coupling: float, sqrt_s: float, alpha: float, isr: bool
) -> dict[str, object]:
    """All predictions for one point: masses and widths in GeV, cross-sections in fb, cτ in m.

    The cross-section is that of e⁺e⁻ → μ⁺μ⁻X, without branching fraction.

    Raises:
        DarkreachError: unknown model, or a value out of range.
    """
    model = model_named(model_name)
    unit_value, unit_error = cross_section_fb(model_name, mass, 1.0, sqrt_s, alpha, isr)
    _check_coupling(model, mass, coupling)
    return {
        "model": model_name,
        "mass_GeV": mass,
        "coupling": coupling,
        "sqrt_s_GeV": sqrt_s,
        "alpha": alpha,
        "isr": isr,
        "cross_section_fb": coupling**2 * unit_value,
        "cross_section_error_fb": coupling**2 * unit_error,
        "width_GeV": float(model.width(mass, coupling)),
        "branching_fractions": {
            channel: float(fraction) for channel, fraction in model.branching_fractions(mass).items()
        },
        "ctau_m": float(model.ctau_m(mass, coupling)),
        "delta_a_mu": float(model.delta_a_mu(mass, coupling)),
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
