"""Tables and figures of hypotheses with lifetimes, and of couplings whose excluded range has two ends."""

import csv

import numpy as np
import pytest

from darkreach.columnar.templates import SignalPoint
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_fb
from darkreach.publish.figure import draw_limits
from darkreach.publish.labels import cross_section_label, lifetime_label
from darkreach.publish.table import unit_signal_fb, write_table
from darkreach.publish.trigger_figure import draw_triggers
from darkreach.publish.triggers import read_triggers, write_triggers
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.rows import empty_row

SCALAR = {
    "search": "leptophilic_scalar",
    "model": "leptophilic_scalar",
    "detector": "belle",
    "production": "tau",
    "channels": {"ee": "ee", "ee_displaced": "ee", "mumu": "mumu"},
}
HNL = {
    "search": "heavy_neutral_lepton",
    "model": "hnl",
    "detector": "belle",
    "production": "tau_decay",
    "channels": {"signal": "mumunu", "ks_control": "mumunu"},
}
WITHOUT_BAND = {"g_minus_2_band": None, "vetoes": []}


def row_of(hypothesis, limit_fb, **numbers):
    factors = {"obs": 1.1, "exp_m2": 0.5, "exp_m1": 0.7, "exp": 1.0, "exp_p1": 1.4, "exp_p2": 2.0}
    limits = {f"sigma_limit_{which}_fb": factor * limit_fb for which, factor in factors.items()}
    known = {"status": "ok", "resolution_GeV": 0.003, "efficiency": 0.1, "method": "asymptotic"}
    return empty_row(hypothesis) | limits | known | numbers


def rows_with_lifetimes():
    masses = (0.05, 0.1, 0.15, 0.25, 1.0, 2.9, 3.3, 6.0)
    rows = [row_of(Hypothesis(m), 1.0) for m in masses]
    rows += [row_of(Hypothesis(m, t), 1.0 + 100 * t) for m in masses[:3] for t in (0.001, 0.1)]
    return rows + [row_of(Hypothesis(m, "natural"), 2.0, lifetime_m=0.02) for m in masses]


def rows_of_leptons(spec):
    masses = np.array([0.4, 0.8, 1.2, 1.6])
    units = unit_signal_fb(masses, spec)
    edges = {"coupling_upper_edge_obs": 0.3, "coupling_upper_edge_exp": 0.2}
    return [
        row_of(Hypothesis(float(m), "natural"), 1e-3 * unit, resolution_GeV=None, lifetime_m=1.0)
        | {"coupling_limit_obs": 1.1e-3, "coupling_limit_exp": 1e-3}
        | (edges if m > 0.5 else {})
        for m, unit in zip(masses, units, strict=True)
    ]


def test_a_coupling_limit_predicts_the_limit_on_all_decays_of_the_search(make_table, make_spec):
    spec = make_spec(**SCALAR, isr=False)
    for row in make_table([row_of(Hypothesis(m), 1.0) for m in (0.05, 0.15, 1.0, 6.0)], spec):
        predicted = signal_cross_section_fb(
            spec.model,
            row["mass_GeV"],
            row["coupling_limit_exp"],
            "tau",
            ("ee", "mumu"),
            10.58,
            spec.alpha,
            False,
        )
        assert predicted == pytest.approx(1.0, rel=2e-3)


def test_limits_on_the_coupling_itself_stay_as_they_are(make_table, make_spec, tmp_path):
    spec = make_spec(**HNL)
    table = make_table(rows_of_leptons(spec), spec)
    for row in table:
        assert (row["coupling_limit_obs"], row["coupling_limit_exp"]) == (1.1e-3, 1e-3)
        # the cross-section at the limit is that of |V|², not of its square
        rate = signal_cross_section_fb(
            "hnl",
            row["mass_GeV"],
            row["coupling_limit_obs"],
            "tau_decay",
            ("mumunu",),
            10.58,
            spec.alpha,
            True,
        )
        assert rate == pytest.approx(row["sigma_limit_obs_fb"], rel=1e-6)
    write_table(table, tmp_path / "table.csv")
    with (tmp_path / "table.csv").open(newline="") as file:
        first, second, *_ = csv.DictReader(file)
    assert (first["coupling_upper_edge_obs"], second["coupling_upper_edge_obs"]) == ("", "0.3")
    assert (first["lifetime_hypothesis"], first["lifetime_m"]) == ("natural", "1")


