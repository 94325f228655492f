"""`darkreach limit`: a HistFactory file in, a limit out."""

import argparse
import json

import numpy as np
import pytest
from varied_workspaces import counting

from darkreach.errors import DarkreachError
from darkreach.statistics import limit_command


@pytest.fixture
def workspace(tmp_path):
    path = tmp_path / "workspace.json"
    path.write_text(json.dumps(counting(np.random.default_rng(0), 3.0, 1.0, 5)))
    return path


def run(path, *options: str) -> int:
    parser = argparse.ArgumentParser()
    limit_command.add_arguments(parser)
    return limit_command.run(parser.parse_args([str(path), *options]))


def test_json_has_the_documented_keys_and_both_engines_agree(workspace, capsys):
    results = {}
    for engine in ("fast", "pyhf"):
        assert run(workspace, "--json", "--engine", engine) == 0
        results[engine] = json.loads(capsys.readouterr().out)
        assert set(results[engine]) >= {"observed", "expected", "mu_hat", "p0", "z", "status"}
        assert len(results[engine]["expected"]) == 5
    assert results["fast"]["observed"] == pytest.approx(results["pyhf"]["observed"], rel=1e-3)
    assert results["fast"]["z"] == pytest.approx(results["pyhf"]["z"], rel=1e-3)


def test_a_file_of_toys_is_topped_up(workspace, tmp_path, capsys):
    results = []
    for seed in ("7", "8"):
        options = ("--json", "--toys", "400", "--seed", seed, "--toys-file", str(tmp_path / "toys.h5"))
        assert run(workspace, *options) == 0
        results.append(json.loads(capsys.readouterr().out))
    assert [result["toys"]["number"] for result in results] == [400, 800]
    assert results[1]["toys"]["seeds"] == [7, 8]
    assert results[1]["toys"]["p0_error"] < results[0]["toys"]["p0_error"]
    with pytest.raises(DarkreachError, match="share a seed"):
        run(workspace, *options)
    with pytest.raises(DarkreachError, match="--toys-file needs --toys"):
        run(workspace, "--toys-file", str(tmp_path / "toys.h5"))


def test_toys_replace_the_asymptotic_limit_and_state_their_error(workspace, capsys):
    run(workspace, "--json")
    asymptotic = json.loads(capsys.readouterr().out)
    for _ in range(2):
        assert run(workspace, "--json", "--toys", "400", "--seed", "7") == 0
    first, second = capsys.readouterr().out.strip().split("}\n{")
    assert json.loads(first + "}") == json.loads("{" + second)
    result = json.loads(first + "}")
    assert result["toys"]["number"] == 400
    assert 0.0 < result["toys"]["observed_error"] < 0.2 * result["observed"]
    assert result["observed"] != asymptotic["observed"]


def test_text_names_level_and_status(workspace, capsys):
    assert run(workspace, "--cl", "0.95") == 0
    text = capsys.readouterr().out
    assert "95% CLs upper limit" in text
    assert "status    ok" in text


def test_hypothesis_without_limit_is_status_1(tmp_path, capsys):
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(counting(np.random.default_rng(0), 3.0, 0.0, 5)))
    assert run(path, "--json") == 1
    result = json.loads(capsys.readouterr().out)
    assert result["status"].startswith("failed: the signal template is empty")
    assert result["observed"] is None


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("{", (), "is not JSON"),
        ("[]", (), "not a HistFactory workspace"),
        (None, (), "cannot be read"),
        (None, ("--cl", "90"), "between 0 and 1"),
        (None, ("--toys", "10", "--engine", "pyhf"), "--engine fast only"),
    ],
)
def test_mistakes_of_the_user_are_one_sentence(tmp_path, content, options, words):
    path = tmp_path / "file.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(DarkreachError, match=words):
        run(path, *options)
