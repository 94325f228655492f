"""Every search from simulation to limit: nothing is found in nothing, and a signal where there is one."""

import csv
import json
import math

import pytest

pytestmark = pytest.mark.slow

# search → the signal that is added to its data, moved to the nearest hypothesis
INJECTIONS = {
    "tautau_recoil": {"model": "zprime", "mass_GeV": 7.5, "cross_section_fb": 300.0},
    "leptophilic_scalar": {
        "model": "leptophilic_scalar",
        "decay": "mumu",
        "mass_GeV": 1.5,
        "cross_section_fb": 300.0,
    },
    "heavy_neutral_lepton": {"model": "hnl", "mass_GeV": 0.9, "lifetime_m": 0.2, "cross_section_fb": 100.0},
}
MODEL = {search: injection["model"] for search, injection in INJECTIONS.items()}


@pytest.fixture(scope="module", params=list(INJECTIONS))
def run(request, new_project, tmp_path_factory):
    """The finished run of one search."""
    project = new_project(tmp_path_factory.mktemp(request.param), f"config/test/{request.param}.yaml")
    project.search = request.param
    project.snakemake()
    return project


def table_of(project, search):
    with project.path(f"limits/{search}/{MODEL[search]}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_every_stage_has_its_results(run):
    folder = run.path(f"limits/{run.search}")
    for suffix in (".csv", ".png", ".pdf", "_triggers.csv", "_triggers.png", "_workspaces.zip"):
        assert (folder / f"{MODEL[run.search]}{suffix}").stat().st_size > 100
    assert run.search in run.path("report.html").read_text()
    good = [row for row in table_of(run, run.search) if row["status"].startswith(("ok", "retried"))]
    assert good
    for row in good:
        assert float(row["sigma_limit_exp_fb"]) > 0
        assert float(row["coupling_limit_exp"] or math.inf) > 0


def test_nothing_is_found_where_there_is_nothing(run):
    checks = json.loads(run.path(f"limits/{run.search}/{MODEL[run.search]}_checks.json").read_text())
    # with so few events pyhf's own minimiser may stop short of the minimum
    differences = [h["difference"] for h in checks["referee"]["hypotheses"] if h["difference"] is not None]
    assert differences and max(differences) < 0.05
    assert checks["largest_excess"]["p"] > 0.01


def test_an_injected_signal_is_found_at_its_mass(run, copy_of, tmp_path):
    masses = {float(row["mass_GeV"]) for row in table_of(run, run.search) if row["z_local"]}
    mass = min(masses, key=lambda m: abs(m - INJECTIONS[run.search]["mass_GeV"]))
    injection = INJECTIONS[run.search] | {"mass_GeV": mass}
    project = copy_of(run, tmp_path)
    project.edit_config(lambda values: values.update(injection=injection))
    project.snakemake(f"results/limits/{run.search}/{MODEL[run.search]}.csv")
    rows = [row for row in table_of(project, run.search) if row["z_local"]]
    best = max(rows, key=lambda row: float(row["z_local"]))
    assert float(best["z_local"]) > 5
    # the signal regions of a search that counts overlap
    assert abs(float(best["mass_GeV"]) - mass) < (0.21 if run.search == "heavy_neutral_lepton" else 1e-6)
    at_mass = next(row for row in rows if float(row["mass_GeV"]) == mass)
    assert float(at_mass["sigma_limit_obs_fb"]) > float(at_mass["sigma_limit_exp_p2_fb"])
