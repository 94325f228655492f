"""The figure, what is drawn beside our limits, and the command that makes them."""

import argparse
import json
import zipfile

import numpy as np
import pytest
from matplotlib.axes import Axes

from darkreach.config.figures import Figures
from darkreach.config.stages import as_json
from darkreach.errors import DarkreachError
from darkreach.models.gminus2 import GM2_BANDS
from darkreach.publish import figures_command, limits_command
from darkreach.publish.figure import _as_columns, draw_limits, gm2_band
from darkreach.publish.overlay_curves import overlays_of
from darkreach.publish.table import read_table


def test_overlays_are_the_published_points():
    curves = {curve.label: curve for curve in overlays_of("zprime")}
    assert {label: (c.arxiv, c.confidence_level) for label, c in curves.items()} == {
        "BaBar 2016": ("1606.03501", 0.90),
        "CMS 2019": ("1808.03684", 0.95),
        "CCFR trident": ("1406.2332", 0.95),
    }
    babar = curves["BaBar 2016"]
    assert (babar.masses[0], babar.limits[0]) == (0.2137, 0.00138)
    assert 5 < curves["CMS 2019"].masses.max() < 71  # Z → 4μ reaches 5 to 70 GeV
    for curve in curves.values():
        assert np.all(np.diff(curve.masses) >= 0)
        assert np.all((curve.limits > 1e-4) & (curve.limits < 1))


@pytest.mark.parametrize(
    "model, mass_range, least, most",
    [
        ("leptophilic_scalar", (0.04, 6.4), 0.1, 100),
        ("hnl", (0.1, 4.6), 1e-6, 1),
        ("hnl_majorana", (0.1, 4.6), 1e-6, 1),
    ],
)
def test_overlays_of_other_models_are_in_their_units(model, mass_range, least, most):
    for curve in overlays_of(model):
        assert curve.confidence_level in (0.90, 0.95)
        assert mass_range[0] <= curve.masses.min() < curve.masses.max() <= mass_range[1]
        assert least < curve.limits.min() < curve.limits.max() < most


def test_published_numbers_of_heavy_neutral_leptons():
    """BaBar quotes 2.31e-2 to 5.04e-6 between 0.1 and 1.3 GeV; ArgoNeuT's N is a Dirac particle."""
    curves = {curve.label: curve for curve in overlays_of("hnl")}
    assert (curves["BaBar 2023"].limits.max(), curves["BaBar 2023"].limits.min()) == (0.0231, 5.04e-6)
    assert "ArgoNeuT 2021" not in {curve.label for curve in overlays_of("hnl_majorana")}


def test_a_model_without_published_limits_has_no_overlays():
    assert overlays_of("muonphilic_scalar") == []


def test_bands_go_by_the_names_of_the_configuration():
    assert gm2_band("FNAL23+WP20") is GM2_BANDS["fnal23_wp20"]
    assert gm2_band("fnal25_wp25").central == pytest.approx(38e-11)
    with pytest.raises(DarkreachError, match=r"no band 'FNAL99'; there are .*fnal23_wp20"):
        gm2_band("FNAL99")


def _draw(tmp_path, name, table, spec):
    pdf, png = tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"
    draw_limits(table, spec, 178.0, pdf, png)
    return pdf.read_bytes(), png.read_bytes()


def test_figures_are_pictures_and_deterministic(tmp_path, make_rows, make_table, make_spec, make_figure_spec):
    spec = make_figure_spec()
    table = make_table(make_rows(), make_spec())
    first = _draw(tmp_path, "a", table, spec)
    assert first[0].startswith(b"%PDF-")
    assert first[1].startswith(b"\x89PNG")
    assert _draw(tmp_path, "b", table, spec) == first


