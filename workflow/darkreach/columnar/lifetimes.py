"""Signals at other lifetimes than the simulated ones: weights of events by their true decay length."""

from collections.abc import Sequence

import numpy as np

from darkreach.catalogue.manifest import Component
from darkreach.columnar.templates import SignalPoint

CM_PER_M = 100.0


def signal_points(components: Sequence[Component], lifetimes_m: Sequence[float]) -> list[SignalPoint]:
    """The points that templates can be made for from the simulated components of a block.

    A mass simulated with any lifetime gives all lifetimes above zero; a prompt one gives zero.
    """
    points = set()
    for component in components:
        if component.mass_GeV is not None:
            displaced = bool(component.lifetime_m)
            points |= {SignalPoint(component.mass_GeV, t) for t in lifetimes_m if (t > 0) == displaced}
    return sorted(points)


def generated_events(components: Sequence[Component], point: SignalPoint) -> int:
    """Generated events behind the template of a point."""
    return sum(component.generated_events for component in _behind(components, point))


def lifetime_weights(
    components: Sequence[Component], point: SignalPoint, true_mass: np.ndarray, proper_length_cm: np.ndarray
) -> np.ndarray:
    """(n,) weights with which the candidates of a block stand for `point`; 0 for those of other points.

    The events of one mass are a mixture of the simulated lifetimes, with a density of proper decay lengths
    t of Σ f_k exp(−t/cτ_k)/cτ_k, where f_k is the share of the generated events; the weight is the density
    at the wanted lifetime over that. Its mean over all generated events is one.
    """
    behind = _behind(components, point)
    mine = np.abs(true_mass - point.mass_GeV) < 1e-5
    if point.lifetime_m == 0:
        return (mine & (proper_length_cm == 0)).astype(float)
    lengths = proper_length_cm / CM_PER_M
    mine &= lengths > 0
    total = sum(component.generated_events for component in behind)
    ratio = np.zeros(len(lengths))
    for component in behind:
        share, simulated = component.generated_events / total, float(component.lifetime_m or 0)
        # density of this component over the wanted one
        exponent = lengths * (1 / point.lifetime_m - 1 / simulated)
        with np.errstate(over="ignore"):  # an infinite ratio is a weight of zero
            ratio += share * point.lifetime_m / simulated * np.exp(exponent)
    return np.divide(1.0, ratio, out=np.zeros(len(lengths)), where=mine & (ratio > 0))


def _behind(components: Sequence[Component], point: SignalPoint) -> list[Component]:
    """The simulated components that a point's template is made of."""
    return [
        component
        for component in components
        if component.mass_GeV is not None
        and abs(component.mass_GeV - point.mass_GeV) < 1e-5
        and bool(component.lifetime_m) == (point.lifetime_m > 0)
    ]
