"""The signal of one channel at any mass and lifetime, from templates at some masses and lifetimes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from darkreach.columnar.templates import SignalPoint, SignalTemplate
from darkreach.errors import DarkreachError
from darkreach.statistics.signal_model import SignalModel

# Where only prompt decays are simulated, X with a longer cτ in m counts as lost: at 0.3 mm a prompt selection
# of light X has already lost a tenth.
LONGEST_PROMPT_M = 1e-4


class ChannelSignal:
    """Efficiency, resolution and shape of one model's signal as functions of mass (GeV) and cτ (m).

    At each simulated lifetime they are those of a `SignalModel`. Between two lifetimes ln ε is linear in
    ln cτ, and shape and resolution are means weighted with the distance in ln cτ; between 0 and the
    shortest lifetime everything is linear in cτ, but an efficiency that is 0 for prompt X goes like
    exp(−r/cτ), as for decays beyond a distance. Beyond the longest, ε ∝ 1/cτ as for any X that mostly leaves
    the detector. Without simulated lifetimes X counts as prompt up to `LONGEST_PROMPT_M`, and as lost beyond.
    A lifetime with too few selected events for a shape has no signal.
    """

    def __init__(
        self,
        edges: np.ndarray,
        signals: Mapping[SignalPoint, SignalTemplate],
        model: str,
        observable_of_mass: Callable[[ArrayLike], np.ndarray],
        region_borders: Sequence[float] = (),
    ) -> None:
        """Take the signals of `model` on fine bins of the observable with `edges` in GeV.

        The other arguments are those of `SignalModel`.

        Raises:
            DarkreachError: no lifetime has two masses with a usable shape.
        """
        by_lifetime: dict[float, dict[float, SignalTemplate]] = defaultdict(dict)
        for point, template in signals.items():
            by_lifetime[point.lifetime_m][point.mass_GeV] = template
        self._shapes: dict[float, SignalModel] = {}
        self._simulated: dict[float, tuple[float, float]] = {}
        reason = f"the templates have no signal of '{model}'; merge again"
        for lifetime in sorted(by_lifetime):
            by_mass = by_lifetime[lifetime]
            self._simulated[lifetime] = (min(by_mass), max(by_mass))
            try:
                self._shapes[lifetime] = SignalModel(
                    edges, by_mass, model, observable_of_mass, region_borders
                )
            except DarkreachError as error:
                reason = str(error)
        if not self._shapes:
            raise DarkreachError(reason)

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest simulated mass in GeV, at any lifetime."""
        ranges = np.array(list(self._simulated.values()))
        return float(ranges[:, 0].min()), float(ranges[:, 1].max())

    def lifetimes(self, mass: float) -> list[float]:
        """Simulated lifetimes cτ in m, ascending, whose masses reach `mass` in GeV from both sides."""
        return [lifetime for lifetime, (low, high) in self._simulated.items() if low <= mass <= high]

    def efficiency(self, mass: float, lifetime_m: float) -> float:
        """Selected and correctly paired candidates per generated event of the channel's decay."""
        known = self.lifetimes(mass)
        if not known:
            return 0.0
        if lifetime_m > known[-1] > 0:
            return self._efficiency(mass, known[-1]) * known[-1] / lifetime_m
        positive = [lifetime for lifetime in known if lifetime > 0]
        if not positive:
            return self._efficiency(mass, 0.0) if lifetime_m <= LONGEST_PROMPT_M else 0.0
        prompt = self._efficiency(mass, 0.0) if known[0] == 0 else 0.0
        if lifetime_m < positive[0] and not prompt > 0:
            return self._dying_out(mass, lifetime_m, positive)
        (low, high), share = _between(known, lifetime_m)
        first, last = self._efficiency(mass, low), self._efficiency(mass, high)
        if low > 0 and first > 0 and last > 0:
            return float(first ** (1 - share) * last**share)
        if low > 0 and low < high:  # one of them is zero: straight, not in the logarithm
            share = (lifetime_m - low) / (high - low)
        return (1 - share) * first + share * last

    def _dying_out(self, mass: float, lifetime_m: float, positive: Sequence[float]) -> float:
        """ε ∝ exp(−r/cτ) below the shortest lifetime, with r from the two shortest."""
        shortest = self._efficiency(mass, positive[0])
        next_one = self._efficiency(mass, positive[1]) if len(positive) > 1 else 0.0
        if lifetime_m == 0 or not next_one > shortest > 0:
            return 0.0
        distance = np.log(next_one / shortest) / (1 / positive[0] - 1 / positive[1])
        return float(shortest * np.exp(-distance * (1 / lifetime_m - 1 / positive[0])))

    def resolution(self, mass: ArrayLike, lifetime_m: float = 0.0) -> np.ndarray:
        """σ of the peak in the observable in GeV. Same shape as `mass`."""
        return np.sum([w * shape.resolution(mass) for shape, w in self._neighbours(lifetime_m)], axis=0)

    def expected_fractions(
        self,
        mass: float,
        lifetime_m: float,
        low: np.ndarray,
        high: np.ndarray,
        shift_sigma: float = 0.0,
        width_factor: float = 1.0,
    ) -> np.ndarray:
        """Fraction of the selected signal in each bin from low to high; see `SignalModel`."""
        parts = [
            w * shape.expected_fractions(mass, low, high, shift_sigma, width_factor)
            for shape, w in self._neighbours(lifetime_m)
        ]
        return np.sum(parts, axis=0)

    def is_negative(self, mass: float, lifetime_m: float) -> bool:
        """Whether a template that the signal is made of has a negative bin."""
        return any(shape.is_negative(mass) for shape, _ in self._neighbours(lifetime_m))

    def _efficiency(self, mass: float, lifetime: float) -> float:
        return self._shapes[lifetime].efficiency(mass) if lifetime in self._shapes else 0.0

    def _neighbours(self, lifetime_m: float) -> list[tuple[SignalModel, float]]:
        """Shapes of the lifetimes around, with weights that add up to one."""
        (low, high), share = _between(list(self._shapes), lifetime_m)
        found = [(self._shapes[low], 1 - share), (self._shapes[high], share)]
        return [(shape, weight) for shape, weight in found if weight > 0]


def _between(known: Sequence[float], lifetime: float) -> tuple[tuple[float, float], float]:
    """The neighbours of a lifetime among ascending ones, and how far it is from the first to the second.

    Beyond the ends both are the nearest.
    """
    after = int(np.searchsorted(known, lifetime))
    low, high = known[max(after - 1, 0)], known[min(after, len(known) - 1)]
    if low == high or lifetime == high:
        return (high, high), 0.0
    if low == 0:
        return (low, high), lifetime / high
    return (low, high), float(np.log(lifetime / low) / np.log(high / low))
