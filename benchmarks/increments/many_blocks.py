"""How long Snakemake thinks about thousands of blocks: the first catalogue, the graph of jobs, nothing new.

    python benchmarks/increments/many_blocks.py --blocks 5000 --work FOLDER

Every block is a tiny ntuple. The jobs themselves are not run: a shell function stands in for `python` and
makes empty outputs, so that Snakemake's own records are those of a finished run.
"""

import argparse
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import uproot
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = "config/test/incremental.yaml"
TARGET = "results/template/mumu_resonance.h5"
# makes the files behind the options that name outputs, and those that lie beside them
STAND_IN = """() {
  while [ $# -gt 0 ]; do
    case "$1" in
      --output|--account|--card)
        mkdir -p "$(dirname "$2")"; echo '{"attempt": 0, "files": []}' > "${2%.*}.json"; : > "$2" ;;
    esac
    shift
  done
}"""


def make_project(folder: Path, blocks: int) -> None:
    """A working directory with one file of a few rows per block, each of a run of its own."""
    shutil.copytree(REPOSITORY / "config", folder / "config")
    (folder / "mine").mkdir()
    for run in range(1, blocks + 1):
        columns = {
            "__experiment__": np.full(2, 26, np.int32),
            "__run__": np.full(2, run, np.int32),
            "__event__": np.arange(1, 3, dtype=np.uint32),
        }
        with uproot.recreate(folder / f"mine/{run:05d}.root") as file:
            file.mktree("variables", {name: array.dtype for name, array in columns.items()}).extend(columns)
    config = yaml.safe_load((folder / CONFIG).read_text())
    config["samples"]["mumu_data"] |= {
        "luminosity": [[26, run, run, 0.1] for run in range(1, blocks + 1)],
        "block_luminosity_fb": 0.1,
    }
    (folder / CONFIG).write_text(yaml.safe_dump(config))


def snakemake(folder: Path, title: str, *options: str, stand_in: bool = False) -> None:
    """Run Snakemake and print its wall time, its CPU time and the largest memory of one of its processes."""
    command = [sys.executable, "-m", "snakemake", *options, "--snakefile", REPOSITORY / "Snakefile"]
    command += ["--cores", "2", "--configfile", CONFIG, "--quiet", "all"]
    environment = {**os.environ, **({"BASH_FUNC_python%%": STAND_IN} if stand_in else {})}
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env=environment)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{title:45s} {wall:8.1f} s wall {cpu:8.1f} s CPU, up to {after.ru_maxrss / 1024:6.0f} MB", flush=True
    )


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--blocks", type=int, default=5000)
    parser.add_argument("--work", type=Path, required=True, help="a folder that does not exist yet")
    args = parser.parse_args()
    make_project(args.work, args.blocks)
    snakemake(args.work, "first time: catalogue and graph of jobs", "--dry-run", TARGET)
    snakemake(args.work, "graph of jobs", "--dry-run", TARGET)
    snakemake(args.work, "all jobs, made of nothing", TARGET, stand_in=True)
    snakemake(args.work, "nothing new", TARGET)


if __name__ == "__main__":
    main()
