"""CPU seconds per hypothesis (observed and five expected limits), ours and pyhf's, on the same workspaces
in one run.

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/engine/speed.py --pyhf 3 --staterror 1

50 bins, 9 parameters (signal, 3 background norms, 3 normsys, 2 histosys); with `staterror` 50 more. Pyhf
runs with its default tolerance, the numpy backend, scipy and minuit, and a root search that starts around
the limit, which is kind to it.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "statistics" / "engine"))

import pyhf
from pyhf.infer.intervals.upper_limits import toms748_scan
from varied_workspaces import counting, scan_window

from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.toys import run_toys


def cpu(call: Callable[[], object]) -> float:
    begin = time.process_time()
    call()
    return time.process_time() - begin


def pyhf_cpu(spec: dict, ours: float, optimizer: object) -> float:
    pyhf.set_backend("numpy", optimizer)
    workspace = pyhf.Workspace(spec)

    def limit() -> None:
        model = workspace.model()
        bounds = model.config.suggested_bounds()
        bounds[model.config.poi_index] = (0.0, 1e3 * ours)
        toms748_scan(
            workspace.data(model), model, 0.2 * ours, 4.0 * ours, level=0.1, rtol=1e-3, par_bounds=bounds
        )

    return cpu(limit)


def compare(label: str, events: float, staterror: bool, number: int, references: int) -> None:
    rng = np.random.default_rng(1)
    specs = [scan_window(rng, events, staterror=staterror) for _ in range(number)]
    upper_limits(specs[:10])  # warm up
    begin = time.process_time()
    limits = upper_limits(specs)
    ours = (time.process_time() - begin) / number
    failed = sum(limit.status.startswith("failed") for limit in limits)
    print(f"{label}: {1e3 * ours:.2f} CPU ms per hypothesis ({number} of them, {failed} failed)", flush=True)
    for name, optimizer in (
        ("scipy", pyhf.optimize.scipy_optimizer()),
        ("minuit", pyhf.optimize.minuit_optimizer()),
    ):
        if references:
            times = [pyhf_cpu(specs[i], limits[i].expected[2], optimizer) for i in range(references)]
            theirs = float(np.median(times))
            print(f"  pyhf numpy + {name}: {theirs:.1f} CPU s, ratio {theirs / ours:,.0f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--number", type=int, default=2300, help="hypotheses of the scan")
    parser.add_argument("--pyhf", type=int, default=3, help="pyhf hypotheses without staterror")
    parser.add_argument("--staterror", type=int, default=1, help="pyhf hypotheses with staterror")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    compare("1000 events", 1000.0, False, args.number, args.pyhf)
    compare("20 events", 20.0, False, args.number, args.pyhf)
    compare("1000 events, 50 staterror", 1000.0, True, args.number, args.staterror)
    toys = 2000
    for label, spec, mu in (
        ("counting experiment", counting(np.random.default_rng(0), 3.0, 1.0, 5), 5.0),
        ("50-bin window, 20 events", scan_window(np.random.default_rng(0), 20.0), 1.5),
        ("50-bin window, 50 staterror", scan_window(np.random.default_rng(0), 1000.0, staterror=True), 1.5),
    ):
        seconds = cpu(lambda spec=spec, mu=mu: run_toys(spec, np.array([mu]), toys, 1))
        print(f"toys, {label}: {2 * toys / seconds:,.0f} test statistics per CPU s")


if __name__ == "__main__":
    main()
