import numpy as np
import pytest

from darkreach.classifier.folds import CANDIDATE, EVENT, _mixed, event_folds, identity_hash


def identities(events=20_000):
    return {
        "experiment": np.full(events, 26),
        "run": np.repeat(np.arange(events // 100), 100),
        "event": np.tile(np.arange(100), events // 100),
        "production": np.zeros(events, dtype=np.int64),
        "candidate": np.zeros(events, dtype=np.int32),
        "source": np.zeros(events, dtype=np.int64),
    }


def test_mixing_function_is_splitmix64():
    # first outputs of the published generator with seed 0
    step = np.uint64(0x9E3779B97F4A7C15)
    seeds = np.array([0, step, (2 * int(step)) % 2**64], dtype=np.uint64)
    expected = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    assert [int(value) for value in _mixed(seeds)] == expected


def test_folds_are_equally_likely_and_independent_of_neighbours():
    for folds in (2, 3, 5):
        fold = event_folds(identities(), folds)
        counts = np.bincount(fold, minlength=folds)
        assert len(counts) == folds
        assert ((counts - 20_000 / folds) ** 2 / (20_000 / folds)).sum() < 20
        assert abs(np.corrcoef(fold[1:], fold[:-1])[0, 1]) < 0.03


def test_candidates_of_an_event_share_its_fold_but_not_their_place():
    first = identities(1000)
    second = first | {"candidate": np.ones(1000, dtype=np.int32)}
    np.testing.assert_array_equal(event_folds(first, 3), event_folds(second, 3))
    assert (identity_hash(first, CANDIDATE) != identity_hash(second, CANDIDATE)).all()


def test_events_drawn_from_one_share_its_fold():
    """In whatever run they are; one drawn from another event of the block does so half of the time."""
    source = np.random.default_rng(1).integers(1, 400, 20_000)
    fold = event_folds(identities() | {"source": source}, 2)
    of_source = np.zeros(400, dtype=int)
    of_source[source] = fold
    np.testing.assert_array_equal(fold, of_source[source])
    assert of_source.mean() == pytest.approx(0.5, abs=0.1)


def test_type_of_column_does_not_matter_but_every_column_does():
    first = identities(1000)
    as_int32 = {name: array.astype(np.int32) for name, array in first.items()}
    np.testing.assert_array_equal(identity_hash(first, EVENT), identity_hash(as_int32, EVENT))
    for name in EVENT:
        changed = first | {name: first[name] + 1}
        assert (identity_hash(first, EVENT) != identity_hash(changed, EVENT)).all()
