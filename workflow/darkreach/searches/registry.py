"""All searches, and what a search has to bring.

A search is one module of this folder with these names; the stages use nothing else of it:

NAME: str
    as in the configuration.
REGION_VARIABLE, OBSERVABLE: str
    columns of the skim in GeV: the mass that divides the regions, and the variable whose spectrum is fitted.
FEATURES: tuple[str, ...]
    columns of the skim that the classifiers see.
CONTROLS: dict[str, tuple[int, float, float]]
    columns of the skim to look at: number of bins, lower and upper edge.
branches(spec, kind) -> dict[str, str]
    the search's own names of variables -> branches of the ntuple; kind is data, background or signal.
    Signals need `is_signal`, and may have `true_mass`.
undefined(variables, spec) -> dict[str, np.ndarray]
    variables of the selection that are not finite somewhere -> mask of the rows.
candidates(variables, spec, cutflow) -> dict[str, np.ndarray]
    variables of a chunk, by the search's own names -> columns of the skim for the rows that pass;
    counts rows in `cutflow`.
observable_of_mass(mass) -> np.ndarray
    the observable of a resonance of this mass, GeV.
"""

from types import ModuleType

from darkreach.searches import mumu_resonance

SEARCHES: dict[str, ModuleType] = {mumu_resonance.NAME: mumu_resonance}
