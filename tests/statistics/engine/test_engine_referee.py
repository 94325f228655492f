"""The referee notices what is wrong, says it loudly, and says who is right."""

from dataclasses import replace

import numpy as np
import pytest
from varied_workspaces import counting, quick

from darkreach.statistics.engine.limits import failed, upper_limits
from darkreach.statistics.engine.referee import pyhf_result, referee


@pytest.fixture(scope="module")
def scan() -> tuple[list, list]:
    specs = [counting(np.random.default_rng(i), 5.0 + 4.0 * i) for i in range(5)]
    return specs, upper_limits(specs)


def test_sample_is_seeded_and_agreement_is_reported(scan):
    specs, limits = scan
    first, again = (referee(specs, limits, sample=2, seed=3) for _ in range(2))
    assert first == again
    assert first.agrees
    assert len(first.comparisons) == 2
    assert "agree with pyhf" in first.summary
    assert all(c.difference < 1e-4 for c in first.comparisons)


def test_wrong_limit_is_found_and_the_likelihood_says_who_is_right(scan):
    specs, limits = scan
    wrong = [replace(limits[0], observed=1.02 * limits[0].observed), *limits[1:]]
    report = referee(specs[:1], wrong[:1], sample=1, seed=0)
    assert not report.agrees
    assert "DISAGREEMENT" in report.summary
    assert report.comparisons[0].difference == pytest.approx(0.02, abs=0.002)
    assert "free fit: −2 ln L of the" in report.comparisons[0].verdict


def test_failed_hypotheses_are_not_compared_and_pyhf_failures_are_findings(scan):
    specs, limits = scan
    report = referee(specs[:1], [failed("no limit")], sample=3, seed=0)
    assert report.comparisons == ()
    assert report.agrees
    broken = {**specs[0], "version": "0.0.1"}
    report = referee([broken], limits[:1], sample=1, seed=0)
    assert not report.agrees
    assert "pyhf fails" in report.comparisons[0].verdict


def test_pyhf_alone_gives_the_same_result():
    _, spec = quick(5, 0)
    ours, theirs = upper_limits([spec])[0], pyhf_result(spec, 0.90)
    assert theirs["status"] == "ok"
    assert theirs["observed"] == pytest.approx(ours.observed, rel=1e-3)
    assert theirs["expected"] == pytest.approx(list(ours.expected), rel=1e-3)
    assert theirs["p0"] == pytest.approx(ours.p0, rel=1e-3)
