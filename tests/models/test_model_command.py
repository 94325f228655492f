"""The command `darkreach model`."""

import json

import pytest

from darkreach.cli import main
from darkreach.models.cross_section import cross_section_fb
from darkreach.models.registry import MODELS

KEYS = [
    *("model", "mass_GeV", "coupling", "production", "sqrt_s_GeV", "alpha", "isr", "cross_section_fb"),
    *("cross_section_error_fb", "width_GeV", "branching_fractions", "ctau_m", "delta_a_mu"),
]


def test_json_has_every_key_and_the_value_of_the_library(capsys):
    arguments = "model zprime --mass 4 --coupling 0.01 --sqrt-s 10 --alpha 1/128 --isr --json"
    assert main(arguments.split()) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == KEYS
    assert printed["cross_section_fb"] == cross_section_fb("zprime", 4.0, 0.01, 10.0, 1 / 128, True)[0]
    assert sum(printed["branching_fractions"].values()) == pytest.approx(1)


def prediction(capsys, *arguments):
    assert main(["model", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_leptophilic_scalar_is_made_with_taus_unless_asked_otherwise(capsys):
    point = ("leptophilic_scalar", "--mass", "1", "--coupling", "2")
    for options, lepton in (((), "tau"), (("--production", "mumu"), "mu")):
        printed = prediction(capsys, *point, *options)
        assert printed["production"] == lepton * 2
        assert printed["cross_section_fb"] == pytest.approx(
            cross_section_fb("leptophilic_scalar", 1.0, 2.0, lepton=lepton)[0]
        )


def test_the_others_are_made_with_muons_unless_asked_otherwise(capsys):
    point = ("zprime", "--mass", "1", "--coupling", "0.1")
    with_muons, with_taus = prediction(capsys, *point), prediction(capsys, *point, "--production", "tautau")
    assert (with_muons["production"], with_taus["production"]) == ("mumu", "tautau")
    assert with_muons["cross_section_fb"] == pytest.approx(cross_section_fb("zprime", 1.0, 0.1)[0])
    assert with_taus["cross_section_fb"] < with_muons["cross_section_fb"]


def test_hnl_has_a_tau_branching_fraction_and_no_cross_section(capsys):
    point = ("hnl", "--mass", "1", "--coupling", "1e-4")
    dirac, majorana = prediction(capsys, *point), prediction(capsys, *point, "--majorana")
    assert "cross_section_fb" not in dirac
    assert dirac["delta_a_mu"] is None
    assert dirac["b_tau_to_pi_n"] == MODELS["hnl"].tau_to_pi_n(1.0, 1e-4)
    assert dirac["b_n_to_mumunu"] == dirac["branching_fractions"]["mumunu"]
    assert majorana["branching_fractions"] == pytest.approx(dirac["branching_fractions"])
    assert majorana["b_tau_to_pi_n"] == dirac["b_tau_to_pi_n"]
    assert majorana["width_GeV"] == pytest.approx(2 * dirac["width_GeV"])
    assert majorana["ctau_m"] == pytest.approx(dirac["ctau_m"] / 2)


def test_table_of_an_hnl_shows_that_it_does_not_touch_g_minus_2(capsys):
    assert main(["model", "hnl", "--mass", "1", "--coupling", "1e-4"]) == 0
    assert dict(line.split() for line in capsys.readouterr().out.splitlines())["delta_a_mu"] == "–"


def test_table_below_the_muon_threshold(capsys):
    assert main(["model", "muonphilic_scalar", "--mass", "0.1", "--coupling", "0.01"]) == 0
    lines = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert float(lines["B(mumu)"]) == 0
    assert float(lines["B(gammagamma)"]) == 1


@pytest.mark.parametrize(
    "options, message",
    [
        ("zprim --mass 4 --coupling 0.01", "did you mean 'zprime'"),
        ("zprime --mass 11 --coupling 0.01", "below 10.3"),
        ("zprime --mass 4 --coupling -1", "coupling is -1"),
        ("zprime --mass 4 --coupling 1 --alpha 0", "alpha is 0"),
        ("zprime --mass 4 --coupling nan", "coupling is nan"),
        ("zprime --mass 4 --coupling 1e200", "coupling is 1e+200"),
        ("zprime --mass 4 --coupling 1e-200", "coupling is 1e-200"),
        ("zprime --mass 8 --coupling 0.1 --production tautau", "below 7.026"),
        ("muonphilic_scalar --mass 1 --coupling 0.1 --production tautau", "does not couple to τ leptons"),
        ("hnl --mass 1.65 --coupling 0.1", "below 1.637"),
        ("hnl --mass 1 --coupling 1.1", "a number between 0 and 1"),
        ("hnl --mass 1 --coupling -1", "coupling is -1"),
        ("hnl --mass 1 --coupling 0.1 --isr", "leave out --production"),
        ("hnl --mass 1 --coupling 0.1 --sqrt-s 10.52", "leave out --production"),
        ("alp --mass 1 --coupling 1 --majorana", "leave it out for 'alp'"),
        ("zprime --mass 4 --coupling 10", "X is narrower than its mass; its width would be 28 GeV"),
    ],
)
def test_bad_input_exits_with_2_and_one_line(options, message, capsys):
    assert main(["model", *options.split()]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_energies_at_which_the_z_matters_get_a_note(capsys):
    arguments = ["model", "zprime", "--mass", "4", "--coupling", "0.01", "--json", "--sqrt-s"]
    assert main([*arguments, "91"]) == 0
    printed = capsys.readouterr()
    assert "photon exchange only; at 91 GeV Z exchange is not negligible" in printed.err
    assert json.loads(printed.out)["sqrt_s_GeV"] == 91
    assert main([*arguments, "10.58"]) == 0
    assert not capsys.readouterr().err


def test_alpha_that_is_no_number(capsys):
    with pytest.raises(SystemExit):
        main(["model", "zprime", "--mass", "4", "--coupling", "1", "--alpha", "1/x"])
    assert "neither a fraction" in capsys.readouterr().err
