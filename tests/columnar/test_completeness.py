"""The luminosity cannot lie: what was read against what is catalogued."""

import math
from fractions import Fraction

import numpy as np
import pytest
from filled_blocks import SAMPLES, SPEC, catalogued, same_channel, with_loss

from darkreach.errors import DarkreachError


def test_unread_files_stop_the_merge_with_their_luminosity(filled, root):
    """A third of the events of data/b01 (10 fb⁻¹) and a fifth of those of data/b02 (5 fb⁻¹)."""
    with_loss(filled, root, "data/b01", 500)
    with_loss(filled, root, "data/b02", 125)
    with pytest.raises(DarkreachError) as caught:
        filled.merged()
    message = str(caught.value)
    assert "samples data: 2 files were not read, 4.33333 fb⁻¹ of data" in message
    assert (
        "data/b01/lost.root (500 entries of 3.33" in message and "data/b02/lost.root (125 entries" in message
    )
    assert message.count("truncated") == 2
    with pytest.raises(DarkreachError, match=r"more than 'tolerance: 0\.28' allows"):
        filled.merged(SPEC.model_copy(update={"tolerance": 0.28}))  # 4.33 of 15 are 0.289


def test_within_the_tolerance_the_luminosity_is_that_of_what_was_read(filled, root):
    complete, _ = filled.merged()
    with_loss(filled, root, "data/b01", 500)
    with_loss(filled, root, "data/b02", 125)
    templates, account = filled.merged(SPEC.model_copy(update={"tolerance": 0.29}))
    read = float(Fraction(10) * Fraction(2, 3) + Fraction(5) * Fraction(4, 5))
    assert templates.luminosity_fb == account["luminosity_fb"]["total_fb"] == read
    assert account["luminosity_fb"]["catalogued_fb"] == 15.0
    assert [(file["path"], file["block"], file["reason"]) for file in account["missing"]] == [
        ("data/b01/lost.root", "data/b01", "truncated"),
        ("data/b02/lost.root", "data/b02", "truncated"),
    ]
    missing = math.fsum(file["luminosity_fb"] for file in account["missing"])
    assert missing + read == pytest.approx(15.0, rel=1e-15)
    assert templates.missing == account["missing"]
    for sample, (values, _) in templates.channels["all"].backgrounds.items():
        whole = complete.channels["all"].backgrounds[sample][0]
        np.testing.assert_allclose(values, whole * read / 15, rtol=1e-13)


def test_generated_events_count_by_what_was_read(filled, root):
    """Half of a block of each kind of simulation is lost: expected yields per generated event stay."""
    complete, _ = filled.merged()
    for block in ("tautau/b01", "zprime/b01", "zprime/b02"):
        manifest = filled.manifests[block]
        with_loss(filled, root, block, manifest.entries)
        doubled = [
            component.model_copy(update={"generated_events": 2 * component.generated_events})
            for component in filled.manifests[block].components
        ]
        filled.edit(
            block,
            lambda facts, doubled=doubled: facts["blocks"][0].update(
                components=[component.model_dump() for component in doubled]
            ),
        )
    with pytest.raises(DarkreachError, match=r"samples tautau, zprime: 3 files .* no luminosity"):
        filled.merged()
    templates, account = filled.merged(SPEC.model_copy(update={"tolerance": 0.5}))
    same_channel(templates.channels["all"], complete.channels["all"])
    assert account["samples"]["tautau"]["generated_events"] == 1000
    assert templates.luminosity_fb == 15.0 and len(account["missing"]) == 3


def test_incomplete_or_double_input_is_refused(filled):
    paths = list(filled.paths.values())
    with pytest.raises(DarkreachError, match="--histograms: none of block 'data/b01'; run its"):
        filled.merged(paths=paths[1:])
    with pytest.raises(DarkreachError, match="block 'data/b01' is also in"):
        filled.merged(paths=[*paths, paths[0]])
    with pytest.raises(DarkreachError, match="block 'zprime/b02' is not in the catalogue"):
        filled.merged(SPEC.model_copy(update={"samples": SAMPLES | {"zprime": ["b01"]}}))
    simulation = {name: blocks for name, blocks in SAMPLES.items() if name != "data"}
    with pytest.raises(DarkreachError, match="no block of data with a luminosity"):
        filled.merged(SPEC.model_copy(update={"samples": simulation}), paths[2:])
    with pytest.raises(DarkreachError, match=r"data/b01\.h5: is of search 'mumu_resonance', not of 'other'"):
        filled.merged(SPEC.model_copy(update={"search": "other"}))


def test_blocks_that_the_catalogue_knows_otherwise_are_refused(filled):
    def catalogue(**changes):
        changed = filled.manifests | {"data/b02": filled.manifests["data/b02"].model_copy(update=changes)}
        catalogued(filled.catalogue, changed.values())

    catalogue(entries=501)
    with pytest.raises(DarkreachError, match=r"'data/b02': was filled with 500 .* has 501 entries"):
        filled.merged()
    catalogue(luminosity_fb=6.0)
    with pytest.raises(DarkreachError, match=r"entries of 5\.0 fb⁻¹, but has 500 entries of 6\.0 fb⁻¹"):
        filled.merged()


def test_a_file_or_a_run_in_two_blocks_is_refused(filled):
    filled.edit("data/b02", lambda facts: facts["blocks"][0].update(runs=[[26, 1]]))
    with pytest.raises(DarkreachError, match="'data/b01' and 'data/b02' both have run 1 of experiment 26"):
        filled.merged()
    filled.edit("data/b02", lambda facts: facts["blocks"][0].update(inputs=[["data/b01", 500, None]]))
    with pytest.raises(DarkreachError, match="'data/b01' and 'data/b02' have the same file"):
        filled.merged()
