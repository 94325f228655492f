"""What the skim does with files that it cannot read."""

from pathlib import Path

import numpy as np
import pytest
import uproot
from blocks import background_rows, manifest_of, search, skim_spec, write_ntuple

from darkreach.catalogue.account import compare_read
from darkreach.catalogue.manifest import Manifest
from darkreach.errors import DarkreachError, UnreadableFile
from darkreach.ntuple.chunks import read_chunks
from darkreach.searches import skim_variables
from darkreach.searches.skim import SkimRecord, record_path, skim_block


def block_of(paths):
    return manifest_of(paths, "fourmuon", cross_section_fb=351.2, generated_events=1000)


def with_runs(manifest, rows_of_runs):
    """The manifest with the entries of each run in its files, as the catalogue writes it."""
    files = [
        file.model_copy(update={"runs": [(26, run, rows) for run, rows in runs]})
        for file, runs in zip(manifest.files, rows_of_runs, strict=True)
    ]
    return manifest.model_copy(update={"files": files})


@pytest.fixture
def three(tmp_path, monkeypatch):
    """Paths of three files, read in several chunks, of runs 1, 2 and 3; the middle one is to be spoilt."""
    monkeypatch.setattr(skim_variables, "CHUNK_ROWS", 120)
    rng = np.random.default_rng(1)
    return [
        write_ntuple(
            tmp_path / f"{name}.root",
            *(background_rows(40, rng, run=run, production=part) for part in range(3)),
        )
        for run, name in enumerate(("1_first", "2_middle", "3_last"), start=1)
    ]


def read(path):
    with uproot.open(path) as file:
        branches = file["skim"].branches
        return {branch.name: (branch.typename, branch.array(library="np")) for branch in branches}


def assert_same_rows(one, other):
    one, other = read(one), read(other)
    assert list(one) == list(other)
    for name, (kind, values) in one.items():
        assert kind == other[name][0]
        assert values.tobytes() == other[name][1].tobytes(), name


