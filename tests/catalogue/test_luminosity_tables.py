"""Tables of luminosity and of good runs."""

from pathlib import Path

import pytest

from darkreach.catalogue.luminosity import GoodRuns, Row, RunAccount, good_runs, luminosity_table
from darkreach.errors import DarkreachError

BY_RUN = "experiment,run,luminosity_fb\n7,3,0.25\n# a comment\n\n7, 1, 1e-1\n8,1,0.5\n"
BY_STRETCH = "\ufeffexperiment,first_run,last_run,luminosity_fb,remark\n7,1,10,0.25,good\n8,1,5,0.5,\n"


def refusal(tmp_path: Path, text: str | bytes) -> str:
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(DarkreachError) as caught:
        luminosity_table(str(path), "samples.data.luminosity")
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    return str(caught.value)


def test_tables_are_read(tmp_path) -> None:
    path = tmp_path / "table.csv"
    path.write_text(BY_RUN)
    table = luminosity_table(str(path), "key")
    assert table.row_of((7, 3)) == Row(7, 3, 3, 0.25) and table.row_of((7, 1)) == Row(7, 1, 1, 0.1)
    assert table.row_of((7, 2)) is None and table.row_of((9, 1)) is None and table.row_of((7, 4)) is None
    path.write_text(BY_STRETCH)
    table = luminosity_table(str(path), "key")
    assert table.row_of((7, 1)) == table.row_of((7, 10)) == Row(7, 1, 10, 0.25)
    assert table.row_of((7, 0)) is None and table.row_of((8, 6)) is None
    assert luminosity_table(None, "key") is None and good_runs(None, "key") is None
    path.write_text("experiment,run\n7,1\n7,2\n7,4\n")
    good = good_runs(str(path), "key")
    assert [run for run in range(6) if (7, run) in good] == [1, 2, 4]
    path.write_text("experiment,first_run,last_run\n7,1,2\n7,2,4\n")
    assert good_runs(str(path), "key").covers(Row(7, 1, 4))


def test_mistakes_are_named(tmp_path) -> None:
    assert "line 3: '7,x,0.5' is not whole numbers" in refusal(tmp_path, BY_RUN[:38] + "7,x,0.5\n")
    assert "has no column 'luminosity_fb'" in refusal(tmp_path, "experiment,run\n7,1\n")
    assert "has no column 'experiment'" in refusal(tmp_path, "")
    for line in ("7,1,-1", "7,1,nan", "7,1,inf", "7,1", "7,-1,1", "7,,1"):
        assert f"line 2: '{line}'" in refusal(tmp_path, f"experiment,run,luminosity_fb\n{line}\n")
    assert "not a text file" in refusal(tmp_path, b"root\xff\xfe\xf3")
    overlap = "experiment,first_run,last_run,luminosity_fb\n7,1,10,0.2\n7,10,12,0.1\n"
    assert "runs 1 to 10 of experiment 7 and runs 10 to 12 of experiment 7" in refusal(tmp_path, overlap)
    with pytest.raises(DarkreachError, match=r"absent\.csv: cannot read this table"):
        luminosity_table("absent.csv", "samples.data.luminosity")
    with pytest.raises(DarkreachError, match=r"samples\.d\.good_runs: the last run of \[7, 5, 4"):
        good_runs([(7, 5, 4)], "samples.d.good_runs")


def test_rows_of_a_file() -> None:
    table = luminosity_table([(7, 1, 5, 0.5), (7, 6, 6, 0.1), (8, 1, 1, 0.2)], "table")
    account = RunAccount(table, GoodRuns([Row(7, 1, 5), Row(8, 1, 3)], "good"))
    assert account.rows_of("a.root", [(7, 2), (7, 3), (7, 6), (8, 1)]) == [
        Row(7, 1, 5, 0.5),
        Row(8, 1, 1, 0.2),
    ]
    assert RunAccount(None, None).rows_of("a.root", [(7, 2)]) == [Row(7, 2, 2)]
    assert RunAccount(None, None).rows_of("a.root", []) == []
    # between the first and the last one, and good
    gaps = luminosity_table([(7, run, run, 0.1) for run in range(10)], "table")
    used = [Row(7, 2, 2, 0.1), Row(7, 7, 7, 0.1)]
    good = GoodRuns([Row(7, 0, 4), Row(7, 6, 9)], "good")
    assert [row.first_run for row in RunAccount(gaps, good).uncounted(used)] == [3, 4, 6]
    assert RunAccount(None, None).uncounted([]) == []
