"""Of a blind search no file has data of the signal region."""

import h5py
import numpy as np
import pytest
from filled_blocks import CONTROLLED, SPEC

from darkreach.columnar.templates import (
    write_templates,
)
from darkreach.errors import DarkreachError

BLIND = SPEC.model_copy(update={"blind": True})


def test_blind_data_leave_no_trace_in_the_signal_region(tmp_path, filled, blind):
    templates, account = blind.merged(BLIND)
    assert templates.channels["all"].data is None and account["observed_candidates"] is None
    assert templates.luminosity_fb == 15.0 and templates.channels["all"].backgrounds["fourmuon"][0].sum() > 0
    write_templates(tmp_path / "blind.h5", templates)
    groups = []
    with h5py.File(tmp_path / "blind.h5") as file:
        file.visit(groups.append)
        of_data = {name for name in groups if name.endswith("/data")}
        assert of_data == {f"control/{name}/data" for name in CONTROLLED} | {
            "sideband/all/data",
            "control/mass/data",
        }
        for name in of_data - {"sideband/all/data"}:
            preselected, classified, _ = file[f"{name}/storage/values"][()]
            assert not classified.any()
            assert preselected.any() == (name != "control/mass/data")
    # it is what the open search has there, and nothing of the rest
    sideband = templates.sidebands["all"]["data"][0]
    opened, _ = filled.merged()
    np.testing.assert_array_equal(sideband, opened.sidebands["all"]["data"][0])
    assert opened.channels["all"].data.sum() > 0


def test_histograms_must_fit_the_blinding(filled, blind):
    with pytest.raises(DarkreachError, match="show the signal region of a blind search"):
        filled.merged(BLIND)
    with pytest.raises(DarkreachError, match="was filled while the search was blind"):
        blind.merged()
