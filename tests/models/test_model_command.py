"""The command `darkreach model`."""

import json

import pytest

from darkreach.cli import main
from darkreach.models.cross_section import cross_section_fb

KEYS = [
    *("model", "mass_GeV", "coupling", "sqrt_s_GeV", "alpha", "isr", "cross_section_fb"),
    *("cross_section_error_fb", "width_GeV", "branching_fractions", "ctau_m", "delta_a_mu"),
]


def test_json_has_every_key_and_the_value_of_the_library(capsys):
    arguments = "model zprime --mass 4 --coupling 0.01 --sqrt-s 10 --alpha 1/128 --isr --json"
    assert main(arguments.split()) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed) == KEYS
    assert printed["cross_section_fb"] == cross_section_fb("zprime", 4.0, 0.01, 10.0, 1 / 128, True)[0]
    assert sum(printed["branching_fractions"].values()) == pytest.approx(1)


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
