"""Limits of the engine against pyhf for a seeded set of varied workspaces (default 207; half an hour of CPU).

    OMP_NUM_THREADS=1 nice -n 10 python benchmarks/engine/agreement.py --count 207

Prints one line per workspace and the worst of each kind at the end; exit status 1 beyond the tolerance of
0.5 %.
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "statistics" / "engine"))

from varied_workspaces import varied

from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.referee import TOLERANCE, referee


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=207)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    set_of_all = [varied(args.seed, index) for index in range(args.count)]
    limits = upper_limits([spec for _, spec in set_of_all])
    worst: dict[str, float] = {}
    disagreements = 0
    for index, ((kind, spec), limit) in enumerate(zip(set_of_all, limits, strict=True)):
        begin = time.process_time()
        comparisons = referee([spec], [limit], sample=1, seed=0).comparisons
        cpu = time.process_time() - begin
        if not comparisons:
            print(f"{index:4d} {kind:12s} {limit.status}", flush=True)
            disagreements += 1
            continue
        found = comparisons[0]
        disagreements += not found.difference <= TOLERANCE
        worst[kind] = max(worst.get(kind, 0.0), found.difference)
        print(
            f"{index:4d} {kind:12s} {found.difference:.1e} {found.verdict} (pyhf {cpu:.1f} CPU s)", flush=True
        )
    print("\nlargest relative difference of the six limits, by kind:")
    for kind, difference in worst.items():
        print(f"  {kind:12s} {difference:.1e}")
    print(f"{disagreements} of {args.count} disagree")
    return int(disagreements > 0)


if __name__ == "__main__":
    sys.exit(main())
