"""Cuts of simulated ntuples as a user writes them."""

import pytest
from pydantic import ValidationError

from darkreach.config.ntuple_cuts import NtupleCuts


def test_nothing_is_cut_by_default():
    cuts = NtupleCuts()
    assert cuts.tracks == 4 and cuts.minimum_identified_muons == 0 and cuts.pair_leptons == []
    assert cuts.maximum_dr_cm is cuts.track_mass_GeV is cuts.minimum_pair_radius_cm is None


@pytest.mark.parametrize(
    "wrong",
    [{"tracks": 3}, {"pair_leptons": ["tau"]}, {"minimum_pair_id": 1.5}, {"maximum_dr_cm": -1}, {"dr": 1}],
)
def test_what_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValidationError):
        NtupleCuts(**wrong)