def test_what_is_drawn_depends_on_blinding_overlays_and_colours(
    tmp_path, make_rows, make_table, make_spec, make_figure_spec
):
    drawn = [
        _draw(tmp_path, "figure", make_table(make_rows(blind=spec.blind), make_spec()), spec)[1]
        for spec in (
            make_figure_spec(),
            make_figure_spec(blind=True),
            make_figure_spec(overlays=False),
            make_figure_spec(stand_in=False),
            make_figure_spec(colours=Figures(one_sigma="#112233")),
        )
    ]
    assert len(set(drawn)) == 5


def test_a_blind_figure_says_so(tmp_path, make_rows, make_table, make_spec, make_figure_spec, monkeypatch):
    said = []
    monkeypatch.setattr(Axes, "text", lambda self, x, y, text, **_: said.append(text))
    for blind in (True, False):
        spec = make_figure_spec(blind=blind)
        _draw(tmp_path, "figure", make_table(make_rows(blind=blind), make_spec()), spec)
        assert ("blind: expected limits only" in said) == blind
        said.clear()


def test_curves_break_at_a_veto_without_hypotheses(make_rows, make_table, make_spec, make_figure_spec):
    table = make_table(make_rows([1.0, 3.0, 3.2, 9.0]), make_spec())
    columns = _as_columns(table, make_figure_spec().vetoes)
    np.testing.assert_allclose(columns["mass_GeV"], [1.0, 3.0, 3.095, 3.2, 9.0])
    assert np.isnan(columns["sigma_limit_exp_fb"]).tolist() == [False, False, True, False, False]
    assert columns["coupling_limit_obs"][3] == table[2]["coupling_limit_obs"]


def test_nothing_to_draw_is_said(tmp_path, make_rows, make_table, make_spec, make_figure_spec):
    table = make_table(make_rows([3.06, 3.1]), make_spec())
    with pytest.raises(DarkreachError, match=r"no hypothesis of 'zprime' has a limit.*vetoed: J-psi"):
        _draw(tmp_path, "a", table, make_figure_spec())


def _run(command, **options):
    """Run a command with options; a list has several values."""
    words = []
    for name, value in options.items():
        words += [f"--{name.replace('_', '-')}", *map(str, value if isinstance(value, list) else [value])]
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    assert command.run(parser.parse_args(words)) == 0


def test_the_commands_write_everything(
    tmp_path, write_scan, write_templates_with_triggers, make_spec, make_figure_spec
):
    templates = write_templates_with_triggers()
    chunks, archives, account = write_scan()
    significance = tmp_path / "significance.json"
    significance.write_text("null")

    def run(out):
        folder = tmp_path / out
        _run(
            limits_command,
            spec=as_json(make_spec()),
            code=json.dumps({"environment": "e", "scan": "s"}),
            account=account,
            significance=significance,
            templates=templates,
            chunks=chunks,
            workspaces=archives,
            csv=folder / "l.csv",
            checks=folder / "l.json",
            workspaces_out=folder / "w.zip",
            triggers_csv=folder / "t.csv",
            provenance=folder / "p.json",
        )
        _run(
            figures_command,
            spec=as_json(make_figure_spec()),
            csv=folder / "l.csv",
            triggers_csv=folder / "t.csv",
            pdf=folder / "l.pdf",
            png=folder / "l.png",
            triggers_png=folder / "t.png",
        )
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    first = run("first")
    assert set(first) == {"l.csv", "l.pdf", "l.png", "l.json", "w.zip", "t.csv", "t.png", "p.json"}
    assert first["l.csv"].count(b"\n") == 12
    with zipfile.ZipFile(tmp_path / "first" / "w.zip") as archive:
        assert len(archive.namelist()) == 11
    # every row can be traced to the specification of the chunk of the scan that it is from
    records = json.loads(first["p.json"])["records"]
    origin = {row["mass_GeV"]: records[row["provenance"]] for row in read_table(tmp_path / "first/l.csv")}
    for chunk in chunks:
        for row in json.loads(chunk.read_text())["rows"]:
            assert origin[row["mass_GeV"]]["scan"]["chunk"] == chunk.stem
    chunks.reverse()
    archives.reverse()
    assert run("second") == first
