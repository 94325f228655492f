"""Finding a search by its name, and what a search has to bring.

A search is one module of this folder, named as in the configuration, with these names; the stages use
nothing else of it:

METHOD: str
    "peak", a narrow peak on a smooth spectrum, or "counting", events in signal and control regions.
REGION_VARIABLE: str
    column of the skim in GeV that places a row in a region.
FEATURES: tuple[str, ...] | dict[str, tuple[str, ...]]
    columns of the skim that the classifiers see; by channel if they differ.
CONTROLS: dict[str, tuple[int, float, float]]
    columns of the skim to look at: number of bins, lower and upper edge.
TRACKS, TRACK_VARIABLES, EVENT_VARIABLES, TRUTH: tuple[str, ...]
    the search's own names of what it reads; `columns:` of its configuration maps them to branches.
Selection: type[Section]
    the cuts, as `selection:` of the configuration has them.
candidates(variables, selection, detector, cutflow) -> dict[str, np.ndarray]
    variables of a chunk of an ntuple → columns of the skim for the rows that pass. Variables are named
    `{track}.{variable}` and `{event variable}`; the columns are the observables, REGION_VARIABLE, features
    and controls, `channel` (index of the channel, if there are several), and whatever else came in
    without being consumed. It counts what passes each cut in `cutflow`.
observable_of_mass(mass), mass_of_observable(observable) -> np.ndarray
    of a search for a peak: the observable at the mass of X, both in GeV, and its inverse.
"""

import importlib
from difflib import get_close_matches
from pathlib import Path
from types import ModuleType

from darkreach.errors import DarkreachError


def search_named(name: str) -> ModuleType:
    """The module of the search called `name`.

    Raises:
        DarkreachError: there is no such search; the nearest name is suggested.
    """
    if name not in search_names():
        nearest = get_close_matches(name, search_names(), n=1, cutoff=0.3)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"there are {', '.join(search_names())}"
        raise DarkreachError(f"searches: there is no search '{name}'; {hint}")
    return importlib.import_module(f"darkreach.searches.{name}")


def search_names() -> list[str]:
    """Names of all searches: the modules of this folder that say how they are tested."""
    return sorted(
        path.stem
        for path in Path(__file__).parent.glob("[a-z]*.py")
        if "\nMETHOD = " in path.read_text(encoding="utf-8")
    )
