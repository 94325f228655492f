"""Rows of a scan, made by hand."""

import json

import numpy as np
import pytest

from darkreach.columnar.templates import SignalPoint, Templates, write_templates
from darkreach.config.figures import Figures
from darkreach.config.search import MassWindow, Region, Scan, Systematics
from darkreach.config.stages import FigureSpec, LimitsSpec, ScanSpec, describe
from darkreach.publish.table import limit_table
from darkreach.statistics.archive import WorkspaceArchive
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.rows import COUPLINGS


def _row(mass, vetoed, blind):
    limit = None if vetoed else 0.1 + 0.02 * mass
    return {
        "mass_GeV": mass,
        "lifetime_m": 0.0,
        "lifetime_hypothesis": "prompt",
        **dict.fromkeys(COUPLINGS),
        "status": "vetoed: J-psi" if vetoed else "ok",
        "n_observed": None if vetoed or blind else 17,
        "efficiency": None if vetoed else 0.3,
        "resolution_GeV": None if vetoed else 0.003,
        "reference_cross_section_fb": None if vetoed else 0.2,
        "sigma_limit_obs_fb": None if blind or vetoed else limit * 1.2,
        "sigma_limit_exp_m2_fb": limit and limit / 2,
        "sigma_limit_exp_m1_fb": limit and limit / 1.5,
        "sigma_limit_exp_fb": limit,
        "sigma_limit_exp_p1_fb": limit and limit * 1.5,
        "sigma_limit_exp_p2_fb": limit and limit * 2,
        "sigma_hat_fb": None if blind or vetoed else 0.01,
        "p0_local": None if blind or vetoed else 0.31,
        "z_local": None if blind or vetoed else 0.5,
        "method": None if vetoed else "asymptotic",
        "few_events": None if vetoed else mass > 6,
        "notes": [],
    }


def referee_entry(mass, difference=1e-5, verdict="agree"):
    """What the scan says of a hypothesis that pyhf computed again."""
    of_prompt = {"lifetime_m": 0.0, "lifetime_hypothesis": "prompt"}
    return {"mass_GeV": mass, **of_prompt, "difference": difference, "verdict": verdict}


@pytest.fixture
def make_rows():
    """Rows at masses in GeV."""

    def make(masses=(0.212, 0.25, 0.5, 1.0, 2.0, 3.0, 3.1, 3.2, 5.0, 7.0, 9.0), blind=False):
        return [_row(float(mass), 3.05 <= mass <= 3.14, blind) for mass in np.asarray(masses)]

    return make


@pytest.fixture
def make_referee():
    """Entries of the referee, from (mass in GeV, difference, verdict)."""
    return lambda *entries: [referee_entry(*entry) for entry in entries]


MODEL = {
    "search": "mumu_resonance",
    "model": "zprime",
    "detector": "belle2",
    "production": "mu",
    "channels": {"all": "mumu"},
    "isr": True,
    "alpha": 1 / 137.036,
}


@pytest.fixture
def make_spec():
    """A specification of the limits stage, with changes."""
    own = {"confidence_level": 0.90, "chunks": ["a", "b"], "blind": False, "unblind": None}
    made_with = {"skim": [{"of": ["data", "fourmuon"], "spec": {"selection": {"maximum_tracks": 4}}}]}
    return lambda **changes: LimitsSpec(**(MODEL | own | {"made_with": made_with} | changes))


@pytest.fixture
def make_figure_spec():
    """A specification of the figures stage, with changes."""
    own = {
        "confidence_level": 0.90,
        "blind": False,
        "vetoes": [MassWindow(name="J-psi", range_GeV=(3.05, 3.14))],
        "g_minus_2_band": "FNAL23+WP20",
        "overlays": True,
        "stand_in": True,
        "assumed": ["vetoes"],
        "colours": Figures(),
    }
    return lambda **changes: FigureSpec(**(MODEL | own | changes))


@pytest.fixture
def make_table():
    """The limit table of rows."""

    def make(rows, spec):
        return limit_table([{"chunk": "a"} | row for row in rows], spec, 178.0, {"a": "0123456789ab"})

    return make


@pytest.fixture
def account_of():
    """An account of data with two files and of one background, of so many fb⁻¹."""

    def make(luminosity_fb=178.0, **changes):
        samples = {
            "data": {"kind": "data", "inputs": [["u1", 100, "c1"], ["u2", 50, "c2"]], "cutflow": []},
            "fourmuon": {"kind": "background", "inputs": [["u3", 10, None]], "cutflow": []},
        }
        return {
            "search": "mumu_resonance",
            "blind": False,
            "luminosity_fb": {"blocks": {}, "catalogued_fb": luminosity_fb, "total_fb": luminosity_fb},
            "missing": [],
            "observed_candidates": 40.0,
            "expected_candidates": 40.0,
            "samples": samples,
            "blocks": [],
        } | changes

    return make


def scan_spec(chunk):
    """What a chunk of the scan of the Z′ was made with."""
    scan = Scan(
        range_GeV=(0.212, 9.0), step_sigma=1, confidence_level=0.9, toys=0, global_toys=1, referee_share=0
    )
    return ScanSpec(
        chunk=chunk,
        slice_GeV=(0.2, 10.0),
        search="mumu_resonance",
        model="zprime",
        detector="belle2",
        production="mu",
        channels={"all": "mumu"},
        regions=[Region(name="all", channel="all", range_GeV=(0.2, 10.0))],
        scan=scan,
        counting=None,
        vetoes=[],
        systematics=Systematics(rates={}),
        isr=True,
        alpha=1 / 137.036,
        blind=False,
        seed=1,
    )


@pytest.fixture
def write_scan(tmp_path, make_rows, account_of):
    """Write chunks of a scan, their workspaces and an account; returns (chunks, archives, account)."""

    def write(chunks="ab", luminosity_fb=178.0, rows=None, **changes):
        rows = make_rows() if rows is None else rows
        paths, archives = [], []
        for i, name in enumerate(chunks):
            own = rows[i :: len(chunks)]
            content = {
                "spec": describe(scan_spec(name)),
                "luminosity_fb": luminosity_fb,
                "referee": [referee_entry(rows[i]["mass_GeV"])],
                "rows": own,
            }
            paths.append(tmp_path / f"{name}.json")
            paths[-1].write_text(json.dumps(content | changes))
            archives.append(tmp_path / f"{name}.zip")
            with WorkspaceArchive(archives[-1]) as archive:
                for row in own:
                    archive.add(Hypothesis(row["mass_GeV"]), {"version": "1.0.0"})
        account = tmp_path / "account.json"
        account.write_text(json.dumps(account_of(luminosity_fb)))
        return paths, archives, account

    return write


@pytest.fixture
def write_templates_with_triggers(tmp_path):
    """Write templates without any histogram; triggers: point → line → efficiency of the Z′."""

    def write(triggers=None):
        path = tmp_path / "templates.h5"
        triggers = {SignalPoint(1.0, 0.0): {"fff": 0.9, "any": 0.95}} if triggers is None else triggers
        made = Templates({"x": np.linspace(0, 1, 5)}, 178.0, {}, triggers={"zprime": triggers})
        write_templates(path, made)
        return path

    return write