def damage_last_basket(path):
    """Overwrite a piece of the last basket of one column; the file opens and its first rows are good."""
    with uproot.open(path) as file:
        branch = file["variables"]["d0_d0_px"]
        assert branch.num_baskets == 3
        place = int(branch.member("fBasketSeek")[2])
        size = int(branch.member("fBasketBytes")[2])
    with open(path, "r+b") as file:
        file.seek(place + size // 2)
        file.write(bytes(64))


def truncate(path):
    with open(path, "r+b") as file:
        file.truncate(file.seek(0, 2) // 2)


def delete(path):
    Path(path).unlink()


def replace(path):
    write_ntuple(path, background_rows(100, np.random.default_rng(2)))


def replace_by_something_else(path):
    with uproot.recreate(path) as file:
        file.mktree("other", {"x": np.float64})


@pytest.mark.parametrize(
    ("spoil", "reason", "passes"),
    [
        (damage_last_basket, "could not be read (", 2),
        (truncate, "truncated", 1),
        (delete, "cannot open the file", 1),
        (replace, "changed since it was catalogued", 1),
        (replace_by_something_else, "changed since it was catalogued", 1),
    ],
)
def test_a_block_without_its_unreadable_file_is_the_block_of_the_others(
    three, tmp_path, root, capsys, spoil, reason, passes
):
    spec = skim_spec(search(root))
    manifest = block_of(three)
    good = block_of([three[0], three[2]])
    spoil(three[1])
    expected = skim_block(spec, good, tmp_path / "good.root")
    capsys.readouterr()

    record = skim_block(spec, manifest, tmp_path / "out.root", attempt=3)
    assert_same_rows(tmp_path / "out.root", tmp_path / "good.root")
    assert record.cutflow == expected.cutflow
    assert record.rows == expected.rows > 0
    assert [record.files[0], record.files[2]] == expected.files
    unread = record.files[1]
    assert (unread.path, unread.uuid) == (three[1], manifest.files[1].uuid)
    assert (unread.entries, unread.runs) == (0, [])
    assert unread.unread.startswith(f"{three[1]}: ") and "\n" not in unread.unread
    assert reason in unread.unread
    assert record.attempt == 3
    assert SkimRecord.read(record_path(tmp_path / "out.root")) == record

    (missing,) = compare_read(manifest, record.files)
    assert (missing.path, missing.entries) == (three[1], manifest.files[1].entries)
    said = capsys.readouterr().err
    assert said.count(f"FILE NOT READ: {three[1]}") == 1
    assert said.count(f": {three[0]}\n") == passes  # only rows that were already used need a second pass
    assert not list(tmp_path.glob(".*"))


def test_damage_behind_the_first_chunk_is_met(three):
    """The damaged file of the test above: it gives rows before it fails."""
    damage_last_basket(three[1])
    chunks = read_chunks(three[1], None, ["d0_d0_px"], step=120)
    assert len(next(chunks)["d0_d0_px"]) > 40
    with pytest.raises(UnreadableFile, match=r"middle\.root: could not be read"):
        list(chunks)


def test_two_bad_files_and_one_that_the_catalogue_knows_to_be_bad(three, tmp_path, root):
    manifest = block_of(three)
    known = manifest.files[0].model_copy(update={"unreadable": "1_first.root: gone since July"})
    manifest = manifest.model_copy(update={"files": [known, *manifest.files[1:]]})
    damage_last_basket(three[1])
    record = skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    alone = skim_block(skim_spec(search(root)), block_of(three[2:]), tmp_path / "alone.root")
    assert_same_rows(tmp_path / "out.root", tmp_path / "alone.root")
    assert record.cutflow == alone.cutflow
    assert record.files[0].unread == "1_first.root: gone since July"
    assert record.files[1].unread and not record.files[2].unread


@pytest.mark.parametrize("kind", ["background", "signal"])
def test_a_block_of_which_nothing_can_be_read_gives_an_empty_skim(three, tmp_path, root, kind):
    whole = block_of(three)
    skim_block(skim_spec(search(root)), whole, tmp_path / "whole.root")
    manifest = manifest_of(three, "x", kind=kind, generated_events=10, cross_section_fb=1.0, mass_GeV=2.0)
    for path in three:
        delete(path)
    record = skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    assert record.rows == 0 and all(file.unread for file in record.files)
    columns = read(tmp_path / "out.root")
    assert all(len(values) == 0 for _, values in columns.values())
    truth = {"true_mass", "true_proper_length"} if kind == "signal" else set()
    assert set(columns) == set(read(tmp_path / "whole.root")) | truth
    for name, (kind_of_column, _) in read(tmp_path / "whole.root").items():
        assert columns[name][0] == kind_of_column


def test_a_mistake_of_the_configuration_is_no_unreadable_file(three, tmp_path, root):
    manifest = block_of(three)
    with pytest.raises(DarkreachError, match="has no branch 'noSuchTracks'"):
        skim_block(skim_spec(search(root), {"nTracks": "noSuchTracks"}), manifest, tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists() and not list(tmp_path.glob(".*"))


def test_other_runs_or_entries_than_the_catalogue_lists_mean_a_changed_file(three, tmp_path, root):
    manifest = block_of(three)
    rows = [file.entries for file in manifest.files]
    right = with_runs(manifest, [[(1, rows[0])], [(2, rows[1])], [(3, rows[2])]])
    assert not any(f.unread for f in skim_block(skim_spec(search(root)), right, tmp_path / "r.root").files)

    wrong = with_runs(manifest, [[(1, rows[0])], [(2, rows[1] - 1), (4, 1)], [(3, rows[2])]])
    record = skim_block(skim_spec(search(root)), wrong, tmp_path / "out.root")
    assert "2_middle.root: has other runs than" in record.files[1].unread
    skim_block(skim_spec(search(root)), block_of([three[0], three[2]]), tmp_path / "good.root")
    assert_same_rows(tmp_path / "out.root", tmp_path / "good.root")

    longer = manifest.files[1].model_copy(update={"entries": rows[1] + 1})
    values = manifest.model_dump() | {"entries": manifest.entries + 1}
    values["files"][1] = longer.model_dump()
    record = skim_block(skim_spec(search(root)), Manifest.model_validate(values), tmp_path / "out.root")
    assert f"has {rows[1]} entries, when it was catalogued {rows[1] + 1}" in record.files[1].unread


def test_runs_that_are_not_good_are_dropped_before_anything_else(tmp_path, root):
    rng = np.random.default_rng(3)
    parts = {run: background_rows(60, rng, run=run) for run in (1, 2, 3)}
    parts[2]["nTracks"][:] = np.nan  # no reason to refuse what is not used
    rows = {run: len(part["nTracks"]) for run, part in parts.items()}
    path = write_ntuple(tmp_path / "all.root", *parts.values())
    manifest = block_of([path]).model_copy(update={"runs": [(26, 1), (26, 3)], "dropped_runs": [(26, 2)]})
    record = skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")

    good = write_ntuple(tmp_path / "good.root", parts[1], parts[3])
    expected = skim_block(skim_spec(search(root)), block_of([good]), tmp_path / "expected.root")
    assert_same_rows(tmp_path / "out.root", tmp_path / "expected.root")
    steps = {step["cut"]: step for step in record.cutflow}
    assert [step["cut"] for step in record.cutflow][:3] == ["all", "good runs", "defined"]
    assert steps["all"]["rows"] == sum(rows.values())
    assert steps["good runs"]["rows"] == rows[1] + rows[3]
    assert record.cutflow[2:] == expected.cutflow[1:]
    assert "good runs" not in {step["cut"] for step in expected.cutflow}
    # the account has all that was read, dropped or not
    assert record.files[0].runs == [(26, run, rows[run]) for run in (1, 2, 3)]
    assert record.files[0].entries == manifest.entries
