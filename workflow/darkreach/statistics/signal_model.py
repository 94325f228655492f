"""The signal at any mass, from templates simulated at some masses, in one channel and at one lifetime.

Shapes are compared in the pull u = (x − x₀)/σ_x of the observable x, where neighbouring masses look nearly
the same.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike
from scipy.interpolate import PchipInterpolator
from scipy.special import ndtr

from darkreach.columnar.templates import SignalTemplate
from darkreach.errors import DarkreachError
from darkreach.statistics.resolution import effective_entries, peak_of

# With fewer effective entries a template still counts for the efficiency, but has no usable shape.
MINIMUM_ENTRIES = 30


class SignalModel:
    """Efficiency, resolution and shape of one model's signal as functions of the mass of X.

    Efficiency, resolution and peak offset are interpolated with monotone cubics (PCHIP) in the observable;
    shapes linearly, between the cumulative pull distributions of the neighbouring simulated masses.
    At a simulated mass every one of them is what was simulated. The efficiency jumps where one classifier
    takes over from the next, so it is interpolated within each region.
    """

    def __init__(
        self,
        edges: np.ndarray,
        signals: Mapping[float, SignalTemplate],
        model: str,
        observable_of_mass: Callable[[ArrayLike], np.ndarray],
        region_borders: Sequence[float] = (),
    ) -> None:
        """Take the signals of `model` (mass of X in GeV → template) on fine bins with `edges` in GeV.

        observable_of_mass: where in the observable (GeV, ascending) a peak of a mass in GeV lies.
        region_borders: masses in GeV, ascending, at which the selection changes.

        Raises:
            DarkreachError: fewer than two simulated masses have a usable shape.
        """
        self._edges = edges
        self._observable = observable_of_mass
        self._masses = np.array(sorted(signals), float)
        templates = [signals[mass] for mass in self._masses]
        self._has_negative = np.array([bool(np.any(t.values < 0)) for t in templates])
        efficiencies = [t.values.sum() / t.generated_events for t in templates]
        shaped = [
            (mass, t)
            for mass, t, negative in zip(self._masses, templates, self._has_negative, strict=True)
            if not negative and effective_entries(t.values, t.variances) >= MINIMUM_ENTRIES
        ]
        if len(shaped) < 2:
            raise DarkreachError(
                f"signal templates of '{model}': only {len(shaped)} of {len(templates)} masses have "
                f"{MINIMUM_ENTRIES} selected candidates and no negative bin, two are needed; "
                "simulate more events or masses"
            )
        peaks = [peak_of(edges, template.values) for _, template in shaped]
        self._centres = self._observable([mass for mass, _ in shaped])
        self._medians = np.array([p.median - x for p, x in zip(peaks, self._centres, strict=True)])
        self._sigmas = np.array([peak.sigma for peak in peaks])
        self._cumulative = [
            np.concatenate([[0.0], np.cumsum(template.values)]) / template.values.sum()
            for _, template in shaped
        ]
        self._borders = self._observable(np.asarray(region_borders, float))
        self._efficiencies = self._per_region(np.array(efficiencies))
        self._resolution = PchipInterpolator(self._centres, self._sigmas)
        self._offset = PchipInterpolator(self._centres, self._medians)

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest simulated mass of X in GeV: nothing is extrapolated beyond them."""
        return float(self._masses[0]), float(self._masses[-1])

    def efficiency(self, mass: float) -> float:
        """Selected and correctly paired candidates per generated event."""
        position = float(self._observable(mass))
        # the part of the peak that lies in each region
        below = ndtr((self._borders - position) / self.resolution(mass))
        shares = np.diff(np.concatenate([[0.0], below, [1.0]]))
        return float(sum(w * curve(position) for w, curve in zip(shares, self._efficiencies, strict=True)))

    def _per_region(self, efficiencies: np.ndarray) -> list[Callable[[float], float]]:
        """Efficiency of each region's selection as a function of x, constant beyond its masses."""
        positions = self._observable(self._masses)
        region = np.searchsorted(self._borders, positions, side="right")
        return [
            _held_constant_outside(positions[inside], efficiencies[inside])
            if (inside := region == number).any()
            else _held_constant_outside(positions, efficiencies)
            for number in range(len(self._borders) + 1)
        ]

    def resolution(self, mass: ArrayLike) -> np.ndarray:
        """σ_x in GeV: width of the peak in the observable (`peak_of`). Same shape as `mass`."""
        return self._resolution(self._inside(mass))

    def peak_offset(self, mass: float) -> float:
        """Median of the reconstructed observable minus that of the true mass, in GeV."""
        return float(self._offset(self._inside(mass)))

    def is_negative(self, mass: float) -> bool:
        """Whether a simulated template next to `mass` has a negative bin."""
        after = int(np.searchsorted(self._masses, mass))
        first = after if mass in self._masses else after - 1
        return bool(self._has_negative[max(0, first) : after + 1].any())

    def expected_fractions(
        self,
        mass: float,
        low: np.ndarray,
        high: np.ndarray,
        shift_sigma: float = 0.0,
        width_factor: float = 1.0,
    ) -> np.ndarray:
        """Fraction of the selected signal of `mass` (GeV) in each bin from low to high, (k,) in GeV.

        shift_sigma moves the peak by that many σ_x; width_factor stretches it about its median.
        Over the whole range of the templates the fractions add up to one.
        """
        x = np.concatenate([low, high, self._edges[[0, -1]]])
        below = self._cumulative_at(mass, x, shift_sigma, width_factor)
        k = len(low)
        return (below[k : 2 * k] - below[:k]) / (below[-1] - below[-2])

    def _cumulative_at(
        self, mass: float, x: np.ndarray, shift_sigma: float, width_factor: float
    ) -> np.ndarray:
        position = self._inside(mass)
        after = int(np.clip(np.searchsorted(self._centres, position), 1, len(self._centres) - 1))
        before = after - 1
        share = (position - self._centres[before]) / (self._centres[after] - self._centres[before])
        pull = (x - self._observable(mass)) / self.resolution(mass)
        pull_medians = self._medians / self._sigmas
        centre = (1 - share) * pull_medians[before] + share * pull_medians[after]
        pull = centre + (pull - shift_sigma - centre) / width_factor
        result = np.zeros(len(x))
        for index, weight in ((before, 1 - share), (after, share)):
            if weight > 0:
                at = self._centres[index] + self._sigmas[index] * pull
                result += weight * np.interp(at, self._edges, self._cumulative[index])
        return result

    def _inside(self, mass: ArrayLike) -> np.ndarray:
        """x of `mass`, moved to the nearest mass with a usable shape when it lies beyond them."""
        return np.clip(self._observable(mass), self._centres[0], self._centres[-1])


def _held_constant_outside(x: np.ndarray, y: np.ndarray) -> Callable[[float], float]:
    """Monotone cubic through points in order of x; beyond them the value of the nearest."""
    curve = PchipInterpolator(x, y) if len(x) > 1 else lambda _: y[0]
    return lambda at: float(curve(np.clip(at, x[0], x[-1])))
