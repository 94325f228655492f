"""The report from made-up inputs, and from wrong ones; that of a whole run is tested in tests/workflow."""

import json

import numpy as np
import pytest

from darkreach.columnar.templates import ChannelTemplates, Templates, write_templates
from darkreach.errors import DarkreachError
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


ACCOUNT = {
    "search": "mumu_resonance",
    "blind": False,
    "luminosity_fb": {"total_fb": 1.0},
    "observed_candidates": 40.0,
    "expected_candidates": 40.0,
    "samples": {},
    "blocks": [],
}
CARD = {
    "region": "m0",
    "specification": {"search": "mumu_resonance"},
    "trained": True,
    "folds": [{"auc_train": 0.91, "auc_test": 0.9, "ks_p_signal": 0.3, "ks_p_background": 0.2}],
    "cut": {"value": 0.5},
    "warnings": ["a warning"],
}


def test_the_page_shows_luminosity_classifier_and_warnings(report):
    page = report(ACCOUNT, CARD)
    for words in ("40 candidates observed", "mumu_resonance m0", "0.900", "0.910", "0.2<", "a warning"):
        assert words in page
    assert page.count("data:image/png;base64,") == 1


def test_a_search_may_have_no_classifier(report):
    page = report(ACCOUNT, None)
    assert "40 candidates observed" in page
    assert "Classifiers" not in page


def test_wrong_files_get_a_sentence(report, tmp_path):
    with pytest.raises(DarkreachError, match=r"account\.json: not the account of a search"):
        report(CARD, CARD)
    with pytest.raises(DarkreachError, match=r"card\.json: not a model card"):
        report(ACCOUNT, ACCOUNT)
    binary = tmp_path / "binary.json"
    binary.write_bytes(bytes(range(256)))
    with pytest.raises(
        DarkreachError, match=r"binary\.json: cannot read this JSON file \(UnicodeDecodeError\)"
    ):
        write_report([], [binary], [], [tmp_path / "templates.h5"], [], False, tmp_path / "report.html")
    with pytest.raises(DarkreachError, match="one file each per search"):
        write_report([], [binary], [], [], [], False, tmp_path / "report.html")
