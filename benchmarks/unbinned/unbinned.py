"""What binning costs: the workflow's binned limits against an extended unbinned fit of the same candidates.

    OMP_NUM_THREADS=1 python benchmarks/unbinned/unbinned.py --results results --output docs/unbinned.png

Needs a finished run of the workflow; prints the numbers of docs/unbinned.md and draws its figure. Without
systematics on either side, so that only the binning differs.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from candidates import data_candidates
from likelihood import Result, SmoothPeak, Window, limits
from toys import ToyStudy, print_toys, toy_study

from darkreach.columnar.templates import Templates, read_templates
from darkreach.config.root import load_config, read_yaml
from darkreach.config.search import Systematics
from darkreach.config.stages import ScanSpec, significance_spec
from darkreach.errors import DarkreachError
from darkreach.statistics import grid
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.search_signal import SearchSignal, signal_of
from darkreach.statistics.window import FitWindow
from darkreach.statistics.workspace import fit_channels, reference_cross_section, workspace_of

SEARCH, CHANNEL, MODEL = "mumu_resonance", "all", "zprime"
WIDTHS = (0.25, 0.5, 1.0, 2.0)  # of bins, in σ_R
ONE_FINE_BIN = 1e-3  # a width below that of the templates' fine bins gives those
HYPOTHESES_PER_SIGMA = 0.2


@dataclass(frozen=True)
class Hypothesis:
    """One mass (GeV) with its fit window: the candidates (n,) in it, in GeV of m_R, and the smooth peak."""

    mass: float
    x: np.ndarray
    window: Window


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--results", type=Path, default=Path("results"))
    parser.add_argument("--config", default="config/config.yaml")
    parser.add_argument("--hypotheses", type=int, default=60)
    parser.add_argument("--toys", type=int, default=500, help="per mass and signal")
    parser.add_argument("--output", type=Path, default=Path("docs/unbinned.png"))
    args = parser.parse_args()
    try:
        run(args)
    except DarkreachError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(args: argparse.Namespace) -> None:
    """Everything, in the order in which it is printed.

    Raises:
        DarkreachError: the results are incomplete, blind, or do not belong to the configuration.
    """
    from figure import draw

    config = load_config(read_yaml(args.config), args.config)
    spec = without_systematics(significance_spec(config, SEARCH, MODEL))
    templates = read_templates(args.results / "template" / f"{SEARCH}.h5")
    x = data_candidates(config, SEARCH, args.results)
    require_same(templates, x, args.results)
    signal = signal_of(templates, spec)
    hypotheses = choose(templates, signal, spec, x, args.hypotheses)
    print(f"{len(x)} candidates, {templates.luminosity_fb:g} fb⁻¹; {len(hypotheses)} hypotheses of {MODEL}")

    unbinned = [limits(h.window, h.x, spec.scan.confidence_level) for h in hypotheses]
    binned = {
        width: binned_results(templates, signal, hypotheses, spec, width) for width in (ONE_FINE_BIN, *WIDTHS)
    }
    raw = binned_results(templates, signal, hypotheses, spec, 0.5, smooth=False)
    print_comparison(unbinned, binned, raw)
    toys = toys_at_three_masses(templates, signal, hypotheses, unbinned, spec, args.toys, config.seed)
    print_toys(toys)
    draw(args.output, np.array([h.mass for h in hypotheses]), unbinned, {w: binned[w] for w in WIDTHS})


def without_systematics(spec: ScanSpec) -> ScanSpec:
    """The same specification with the normalisation and the shape of the signal known exactly."""
    none = Systematics(rates={}, peak_position=0.0, peak_width=0.0)
    return spec.model_copy(update={"systematics": none})


def with_bins(spec: ScanSpec, width: float) -> ScanSpec:
    """The same specification with bins of `width` σ_R."""
    return spec.model_copy(update={"scan": spec.scan.model_copy(update={"bin_sigma": width})})


def require_same(templates: Templates, x: np.ndarray, results: Path) -> None:
    """The candidates must be those of the templates.

    Raises:
        DarkreachError: they are not, or the templates have no data.
    """
    data, (edges,) = templates.channels[CHANNEL].data, templates.edges.values()
    if data is None:
        raise DarkreachError(f"{results}: the search is blind, there is nothing to fit; unblind it first")
    if not np.array_equal(np.histogram(x, edges)[0], data):
        raise DarkreachError(
            f"{results}: skims and classifiers do not give the data of the templates; run the workflow again"
        )


def choose(
    templates: Templates, signal: SearchSignal, spec: ScanSpec, x: np.ndarray, count: int
) -> list[Hypothesis]:
    """`count` hypotheses, equally far apart in resolutions, whose fit windows touch no veto."""
    scan = spec.scan.model_copy(update={"step_sigma": 1 / HYPOTHESES_PER_SIGMA, "step_GeV": None})
    masses = grid.hypothesis_masses(signal, spec.model_copy(update={"scan": scan}))
    free = [m for m in masses if not _touches_veto(templates, signal, m, spec)]
    chosen = np.unique(np.linspace(0, len(free) - 1, count).round().astype(int))
    return [_hypothesis(templates, signal, free[i], spec, x) for i in chosen]


def _window(templates: Templates, signal: SearchSignal, mass: float, spec: ScanSpec) -> FitWindow:
    """The fit window, vetoes or not."""
    free = spec.model_copy(update={"vetoes": []})
    (channel,), _ = fit_channels(templates, signal, grid.Hypothesis(float(mass)), [0.0], free)
    return channel.window


def _ends(templates: Templates, signal: SearchSignal, mass: float, spec: ScanSpec) -> tuple[float, float]:
    window = _window(templates, signal, mass, spec)
    return float(signal.edges[window.starts[0]]), float(signal.edges[window.stops[-1]])


def _touches_veto(templates: Templates, signal: SearchSignal, mass: float, spec: ScanSpec) -> bool:
    low, high = _ends(templates, signal, mass, spec)
    vetoes = [signal.observable.of_mass(veto.range_GeV) for veto in spec.vetoes]
    return any(veto[0] < high and veto[1] > low for veto in vetoes)


def _hypothesis(
    templates: Templates, signal: SearchSignal, mass: float, spec: ScanSpec, x: np.ndarray
) -> Hypothesis:
    low, high = _ends(templates, signal, mass, spec)
    inside = x[(x >= low) & (x < high)]
    peak = SmoothPeak(signal.channels[CHANNEL], mass, signal.edges, low, high)
    window = Window(peak, spec.scan.background_degree, max(float(len(inside)), 1.0))
    return Hypothesis(float(mass), inside, window)


def binned_workspace(
    templates: Templates, signal: SearchSignal, hypothesis: Hypothesis, spec: ScanSpec, smooth: bool = True
) -> tuple[dict[str, Any], float, np.ndarray]:
    """The workflow's workspace, signal candidates for mu = 1, and edges (k + 1,) of its bins in GeV.

    smooth: the signal is the unbinned fit's, integrated over the bins, instead of the template itself.
    """
    tested = grid.Hypothesis(hypothesis.mass)
    channels, _ = fit_channels(templates, signal, tested, [0.0], spec)
    workspace = workspace_of(channels, signal, tested, templates.luminosity_fb, spec)
    edges = signal.edges[np.append(channels[0].window.starts, channels[0].window.stops[-1])]
    efficiency = signal.efficiencies(hypothesis.mass, 0.0)[CHANNEL]
    unit = reference_cross_section(workspace) * efficiency * templates.luminosity_fb
    if smooth:
        fractions = hypothesis.window.peak.fraction(edges)
        workspace["channels"][0]["samples"][0]["data"] = (unit * fractions).tolist()
    return workspace, unit, edges


def binned_results(
    templates: Templates,
    signal: SearchSignal,
    hypotheses: Sequence[Hypothesis],
    spec: ScanSpec,
    width: float,
    smooth: bool = True,
) -> list[Result]:
    """Results of the workflow's engine with bins of `width` σ_R, in signal candidates."""
    made = [binned_workspace(templates, signal, h, with_bins(spec, width), smooth) for h in hypotheses]
    found = upper_limits([workspace for workspace, _, _ in made], spec.scan.confidence_level)
    results = []
    for hypothesis, (_, unit, _), limit in zip(hypotheses, made, found, strict=True):
        if limit.status.startswith("failed"):
            raise DarkreachError(f"{hypothesis.mass} GeV, bins of {width} σ: {limit.status}")
        numbers = (limit.mu_hat, limit.mu_error, limit.observed, limit.expected[2])
        yield_, error, observed, expected = (unit * number for number in numbers)
        results.append(Result(yield_, error, limit.z, observed, expected))
    return results


