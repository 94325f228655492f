"""Running the processor over a skim: in this process, in a pool of processes, or on Dask."""

import contextlib
import io
import logging
import math
import os
import tempfile
from collections.abc import Iterator
from typing import Any, Literal

from coffea import processor
from coffea.nanoevents import BaseSchema

from darkreach.columnar.processor import SearchProcessor
from darkreach.errors import DarkreachError
from darkreach.ntuple.reading import open_ntuple
from darkreach.searches.skim import TREE

CHUNK_ROWS = 500_000  # two clusters of a skim: smaller chunks spend their time opening files

Executor = Literal["dask", "futures", "iterative"]


def run_processor(
    search_processor: SearchProcessor, skim: str | os.PathLike, rows: int, executor: Executor, workers: int
) -> dict[str, Any]:
    """Process all rows of a skim; the result is that of SearchProcessor, whatever the executor.

    rows: that the skim has according to its record. No more workers are started than there are chunks.

    Raises:
        DarkreachError: the skim is missing or damaged, or not all of its rows were processed.
    """
    skim = os.fspath(skim)
    with open_ntuple(skim, TREE) as ntuple:
        _check_rows(skim, ntuple.entries, rows)
    if not rows:
        return search_processor.empty()
    workers = min(workers, math.ceil(rows / CHUNK_ROWS))
    with _executor(executor, workers) as coffea_executor:
        runner = processor.Runner(
            coffea_executor,
            pre_executor=processor.IterativeExecutor(compression=None, status=False),
            chunksize=CHUNK_ROWS,
            align_clusters=True,
            skipbadfiles=False,
            schema=BaseSchema,
        )
        # some executors draw a progress bar even when they are told not to
        with contextlib.redirect_stdout(io.StringIO()):
            result = runner({"skim": [skim]}, search_processor, treename=TREE)
    _check_rows(skim, result["rows"], rows)
    return result


def _check_rows(skim: str, found: int, expected: int) -> None:
    if found != expected:
        raise DarkreachError(
            f"{skim}: {found} of {expected} candidates were read; run the skim stage again for this block"
        )


@contextlib.contextmanager
def _executor(name: Executor, workers: int) -> Iterator[processor.executor.ExecutorBase]:
    if name == "iterative":
        yield processor.IterativeExecutor(compression=None, status=False)
    elif name == "futures":
        import loky

        with loky.ProcessPoolExecutor(max_workers=workers) as pool:
            yield processor.FuturesExecutor(pool=pool, workers=workers, compression=None, status=False)
    else:
        with _dask_client(workers) as client:
            yield processor.DaskExecutor(client=client, compression=None, status=False)


@contextlib.contextmanager
def _dask_client(workers: int) -> Iterator[Any]:
    """A cluster on this machine; a single worker lives in this process, which saves starting another.

    A worker that dies is replaced, and its chunks are processed again.
    """
    from dask.distributed import Client, LocalCluster

    with (
        tempfile.TemporaryDirectory(prefix="darkreach-") as scratch,
        LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=workers > 1,
            dashboard_address=None,
            local_directory=scratch,
            silence_logs=logging.ERROR,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client
