"""Samples of the user's own files."""

import pytest
from pydantic import ValidationError

from darkreach.config.samples import Sample

DATA = {"kind": "data", "files": ["data/"], "luminosity": "lumi.csv"}
SIMULATION = {
    "kind": "background",
    "cross_section_fb": 1.0,
    "files": ["mc/"],
    "generated_events_per_file": 100,
}
BLOCK = {"files": ["a.root"], "luminosity_fb": 1.0}


def without(values: dict, *keys: str) -> dict:
    return {key: value for key, value in values.items() if key not in keys}


def test_samples_of_files() -> None:
    data = Sample.model_validate(
        DATA | {"good_runs": [[7, 1, 10]], "block_luminosity_fb": 0.5, "closed": True}
    )
    assert (data.files, data.blocks, data.good_runs) == (["data/"], {}, [(7, 1, 10)])
    simulation = Sample.model_validate(SIMULATION)
    assert (simulation.block_files, simulation.block_luminosity_fb, simulation.closed) == (20, 1.0, False)
    blocks = {"a": without(BLOCK, "luminosity_fb") | {"closed": True}}
    by_table = Sample.model_validate(
        {"kind": "data", "blocks": blocks, "luminosity": [[7, 1, 5, 0.3]], "good_runs": "good.csv"}
    )
    assert by_table.blocks["a"].luminosity_fb is None and by_table.luminosity == [(7, 1, 5, 0.3)]


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        ({"kind": "data"}, "needs 'files' or at least one block"),
        (DATA | {"blocks": {"a": BLOCK}}, "either 'files'"),
        (DATA | {"simulate": ["mumu"]}, "a simulated sample has 'blocks'"),
        (DATA | {"kind": "signal", "model": "zprime"}, "a signal sample needs 'blocks'"),
        (without(DATA, "luminosity"), "needs 'luminosity'"),
        (DATA | {"luminosity": [[7, 1, 5, -0.1]]}, "greater than or equal to 0"),
        (DATA | {"block_files": 3}, "'block_files' is of use only for a background with 'files'"),
        (DATA | {"generated_events_per_file": 3}, "'generated_events_per_file' is of use only"),
        (without(SIMULATION, "generated_events_per_file"), "needs 'generated_events_per_file'"),
        (without(SIMULATION, "cross_section_fb"), "needs 'cross_section_fb'"),
        (SIMULATION | {"luminosity": "lumi.csv"}, "'luminosity' is of use only for data"),
        (SIMULATION | {"good_runs": "good.csv"}, "'good_runs' is of use only for data"),
        (SIMULATION | {"block_luminosity_fb": 2.0}, "'block_luminosity_fb' is of use only"),
        ({"kind": "data", "blocks": {"a": BLOCK}, "closed": True}, "'closed' is of use only"),
        ({"kind": "data", "blocks": {"a": BLOCK}, "good_runs": "good.csv"}, "'good_runs' needs 'luminosity'"),
        ({"kind": "data", "blocks": {"a": BLOCK}, "luminosity": "l.csv"}, "cannot have 'luminosity_fb'"),
        (
            {"kind": "data", "simulate": ["mumu"], "blocks": {"a": {"luminosity_fb": 1, "closed": True}}},
            "cannot have 'closed'",
        ),
    ],
)
def test_keys_that_do_not_fit(values: dict, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        Sample.model_validate(values)
