"""Rows of a scan, made by hand."""

import json

import numpy as np
import pytest

from darkreach.columnar.templates import SignalPoint, Templates, write_templates
from darkreach.config.search import MassWindow
from darkreach.config.stages import LimitsSpec
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


@pytest.fixture
def make_spec():
    """A specification of the limits stage, with changes."""

    def make(**changes):
        values = {
            "search": "mumu_resonance",
            "model": "zprime",
            "detector": "belle2",
            "production": "mu",
            "channels": {"all": "mumu"},
            "isr": True,
            "alpha": 1 / 137.036,
            "confidence_level": 0.90,
            "chunks": 2,
            "vetoes": [MassWindow(name="J-psi", range_GeV=(3.05, 3.14))],
            "g_minus_2_band": "FNAL23+WP20",
            "overlays": True,
            "stand_in": True,
            "assumed": ["vetoes"],
        }
        return LimitsSpec(**(values | changes))

    return make


@pytest.fixture
def write_scan(tmp_path, make_rows):
    """Write chunks of a scan, their workspaces and an account; returns (chunks, archives, account)."""

    def write(chunks=2, luminosity_fb=178.0, rows=None, **changes):
        rows = make_rows() if rows is None else rows
        paths, archives = [], []
        for i in range(chunks):
            content = {
                "search": "mumu_resonance",
                "model": "zprime",
                "chunk": i,
                "chunks": chunks,
                "confidence_level": 0.90,
                "blind": False,
                "luminosity_fb": luminosity_fb,
                "referee": [referee_entry(rows[i]["mass_GeV"])],
                "referee_tolerance": 0.005,
                "rows": rows[i::chunks],
            }
            paths.append(tmp_path / f"{i}.json")
            paths[-1].write_text(json.dumps(content | changes))
            archives.append(tmp_path / f"{i}.zip")
            with WorkspaceArchive(archives[-1]) as archive:
                for row in rows[i::chunks]:
                    archive.add(Hypothesis(row["mass_GeV"]), {"version": "1.0.0"})
        account = tmp_path / "account.json"
        account.write_text(json.dumps({"luminosity_fb": {"blocks": {}, "total_fb": luminosity_fb}}))
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
