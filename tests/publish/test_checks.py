"""What the checks of a limit table say, and how loudly."""

import json

import pytest

from darkreach.errors import DarkreachError
from darkreach.publish.checks import write_checks
from darkreach.statistics.scan_result import read_scan


def test_chunks_come_together_in_order(write_scan, make_rows, make_spec):
    paths, _, _ = write_scan()
    scan = read_scan(paths[::-1], make_spec())
    assert [row["chunk"] for row in scan.rows[:3]] == ["a", "b", "a"]
    assert [{k: v for k, v in row.items() if k != "chunk"} for row in scan.rows] == make_rows()
    assert scan.luminosity_fb == 178.0
    assert [entry["mass_GeV"] for entry in scan.referee] == [0.212, 0.25]
    assert list(scan.specs) == ["a", "b"]


def test_missing_double_and_foreign_chunks_are_refused(write_scan, make_spec):
    paths, _, _ = write_scan()
    with pytest.raises(DarkreachError, match=r"chunk b is missing"):
        read_scan(paths[:1], make_spec())
    with pytest.raises(DarkreachError, match=r"are both chunk a"):
        read_scan([paths[0], paths[0]], make_spec())
    with pytest.raises(DarkreachError, match=r"b\.json: chunk b is not of this scan"):
        read_scan(paths, make_spec(chunks=["a"]))
    with pytest.raises(DarkreachError, match=r"'confidence_level' is 0.9, not 0.95"):
        read_scan(paths, make_spec(confidence_level=0.95))
    with pytest.raises(DarkreachError, match=r"'model' is 'zprime', not 'muonphilic_scalar'"):
        read_scan(paths, make_spec(model="muonphilic_scalar"))
    paths[1].write_text(json.dumps(json.loads(paths[1].read_text()) | {"luminosity_fb": 100.0}))
    with pytest.raises(DarkreachError, match=r"different luminosities, \[100.0, 178.0\]"):
        read_scan(paths, make_spec())
    paths[1].write_text("{")
    with pytest.raises(DarkreachError, match=r"b\.json: not a chunk of a scan"):
        read_scan(paths, make_spec())


def test_a_disagreement_with_pyhf_is_said_loudly(write_scan, make_spec, make_referee, tmp_path, capsys):
    referee = make_referee(
        (1.0, 0.02, "free fit: the engine is lower by 0.1"),
        (2.0, None, "pyhf fails: ValueError"),
        (3.0, 0.001, "agree"),
    )
    paths, _, _ = write_scan(chunks="a", referee=referee)
    significance, output = tmp_path / "significance.json", tmp_path / "checks.json"
    significance.write_text(json.dumps({"local_z": 2.5, "p": 0.6}))
    write_checks(read_scan(paths, make_spec(chunks=["a"])), significance, output)
    checks = json.loads(output.read_text())
    assert checks["referee"]["agrees"] is False
    assert checks["largest_excess"] == {"local_z": 2.5, "p": 0.6}
    assert checks["methods"] == {"asymptotic": 10, "toys": 0}
    assert checks["few_events_without_toys"] == 2
    loud = capsys.readouterr().err
    assert "WARNING: pyhf disagrees at 1.000000 GeV (2.00%): free fit: the engine is lower by 0.1" in loud
    assert "pyhf has no result at 2.000000 GeV: pyhf fails: ValueError" in loud
    assert "3.000000" not in loud


def test_a_failure_of_pyhf_is_no_disagreement(write_scan, make_spec, make_referee, tmp_path, capsys):
    paths, _, _ = write_scan(chunks="a", referee=make_referee((2.0, None, "pyhf fails: ValueError")))
    significance, output = tmp_path / "significance.json", tmp_path / "checks.json"
    significance.write_text("null")
    write_checks(read_scan(paths, make_spec(chunks=["a"])), significance, output)
    assert json.loads(output.read_text())["referee"]["agrees"] is True
    assert "WARNING" not in capsys.readouterr().err


def test_agreement_is_silent(write_scan, make_spec, tmp_path, capsys):
    paths, _, _ = write_scan()
    significance, output = tmp_path / "significance.json", tmp_path / "checks.json"
    significance.write_text("null")
    write_checks(read_scan(paths, make_spec()), significance, output)
    assert json.loads(output.read_text())["referee"]["agrees"] is True
    assert capsys.readouterr().err == ""
    significance.write_text("{")
    with pytest.raises(DarkreachError, match="cannot read the global significance"):
        write_checks(read_scan(paths, make_spec()), significance, output)
