"""However files arrive, each is in one block and the luminosity is that of a catalogue made at once."""

import math
import shutil
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest


def random_files(generator: np.random.Generator) -> dict[str, dict[tuple[int, int], range]]:
    """Files of one to three runs, some of which share a run with others; never an event twice."""
    events, files = Counter(), {}
    for n in range(12):
        content = {}
        for run in {int(run) for run in generator.integers(1, 25, size=generator.integers(1, 4))}:
            count = int(generator.integers(1, 6))
            content[7, run] = range(events[run], events[run] + count)
            events[run] += count
        files[f"data/{n}.root"] = content
    return files


def random_table(generator: np.random.Generator) -> list[list]:
    """Rows of one to four runs that cover runs 1 to 24."""
    firsts = [1]
    while firsts[-1] < 25:
        firsts.append(firsts[-1] + int(generator.integers(1, 5)))
    return [[7, first, end - 1, float(generator.uniform(0.05, 0.8))] for first, end in pairwise(firsts)]


def summary(catalogue):
    """All files with their entries, all rows of luminosity, and their sum."""
    blocks = catalogue.manifests().values()
    files = sorted((file.path, file.uuid, file.entries) for block in blocks for file in block.files)
    rows = sorted(
        (row.first_run, row.last_run, row.luminosity_fb) for block in blocks for row in block.stretches
    )
    for block in blocks:
        assert block.luminosity_fb == math.fsum(row.luminosity_fb for row in block.stretches)
    assert len({path for path, _, _ in files}) == len(files) and len(set(rows)) == len(rows)
    return files, rows, math.fsum(row[2] for row in rows)


@pytest.mark.parametrize("seed", range(6))
def test_any_order_of_arrival(catalogue, seed) -> None:
    generator = np.random.default_rng(seed)
    files = random_files(generator)
    catalogue.data(luminosity=random_table(generator))
    for name in generator.permutation(sorted(files)):
        catalogue.write(name, files[name])
        if generator.random() < 0.6:
            before = catalogue.content()
            catalogue.update()
            after = catalogue.content()
            # what keeps its content is not written again
            assert all(
                before[p] == after[p] for p in before.keys() & after.keys() if before[p][0] == after[p][0]
            )
    catalogue.update()
    grown = summary(catalogue)
    assert len(grown[0]) == len(files)
    shutil.rmtree(catalogue.output)
    catalogue.update()
    assert summary(catalogue) == grown


def test_order_of_listing_does_not_matter(catalogue, tmp_path, monkeypatch) -> None:
    generator = np.random.default_rng(7)
    files = random_files(generator)
    for name, events in files.items():
        catalogue.write(name, events)
    table = random_table(generator)
    contents = []
    for order in (sorted(files), sorted(files)[::-1]):
        catalogue.data(files=[str(tmp_path / name) for name in order], luminosity=table)
        shutil.rmtree(catalogue.output, ignore_errors=True)
        catalogue.update()
        contents.append({name: content for name, (content, _) in catalogue.content().items()})
    assert contents[0] == contents[1]
