"""Components of the user's own simulation."""

import pytest

from darkreach.catalogue.contents import own_component
from darkreach.catalogue.manifest import Component
from darkreach.errors import DarkreachError

BACKGROUND = {
    "kind": "background",
    "process": "tautau",
    "decay": None,
    "cross_section_fb": 919e3,
    "generated_events": 1000,
    "mass_GeV": None,
    "lifetime_m": 0.0,
}
SIGNAL = BACKGROUND | {
    "kind": "signal",
    "process": "leptophilic_scalar",
    "decay": "ee",
    "cross_section_fb": None,
    "mass_GeV": 0.1,
    "lifetime_m": 0.01,
}


def test_background_has_no_lifetime() -> None:
    found = Component.model_validate(own_component("s/a", **BACKGROUND))
    assert found == Component(process="tautau", generated_events=1000, cross_section_fb=919e3)


def test_signal_has_mass_lifetime_and_decay() -> None:
    found = Component.model_validate(own_component("s/a", **SIGNAL))
    assert (found.process, found.mass_GeV, found.lifetime_m) == ("leptophilic_scalar", 0.1, 0.01)
    assert (found.decay, found.generated_events) == ("ee", 1000)


@pytest.mark.parametrize(
    ("component", "key", "value"),
    [
        (BACKGROUND, "cross_section_fb", None),
        (BACKGROUND, "cross_section_fb", -1.0),
        (BACKGROUND, "generated_events", None),
        (SIGNAL, "generated_events", None),
        (SIGNAL, "mass_GeV", None),
        (SIGNAL, "lifetime_m", -1.0),
    ],
)
def test_missing_and_impossible_numbers_are_named(component: dict, key: str, value: float | None) -> None:
    with pytest.raises(DarkreachError, match=f"block 's/a'.*{key}"):
        own_component("s/a", **component | {key: value})