def toys_at_three_masses(
    templates: Templates,
    signal: SearchSignal,
    hypotheses: Sequence[Hypothesis],
    unbinned: Sequence[Result],
    spec: ScanSpec,
    toys: int,
    seed: int,
) -> list[ToyStudy]:
    """Toys where the window holds the fewest, a median number and the most candidates.

    Each without signal, and with as much as the expected limit.
    """
    order = sorted(range(len(hypotheses)), key=lambda i: len(hypotheses[i].x))
    studies = []
    for i in (order[0], order[len(order) // 2], order[-1]):
        h = hypotheses[i]
        fits = {width: binned_workspace(templates, signal, h, with_bins(spec, width)) for width in WIDTHS}
        for k, true in enumerate((0.0, unbinned[i].expected)):
            rng = np.random.default_rng([seed, i, k])
            studies.append(toy_study(h.mass, h.window, h.x, true, fits, toys, rng))
    return studies


def print_comparison(
    unbinned: Sequence[Result], binned: dict[float, list[Result]], raw: Sequence[Result]
) -> None:
    """Ratios of limits and differences of fits, binned to unbinned, over all hypotheses."""
    print("\nbinned / unbinned: median [95 % of the hypotheses], mean; differences in units of the error")
    for width, results in binned.items():
        print(f"bins of {'0.25 MeV' if width == ONE_FINE_BIN else f'{width:g} σ'}")
        print(f"  expected limit   {_summary(_ratio(results, unbinned, 'expected'))}")
        print(f"  observed limit   {_summary(_ratio(results, unbinned, 'observed'))}")
        error = np.array([u.error for u in unbinned])
        shift = np.array([r.yield_ - u.yield_ for r, u in zip(results, unbinned, strict=True)]) / error
        z = np.array([r.z - u.z for r, u in zip(results, unbinned, strict=True)])
        print(f"  error            {_summary(_ratio(results, unbinned, 'error'))}")
        yields = np.array([[r.yield_ for r in results], [u.yield_ for u in unbinned]]) / error
        print(
            f"  yield difference mean {shift.mean():+.4f}, rms {np.sqrt(np.mean(shift**2)):.4f}, "
            f"largest {np.abs(shift).max():.3f}; correlation of yield/error {np.corrcoef(yields)[0, 1]:.5f}"
        )
        print(
            f"  z difference     mean {z.mean():+.4f}, rms {np.sqrt(np.mean(z**2)):.4f}, "
            f"largest {np.abs(z).max():.3f}"
        )
    ratio = _ratio(raw, binned[0.5], "expected")
    print(f"template as it is / smoothed, bins of 0.5 σ, expected limit: {_summary(ratio)}")


def _ratio(results: Sequence[Result], others: Sequence[Result], name: str) -> np.ndarray:
    return np.array([getattr(a, name) / getattr(b, name) for a, b in zip(results, others, strict=True)])


def _summary(ratio: np.ndarray) -> str:
    low, middle, high = np.percentile(ratio, [2.5, 50, 97.5])
    return f"{middle:.4f} [{low:.4f}, {high:.4f}], mean {ratio.mean():.4f}"


if __name__ == "__main__":
    sys.exit(main())
