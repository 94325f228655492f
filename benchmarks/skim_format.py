"""Which format of a skim does the histogram stage read fastest for its size?

Repeats the rows of a real skim, writes them in each format and fills the histograms from each, with the
processor of the workflow and classifiers without hidden layers:

    python benchmarks/skim_format.py SKIM.root --rows 2000000
"""

import argparse
import json
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import uproot
from coffea import processor
from coffea.nanoevents import BaseSchema

from darkreach.classifier.inference import RegionClassifier
from darkreach.classifier.network import constant_network
from darkreach.classifier.onnx_graph import onnx_bytes
from darkreach.columnar.processor import SearchProcessor
from darkreach.columnar.run import CHUNK_ROWS
from darkreach.config.root import load_config, read_yaml
from darkreach.config.stages import histogram_spec
from darkreach.searches.mumu_features import FEATURES
from darkreach.searches.skim import CLUSTER_ROWS, TREE

ROOT = Path(__file__).parents[1]


def write_root(path: Path, columns: dict[str, np.ndarray], compression, make: str) -> None:
    rows = len(columns["mass"])
    with uproot.recreate(path, compression=compression) as file:
        tree = getattr(file, make)(TREE, {name: array.dtype for name, array in columns.items()})
        for start in range(0, rows, CLUSTER_ROWS):
            tree.extend({name: array[start : start + CLUSTER_ROWS] for name, array in columns.items()})


def write_parquet(path: Path, columns: dict[str, np.ndarray]) -> None:
    floats = [name for name, array in columns.items() if array.dtype == np.float32]
    pyarrow.parquet.write_table(
        pyarrow.table(columns),
        path,
        compression="zstd",
        use_dictionary=False,
        use_byte_stream_split=floats,
        row_group_size=CLUSTER_ROWS,
    )


FORMATS = {
    "TTree zstd-5": ("root", lambda p, c: write_root(p, c, uproot.ZSTD(5), "mktree")),
    "TTree zstd-1": ("root", lambda p, c: write_root(p, c, uproot.ZSTD(1), "mktree")),
    "TTree lz4-4": ("root", lambda p, c: write_root(p, c, uproot.LZ4(4), "mktree")),
    "TTree none": ("root", lambda p, c: write_root(p, c, None, "mktree")),
    "RNTuple zstd-5": ("root", lambda p, c: write_root(p, c, uproot.ZSTD(5), "mkrntuple")),
    "RNTuple lz4-4": ("root", lambda p, c: write_root(p, c, uproot.LZ4(4), "mkrntuple")),
    "Parquet zstd BSS": ("parquet", write_parquet),
}


def search_processor() -> SearchProcessor:
    os.chdir(ROOT)  # the configuration names its files from there
    config = load_config(read_yaml("config/config.yaml"), "config/config.yaml")
    search = config.searches["mumu_resonance"]
    spec = histogram_spec(config, "mumu_resonance", "mumu_data")
    model = onnx_bytes([constant_network(len(FEATURES))] * 3, len(FEATURES), {"darkreach": json.dumps({})})
    classifiers = [RegionClassifier(r.name, FEATURES, 3, 0.5, model) for r in search.regions]
    return SearchProcessor(spec, "background", [], classifiers)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def read_columns(path: Path, kind: str) -> None:
    """Only the reading of the four columns that are always needed."""
    names = ["mass", "reduced_mass", "weight", "event"]
    if kind == "parquet":
        pyarrow.parquet.read_table(path, columns=names)
    else:
        with uproot.open(path) as file:
            file[TREE].arrays(names, library="np")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("skim", type=Path)
    parser.add_argument("--rows", type=int, default=2_000_000)
    args = parser.parse_args()
    with uproot.open(args.skim.absolute()) as file:
        few = file[TREE].arrays(library="np")
    repeats = -(-args.rows // len(few["mass"]))
    rng = np.random.default_rng(1)
    columns = {}
    for name, array in few.items():
        many = np.tile(array, repeats)[: args.rows]
        if array.dtype == np.float32:  # repeated values would compress better than real ones
            many = (many * (1 + 1e-4 * rng.normal(size=len(many)))).astype(np.float32)
        columns[name] = many
    columns["event"] = np.arange(args.rows, dtype=np.int64) // 4
    print(f"{args.rows} rows, {len(columns)} columns, CPU seconds, Mrow per CPU second")
    print(f"{'format':>18} {'MB':>7} {'write':>7} {'read 4':>7} {'histogram':>10} {'Mrow/s':>7}")
    with tempfile.TemporaryDirectory() as folder:
        for name, (kind, write) in FORMATS.items():
            path = Path(folder) / f"skim.{kind}"
            start = cpu_seconds()
            write(path, columns)
            written = cpu_seconds() - start
            start = cpu_seconds()
            read_columns(path, kind)
            read = cpu_seconds() - start
            runner = processor.Runner(
                processor.IterativeExecutor(compression=None, status=False),
                chunksize=CHUNK_ROWS,
                align_clusters=kind == "root",
                schema=BaseSchema,
                format=kind,
            )
            times = []
            for _ in range(2):
                start = time.process_time()
                result = runner({"skim": [str(path)]}, search_processor(), treename=TREE)
                times.append(time.process_time() - start)
            assert result["rows"] == args.rows
            size = os.path.getsize(path) / 1e6
            print(
                f"{name:>18} {size:7.1f} {written:7.2f} {read:7.2f} {min(times):10.2f} "
                f"{args.rows / min(times) / 1e6:7.2f}",
                flush=True,
            )
            path.unlink()


if __name__ == "__main__":
    main()