def test_the_width_is_compared_with_the_resolution_of_the_recoil_mass(make_table, make_spec):
    """Γ(φ) = 8·10⁻⁶ ξ² GeV at 6.5 GeV: 0.3 GeV at ξ = 200, more than 25 MeV of resolution."""
    spec = make_spec(
        **(SCALAR | {"search": "tautau_recoil", "production": "mu", "channels": {"all": "tautau"}})
    )
    (unit,) = unit_signal_fb([6.5], spec)
    rows = [row_of(Hypothesis(6.5), xi**2 * unit, resolution_GeV=0.025) for xi in (30.0, 200.0)]
    narrow, broad = make_table(rows, spec)
    assert float(model_named("leptophilic_scalar").width(6.5, 200.0)) == pytest.approx(0.32, rel=0.05)
    assert (narrow["status"], broad["status"]) == ("ok", "ok: width exceeds resolution")


@pytest.mark.parametrize("kind", ["lifetimes", "two ends"])
def test_figures_of_all_kinds_are_deterministic(make_spec, make_figure_spec, make_table, tmp_path, kind):
    which = SCALAR if kind == "lifetimes" else HNL
    spec = make_figure_spec(**which, **({} if kind == "lifetimes" else WITHOUT_BAND))
    rows = rows_with_lifetimes() if kind == "lifetimes" else rows_of_leptons(spec)
    rows.sort(key=lambda row: row["mass_GeV"])
    drawn = []
    for name in "ab":
        pdf, png = tmp_path / f"{name}.pdf", tmp_path / f"{name}.png"
        draw_limits(make_table(rows, make_spec(**which)), spec, 626.0, pdf, png)
        drawn.append((pdf.read_bytes(), png.read_bytes()))
    assert drawn[0] == drawn[1]
    assert drawn[0][1].startswith(b"\x89PNG")


def test_labels_follow_production_and_decays(make_spec):
    dimuon = cross_section_label(make_spec())
    assert dimuon == r"$\sigma(e^+e^-\to\mu^+\mu^-Z')\times\mathcal{B}(Z'\to \mu^+\mu^-)$ [fb]"
    assert r"\tau^+\tau^-\phi_L" in cross_section_label(make_spec(**SCALAR))
    assert r"e^+e^-,\,\mu^+\mu^-" in cross_section_label(make_spec(**SCALAR))
    assert r"\mathcal{B}(\tau\to\pi N)" in cross_section_label(make_spec(**HNL))
    assert [lifetime_label(t) for t in (0.001, 0.02, 2.0)] == [
        r"$c\tau$ = 1 mm",
        r"$c\tau$ = 2 cm",
        r"$c\tau$ = 2 m",
    ]


def test_triggers_by_point_and_line(make_figure_spec, tmp_path):
    lines = {"three_track": 0.5, "any": 0.75, "any but displaced_vertex": 0.5}
    triggers = {SignalPoint(m, t): lines for m in (0.1, 0.2) for t in (0.0, 0.01, 0.1)}
    del triggers[SignalPoint(0.2, 0.1)]
    write_triggers(triggers, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["mass_GeV"], row["lifetime_m"]) for row in rows[:2]] == [
        ("0.100000", "0"),
        ("0.100000", "0.01"),
    ]
    assert len(rows) == 5
    assert rows[0]["any but displaced_vertex"] == "0.500000"
    again = read_triggers(tmp_path / "t.csv")
    assert again == triggers
    pictures = []
    for made in (triggers, {SignalPoint(m, 0.0): lines for m in (1.0, 2.0)}, {}):
        draw_triggers(made, make_figure_spec(**SCALAR), tmp_path / "t.png")
        pictures.append((tmp_path / "t.png").read_bytes())
    assert len(set(pictures)) == 3
