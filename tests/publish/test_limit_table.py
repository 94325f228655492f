"""The limit table: complete, in order, with coupling limits that reproduce the cross-section."""

import csv

import pytest

from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.registry import model_named
from darkreach.publish.account import check_account, read_account
from darkreach.publish.table import COLUMNS, read_table, write_table


@pytest.mark.parametrize("model", ["zprime", "muonphilic_scalar"])
@pytest.mark.parametrize("isr", [True, False])
def test_at_the_coupling_limit_the_model_predicts_the_cross_section_limit(
    make_rows, make_table, make_spec, model, isr
):
    spec = make_spec(model=model, isr=isr)
    for row in make_table(make_rows([0.212, 0.5, 3.6, 8.9]), spec):
        mass, coupling = row["mass_GeV"], row["coupling_limit_obs"]
        predicted, _ = cross_section_fb(model, mass, coupling, BEAMS["belle2"].sqrt_s, spec.alpha, isr)
        branching = float(model_named(model).branching_fractions(mass)["mumu"])
        assert predicted * branching == pytest.approx(row["sigma_limit_obs_fb"], rel=1e-3)
        assert row["coupling_limit_exp"] == pytest.approx(coupling / 1.2**0.5)


def test_tables_have_the_agreed_columns_and_empty_cells(make_rows, make_table, make_spec, tmp_path):
    path = tmp_path / "limits.csv"
    write_table(make_table(make_rows(), make_spec()), path)
    assert path.read_text().splitlines()[0] == (
        "search,model,mass_GeV,lifetime_m,lifetime_hypothesis,status,n_observed,efficiency,sigma_limit_obs_fb,sigma_limit_exp_m2_fb,"
        "sigma_limit_exp_m1_fb,sigma_limit_exp_fb,sigma_limit_exp_p1_fb,sigma_limit_exp_p2_fb,coupling_limit_obs,"
        "coupling_limit_exp,p0_local,z_local,coupling_upper_edge_obs,coupling_upper_edge_exp,luminosity_fb,provenance"
    )
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["mass_GeV"] for row in rows[:2]] == ["0.212000", "0.250000"]
    vetoed = next(row for row in rows if row["status"] == "vetoed: J-psi")
    assert {vetoed[name] for name in COLUMNS[6:-2]} == {""}
    assert float(rows[0]["sigma_limit_obs_fb"]) == pytest.approx(1.2 * (0.1 + 0.02 * 0.212), rel=1e-5)
    assert (rows[0]["lifetime_m"], rows[0]["lifetime_hypothesis"]) == ("0", "prompt")
    assert {(row["luminosity_fb"], row["provenance"]) for row in rows} == {("178", "0123456789ab")}


def test_a_table_comes_back_from_its_file(make_rows, make_table, make_spec, tmp_path):
    table = make_table(make_rows(blind=True), make_spec())
    write_table(table, tmp_path / "limits.csv")
    for row, again in zip(table, read_table(tmp_path / "limits.csv"), strict=True):
        for name, value in row.items():
            assert again[name] == (pytest.approx(value, rel=1e-5) if isinstance(value, float) else value)
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DarkreachError, match=r"other\.csv: not a limit table"):
        read_table(tmp_path / "other.csv")
    write_table([], tmp_path / "empty.csv")
    with pytest.raises(DarkreachError, match=r"empty\.csv: a limit table without hypotheses"):
        read_table(tmp_path / "empty.csv")


def test_a_blind_table_has_no_observation(make_rows, make_table, make_spec):
    row = make_table(make_rows(blind=True), make_spec())[0]
    assert row["coupling_limit_obs"] is row["p0_local"] is row["n_observed"] is None
    assert row["coupling_limit_exp"] > 0


def test_a_width_above_the_resolution_is_flagged(make_rows, make_table, make_spec):
    """Γ = g′²M/12π·(…) of the Z′ at g′ = 0.5 and 9 GeV is 0.2 GeV; at 1 GeV and 10⁻³ it is nothing."""
    rows = make_rows([1.0, 9.0])
    narrow, broad = make_table(rows, make_spec())
    assert narrow["status"] == "ok"
    assert broad["status"] == "ok: width exceeds resolution"
    assert model_named("zprime").width(9.0, broad["coupling_limit_obs"]) > 0.003


def test_an_account_of_other_templates_is_refused(account_of, tmp_path):
    path = tmp_path / "account.json"
    with pytest.raises(DarkreachError, match=r"accounts for 178 fb⁻¹, but 40 fb⁻¹ were scanned"):
        check_account(path, account_of(178.0), 40.0)
    path.write_text("[]")
    with pytest.raises(DarkreachError, match="not the account of a search"):
        read_account(path)
