"""How figures of limits look."""

import re
from typing import Annotated

from pydantic import AfterValidator

from darkreach.config.base import Section


def _is_colour(text: str) -> str:
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError("a colour is written as '#rrggbb', red, green and blue from 00 to ff")
    return text


Colour = Annotated[str, AfterValidator(_is_colour)]


class Figures(Section):
    """Colours of the limits; those of the bands are the customary ones, in tones that keep apart in grey."""

    observed: Colour = "#000000"
    expected: Colour = "#c00000"
    one_sigma: Colour = "#7fc97f"
    two_sigma: Colour = "#ffe680"
