"""What one more block costs beside a hundred: CPU time of everything up to the templates, scans apart.

    python benchmarks/increments/one_more_block.py --blocks 100 --work FOLDER

The blocks are 1 fb⁻¹ of stand-in data for tautau_recoil, simulated once and written again with runs of
their own. Classifiers and simulated samples are made before the clock starts.
"""

import argparse
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import uproot
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]
CONFIG = "config/test/tautau_recoil.yaml"
TARGET = "results/template/tautau_recoil.h5"
RUNS = 10  # of one block


def snakemake(folder: Path, *targets: str) -> float:
    """Run Snakemake; returns the CPU seconds of it and all its jobs."""
    command = [sys.executable, "-m", "snakemake", *targets, "--snakefile", REPOSITORY / "Snakefile"]
    command += ["--cores", "2", "--configfile", CONFIG, "--quiet", "all"]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stdout[-3000:] + done.stderr[-3000:])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def write_block(source: dict, number: int, folder: Path) -> None:
    """The rows of `source` as the data of other runs."""
    columns = dict(source)
    columns["__run__"] = (source["__run__"] + RUNS * number).astype(source["__run__"].dtype)
    with uproot.recreate(folder / f"mine/{number:04d}.root", compression=uproot.ZSTD(1)) as file:
        file.mktree("variables", {name: array.dtype for name, array in columns.items()}).extend(columns)


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--blocks", type=int, default=100)
    parser.add_argument("--work", type=Path, required=True, help="a folder that does not exist yet")
    args = parser.parse_args()
    folder = args.work
    shutil.copytree(REPOSITORY / "config", folder / "config")
    config = yaml.safe_load((folder / CONFIG).read_text())
    (name,) = (name for name, sample in config["samples"].items() if sample["kind"] == "data")
    simulated = config["samples"][name]
    simulated["blocks"] = {"b": {"luminosity_fb": 1.0, "runs": [1, RUNS]}}
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    snakemake(folder, TARGET)
    with uproot.open(folder / f"results/ntuples/{name}/b.root") as file:
        source = file["variables"].arrays(library="np")
    (folder / "mine").mkdir()
    for number in range(args.blocks):
        write_block(source, number, folder)
    config["samples"][name] = {
        "kind": "data",
        "searches": simulated.get("searches", []),
        "files": ["mine/"],
        "luminosity": [
            [int(source["__experiment__"][0]), RUNS * n + 1, RUNS * (n + 1), 1.0]
            for n in range(args.blocks + 1)
        ],
    }
    (search,) = config["searches"]
    config["searches"][search]["unblind"] = {
        "who": "benchmark",
        "when": "2026-01-01",
        "why": "simulated data",
    }
    (folder / CONFIG).write_text(yaml.safe_dump(config))
    start = time.monotonic()
    everything = snakemake(folder, TARGET)
    print(f"{args.blocks} blocks: {everything:8.1f} s CPU, {time.monotonic() - start:.1f} s wall", flush=True)
    write_block(source, args.blocks, folder)
    start = time.monotonic()
    one_more = snakemake(folder, TARGET)
    print(f"one more:   {one_more:8.1f} s CPU, {time.monotonic() - start:.1f} s wall")
    print(f"ratio       {100 * one_more / everything:8.2f} %")


if __name__ == "__main__":
    main()
