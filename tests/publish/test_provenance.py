"""The provenance of limits: it names everything that made them, and nothing of where and when."""

import json
from datetime import date

import pytest

from darkreach.config.search import Unblind
from darkreach.publish.provenance import digest, provenance, write_provenance
from darkreach.statistics.scan_result import read_scan

CODE = {"environment": "lock", "skim": "code of skim", "scan": "code of scan"}


@pytest.fixture
def made(write_scan, make_spec, account_of):
    """Provenance of a scan with changes of specification, account and code."""

    def make(spec=None, account=None, code=None):
        paths, _, _ = write_scan()
        spec = make_spec(**(spec or {}))
        return provenance(spec, read_scan(paths, spec), account_of(**(account or {})), CODE | (code or {}))

    return make


def test_a_record_is_named_by_what_it_says(made):
    content, names = made()
    assert list(names) == ["a", "b"] and len(set(names.values())) == 2
    for chunk, name in names.items():
        record = content["records"][name]
        assert digest(record)[:12] == name
        assert record["common"] == digest(content["common"])
        assert record["scan"]["chunk"] == chunk


@pytest.mark.parametrize(
    "change",
    [
        {"code": {"skim": "other code"}},
        {"code": {"environment": "other lock"}},
        {"spec": {"made_with": {"skim": [{"of": ["data"], "spec": {"selection": {}}}]}}},
        {"spec": {"unblind": Unblind(who="A", when=date(2026, 1, 31), why="frozen")}},
        {"spec": {"blind": True}},
        {"account": {"samples": {"data": {"inputs": [["u1", 100, "other content"], ["u2", 50, "c2"]]}}}},
        {"account": {"luminosity_fb": 177.0}},
    ],
)
def test_whatever_changes_a_limit_changes_its_provenance(made, change):
    assert set(made()[1].values()).isdisjoint(made(**change)[1].values())


def test_files_count_and_not_their_order_or_blocks(made, account_of):
    samples = account_of()["samples"]
    samples["data"]["inputs"].reverse()
    lost = [
        {"block": f"data/b{i}", "path": f"/home/me/run{i}.root", "entries": i, "luminosity_fb": 0.1 * i}
        | {"reason": "no such file: /home/me"}
        for i in (1, 2)
    ]
    regrouped = [
        file | {"block": "data/b1", "path": f"/elsewhere/run{i}.root"} for i, file in enumerate(lost, 1)
    ]
    assert made(account={"samples": samples}) == made()
    before, after = made(account={"missing": lost}), made(account={"missing": regrouped[::-1]})
    assert before == after
    assert before[0]["common"]["missing"] == [
        {"sample": "data", "file": f"run{i}.root", "entries": i, "luminosity_fb": 0.1 * i} for i in (1, 2)
    ]
    assert "/" not in json.dumps(before[0]["common"]["missing"])


def test_another_slice_of_the_scan_leaves_the_records_of_the_others(write_scan, make_spec, account_of):
    found = []
    for chunks in ("ab", "abc"):
        paths, _, _ = write_scan(chunks)
        spec = make_spec(chunks=list(chunks))
        found.append(provenance(spec, read_scan(paths, spec), account_of(), CODE)[1])
    assert found[0].items() <= found[1].items()


def test_who_unblinded_when_and_why_is_recorded(made, tmp_path):
    content, _ = made(spec={"unblind": Unblind(who="A. Analyst", when=date(2026, 1, 31), why="frozen")})
    write_provenance(content, tmp_path / "p.json")
    stored = json.loads((tmp_path / "p.json").read_text())
    assert stored == content
    assert stored["common"]["unblind"] == {"who": "A. Analyst", "when": "2026-01-31", "why": "frozen"}
    assert stored["common"]["inputs"]["data"]["files"] == 2
    assert stored["common"]["luminosity_fb"] == {"catalogued": 178.0, "read": 178.0}
