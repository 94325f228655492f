"""The report from made-up inputs, and from wrong ones; that of a whole run is tested in tests/workflow."""

import json

import numpy as np
import pytest

from darkreach.columnar.templates import ChannelTemplates, Templates, write_templates
from darkreach.errors import DarkreachError
from darkreach.publish import control_figures
from darkreach.publish.report import write_report


@pytest.fixture
def report(tmp_path):
    """Writes a report without models from the given account and card."""
    templates = tmp_path / "templates.h5"
    edges = np.linspace(0, 10, 41)
    channel = ChannelTemplates(np.ones(40), {"fourmuon": (np.ones(40), np.ones(40))})
    write_templates(templates, Templates({"reduced_mass": edges}, 1.0, {"all": channel}))

    def write(account, card):
        for name, content in (("account", account), ("card", card)):
            (tmp_path / f"{name}.json").write_text(json.dumps(content))
        cards = [] if card is None else [tmp_path / "card.json"]
        paths = [tmp_path / "account.json"], cards, [templates]
        write_report([], *paths, [], True, tmp_path / "report.html")
        return (tmp_path / "report.html").read_text()

    return write


CARD = {
    "region": "m0",
    "specification": {"search": "mumu_resonance"},
    "trained": True,
    "folds": [{"auc_train": 0.91, "auc_test": 0.9, "ks_p_signal": 0.3, "ks_p_background": 0.2}],
    "cut": {"value": 0.5},
    "warnings": ["a warning"],
}


def test_the_page_shows_luminosity_classifier_and_warnings(report, account_of):
    page = report(account_of(), CARD)
    for words in ("40 candidates observed", "mumu_resonance m0", "0.900", "0.910", "0.2<", "a warning"):
        assert words in page
    assert page.count("data:image/png;base64,") == 1


def test_the_page_shows_what_was_not_read(report, account_of):
    lost = {"block": "data/b2", "path": "run7.root", "entries": 9, "luminosity_fb": 1.5, "reason": "damaged"}
    luminosity = {"blocks": {}, "catalogued_fb": 10.0, "total_fb": 8.5}
    page = report(account_of(missing=[lost]) | {"luminosity_fb": luminosity}, None)
    for words in ("8.5 fb⁻¹ of 10 fb⁻¹ catalogued", "1 catalogued file was not read", "run7.root", "damaged"):
        assert words in page
    assert "not read" not in report(account_of(), None)


def test_a_blind_page_shows_sidebands_and_no_data_where_there_are_none(report, account_of):
    page = report(account_of(blind=True), None)
    assert "<b>blind</b>: limits are expected ones" in page
    assert "<b>blind</b>" not in report(account_of(), None)


def test_sidebands_are_drawn_with_data_and_hidden_data_are_not_drawn_as_zero(monkeypatch):
    drawn = {}

    def remember(edges, data, backgrounds, label, title):
        drawn[title] = (data, backgrounds)
        return b""

    monkeypatch.setattr(control_figures, "_stack", remember)
    edges, ones = np.linspace(0, 10, 41), np.ones(40)
    stages = [
        {"categories": ["classified", "sideband"]},
        {"lower": 0.0, "upper": 1.0, "bins": 2},
    ]

    def control(*values):
        return {"axes": stages, "storage": {"values": np.array(values, float)}}

    templates = Templates(
        {"reduced_mass": edges},
        1.0,
        {"all": ChannelTemplates(None, {"fourmuon": (ones, ones)})},
        controls={"mass": {"data": control([0, 0], [3, 4]), "fourmuon": control([1, 1], [5, 5])}},
        sidebands={"all": {"data": (2 * ones, ones), "fourmuon": (3 * ones, ones)}},
    )
    list(control_figures.control_figures(templates, {"data"}, blind=True))
    data, backgrounds = drawn["reduced mass, sideband: below the classifier's cut"]
    assert (data.sum(), backgrounds["fourmuon"].sum()) == (80, 120)
    assert drawn["reduced mass, after all selection"][0] is None
    assert drawn["mass, classified"][0] is None
    assert drawn["mass, sideband"][0].tolist() == [3, 4]
    list(control_figures.control_figures(templates, {"data"}, blind=False))
    assert drawn["mass, classified"][0].tolist() == [0, 0]


def test_a_search_may_have_no_classifier(report, account_of):
    page = report(account_of(), None)
    assert "40 candidates observed" in page
    assert "Classifiers" not in page


def test_wrong_files_get_a_sentence(report, account_of, tmp_path):
    with pytest.raises(DarkreachError, match=r"account\.json: not the account of a search"):
        report(CARD, CARD)
    with pytest.raises(DarkreachError, match=r"card\.json: not a model card"):
        report(account_of(), account_of())
    binary = tmp_path / "binary.json"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(
        DarkreachError, match=r"binary\.json: cannot read this JSON file \(UnicodeDecodeError\)"
    ):
        write_report([], [binary], [], [tmp_path / "templates.h5"], [], False, tmp_path / "report.html")
    with pytest.raises(DarkreachError, match="one file each per search"):
        write_report([], [binary], [], [], [], False, tmp_path / "report.html")
