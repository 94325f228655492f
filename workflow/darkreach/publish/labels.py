"""How processes are written in figures, from production and decays alone (matplotlib mathtext)."""

from collections.abc import Iterable

from darkreach.config.stages import ModelSpec
from darkreach.models.registry import model_named

_PRODUCTION = {
    "mu": r"\sigma(e^+e^-\to\mu^+\mu^-{x})",
    "tau": r"\sigma(e^+e^-\to\tau^+\tau^-{x})",
    "tau_decay": r"2\sigma(e^+e^-\to\tau^+\tau^-)\times\mathcal{{B}}(\tau\to\pi {x})",
}
_DECAYS = {
    "ee": "e^+e^-",
    "mumu": r"\mu^+\mu^-",
    "tautau": r"\tau^+\tau^-",
    "mumunu": r"\mu^+\mu^-\nu",
    "invisible": r"\mathrm{invisible}",
}


def cross_section_label(spec: ModelSpec) -> str:
    """What the limits on the cross-section are on, with unit; in two lines if it is long."""
    x = model_named(spec.model).label.strip("$")
    process = _PRODUCTION[spec.production].format(x=x)
    decays = list(dict.fromkeys(spec.channels.values()))
    is_long = spec.production == "tau_decay" or len(decays) > 1
    between = "$\n$" if is_long else ""
    return rf"${process}{between}\times\mathcal{{B}}({x}\to {decays_label(decays)})$ [fb]"


def mass_label(spec: ModelSpec) -> str:
    """The mass axis."""
    return rf"$m({model_named(spec.model).label.strip('$')})$ [GeV]"


def decays_label(decays: Iterable[str]) -> str:
    """Final states, each once; a decay without a symbol goes by its name."""
    return r",\,".join(_DECAYS.get(decay, rf"\mathrm{{{decay}}}") for decay in dict.fromkeys(decays))


def lifetime_label(lifetime_m: float) -> str:
    """cτ with a unit that leaves a number near one."""
    units = (("m", 1.0), ("cm", 1e-2), ("mm", 1e-3))
    unit, size = next((pair for pair in units if lifetime_m >= pair[1]), units[-1])
    return rf"$c\tau$ = {lifetime_m / size:g} {unit}"
