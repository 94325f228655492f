"""The search that docs/new-search.md writes runs from simulation to limit, and is as short as it says."""

import csv

import pytest

pytestmark = pytest.mark.slow


def test_the_example_of_a_new_search(new_project, tmp_path):
    project = new_project(tmp_path, "config/test/dimuon_recoil.yaml")
    project.snakemake()
    with project.path("limits/dimuon_recoil/zprime.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 5
    assert all(row["status"].startswith(("ok", "retried")) for row in rows)
    assert all(float(row["sigma_limit_obs_fb"]) > 0 for row in rows)
    assert all(0.1 < float(row["efficiency"]) < 0.9 for row in rows)
    assert project.path("limits/dimuon_recoil/zprime.png").read_bytes().startswith(b"\x89PNG")


def test_it_is_short(pytestconfig):
    files = ("workflow/darkreach/searches/dimuon_recoil.py", "config/searches/dimuon_recoil.yaml")
    lines = [len((pytestconfig.rootpath / path).read_text().splitlines()) for path in files]
    assert sum(lines) < 150
