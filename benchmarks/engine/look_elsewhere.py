"""Cost and accuracy of the global p-value of a scan.

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/engine/look_elsewhere.py --hypotheses 2300 --toys 1000
    --full 64

Toys with full fits of the largest excesses only (the product) against toys with full fits of every
hypothesis.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "statistics" / "engine"))

from varied_workspaces import mass_scan

from darkreach.statistics.engine.look_elsewhere import CorrelatedScan, ScanToys, global_significance


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hypotheses", type=int, default=2300)
    parser.add_argument("--events", type=float, default=1000.0, help="background in a window")
    parser.add_argument("--toys", type=int, default=1000)
    parser.add_argument("--full", type=int, default=64, help="toys with full fits of every hypothesis")
    args = parser.parse_args()
    begin = time.process_time()
    scan = CorrelatedScan(*mass_scan(args.hypotheses, args.events))
    print(f"{args.hypotheses} hypotheses, set-up {time.process_time() - begin:.1f} CPU s", flush=True)

    begin = time.process_time()
    toys = scan.run(args.toys, seed=1)
    each = (time.process_time() - begin) / args.toys
    print(
        f"{1e3 * each:.1f} CPU ms per toy of the whole scan: 10,000 toys in {1e4 * each:.0f} CPU s",
        flush=True,
    )
    by_score = ScanToys(toys.seeds, toys.hypotheses, toys.score, toys.score, toys.crossings)
    for z in (3.5, 4.0, 4.5):
        fitted, score = global_significance(z, toys), global_significance(z, by_score)
        print(
            f"local {z}: global p {fitted.p:.4f} ± {fitted.p_error:.4f} (largest excesses fitted), "
            f"{score.p:.4f} ± {score.p_error:.4f} (score test alone), "
            f"{fitted.p_crossings:.4f} ± {fitted.p_crossings_error:.4f} (up-crossings)"
        )
    if not args.full:
        return
    begin = time.process_time()
    every = scan.run(args.full, seed=1, refits=args.hypotheses)
    each = (time.process_time() - begin) / args.full
    again = scan.run(args.full, seed=1)
    missed = np.mean(again.fitted < every.fitted - 1e-6)
    shift = every.score - every.fitted
    print(
        f"full fits of every hypothesis: {each:.2f} CPU s per toy ({args.full} toys)\n"
        f"largest Z of the score test minus that of full fits: "
        f"mean {shift.mean():+.3f}, rms {shift.std():.3f}\n"
        f"toys in which fitting only the largest excesses misses the largest: {missed:.1%}, "
        f"mean loss {np.mean(every.fitted - again.fitted):.4f}"
    )


if __name__ == "__main__":
    main()
