"""Global significance of the largest local excess of a search that counts events."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from scipy.stats import norm

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.statistics.counting_background import CountingBackground
from darkreach.statistics.counting_limit import probability_of
from darkreach.statistics.counting_signal import SignalRegions
from darkreach.statistics.engine.look_elsewhere import THRESHOLD, ScanToys, global_significance


def significance_of_counting(templates: Templates, masses: Sequence[float], spec: ScanSpec) -> dict[str, Any]:
    """Global p-values of the largest local excess among signal regions of `masses` in GeV.

    Each toy is one set of events in the plane of the two mass solutions, from the smeared simulated
    background; overlapping signal regions share its events. Its mean fluctuates with the control channel and
    the extrapolation from there. Returns the fields of `GlobalSignificance`, `mass_GeV` of the excess, and
    `hypotheses`, the number of signal regions.
    """
    tested = np.unique(np.asarray(masses, float))
    signal, background = SignalRegions(templates, spec), CountingBackground(templates, spec)
    regions = [signal.region(mass) for mass in tested]
    expected = [background.in_region(region) for region in regions]
    means = [background.scale * e.events for e in expected]
    errors = [background.relative_error(e.simulated) for e in expected]

    def counted(planes: dict[str, np.ndarray]) -> list[float]:
        return [region.count(planes) for region in regions]

    def local_z(counts: np.ndarray) -> np.ndarray:
        """Local Z of counts in the signal regions (toys, masses), same shape."""
        columns = [probability_of(n, b, e) for n, b, e in zip(counts.T, means, errors, strict=True)]
        return np.maximum(norm.isf(np.stack(columns, axis=1)), 0.0)

    densities, spread = background.densities(), background.relative_error(np.inf)
    data = {name: templates.channels[name].observed for name in densities}
    observed = local_z(np.array([counted(data)]))[0]
    rng = np.random.default_rng(np.random.SeedSequence([spec.seed, len(tested)]))
    scales = rng.gamma(1 / spread**2, spread**2, spec.scan.global_toys)
    z = local_z(np.array([counted(_thrown(densities, s, rng)) for s in scales]))
    largest = z.max(axis=1)
    crossings = np.count_nonzero((z[:, 1:] > THRESHOLD) & (z[:, :-1] <= THRESHOLD), axis=1)
    toys = ScanToys((spec.seed,), len(tested), largest, largest, crossings)
    found = asdict(global_significance(float(observed.max()), toys))
    found["z"] = max(found["z"], 0.0)  # without any excess p is 1
    return {"mass_GeV": float(tested[observed.argmax()]), **found, "hypotheses": len(tested)}


def _thrown(
    densities: dict[str, np.ndarray], scale: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    return {name: rng.poisson(scale * density) for name, density in densities.items()}
