"""What the skim reads of one ntuple: branches under the names of the search, rows that have them all."""

from collections.abc import Iterator

import numpy as np

from darkreach.catalogue.manifest import Manifest
from darkreach.config.stages import SkimSpec
from darkreach.errors import DarkreachError
from darkreach.ntuple.chunks import iterate
from darkreach.ntuple.names import root_compatible
from darkreach.ntuple.reading import Ntuple
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.variables import branches_of, undefined

CHUNK_ROWS = 200_000
# columns that identify an event; a file without one of them has zeros there. The source is the event that a
# simulated one was drawn from, as others were, from 1.
IDENTITY = {
    "experiment": np.int32,
    "run": np.int32,
    "event": np.int64,
    "production": np.int64,
    "candidate": np.int32,
    "source": np.int64,
}
REQUIRED_IDENTITY = ("experiment", "run", "event")


def branches_in(spec: SkimSpec, manifest: Manifest, ntuple: Ntuple) -> dict[str, str]:
    """Names of variables → branches of this file, as the user calls them.

    Raises:
        DarkreachError: `columns` of the sample renames what the search does not read.
    """
    branches = branches_of(spec, manifest.kind)
    unknown = [name for name in spec.renamed if not any(_is_meant(name, b) for b in branches.values())]
    if unknown:
        raise DarkreachError(
            f"samples.{manifest.sample}.columns: '{unknown[0]}' is no branch or variable that "
            f"'{spec.search}' reads; remove it or correct its name"
        )
    branches = {name: _own_branch(branch, spec.renamed) for name, branch in branches.items()}
    for name in ("true_mass", "true_proper_length", *(f"trigger.{line}" for line in spec.reported_lines)):
        if name in branches and not _has(ntuple, branches[name]):
            branches.pop(name)
    optional = (*(name for name in IDENTITY if name not in REQUIRED_IDENTITY), "weight")
    present = [name for name in optional if _has(ntuple, f"__{name}__")]
    return branches | {name: f"__{name}__" for name in (*REQUIRED_IDENTITY, *present)}


def _is_meant(name: str, branch: str) -> bool:
    """Whether `name` is the branch, or the variable at its end: `muonID` means it for all tracks."""
    return branch == name or branch.endswith(f"_{name}")


def _own_branch(branch: str, renamed: dict[str, str]) -> str:
    """The user's name of a branch; the longest name that means it counts."""
    usual = max((name for name in renamed if _is_meant(name, branch)), key=len, default=None)
    return branch if usual is None else branch.removesuffix(usual) + renamed[usual]


def _has(ntuple: Ntuple, branch: str) -> bool:
    return branch in ntuple.names or root_compatible(branch) in ntuple.names


def variables_in(ntuple: Ntuple, branches: dict[str, str]) -> Iterator[dict[str, np.ndarray]]:
    """Chunks of the file by the search's own names, with zeros and unit weights for what it has not.

    Yields dicts of (rows,) arrays.

    Raises:
        DarkreachError: a branch is absent.
        UnreadableFile: the file is damaged or out of reach.
    """
    for chunk in iterate(ntuple, sorted(set(branches.values())), CHUNK_ROWS):
        variables = {name: chunk[branch] for name, branch in branches.items()}
        rows = len(variables["event"])
        for name in IDENTITY:
            variables.setdefault(name, np.zeros(rows, dtype=np.int64))
        variables.setdefault("weight", np.ones(rows))
        yield variables


def no_variables(spec: SkimSpec, kind: str) -> dict[str, np.ndarray]:
    """All variables of a chunk without rows, for a block of which nothing could be read."""
    return {name: np.zeros(0) for name in (*branches_of(spec, kind), *IDENTITY, "weight")}


def defined_rows(
    variables: dict[str, np.ndarray],
    spec: SkimSpec,
    path: str,
    branches: dict[str, str],
    cutflow: Cutflow,
) -> dict[str, np.ndarray]:
    """Rows whose variables of the selection are all finite.

    Raises:
        DarkreachError: others, if the search does not reject them; a weight that is not finite.
    """
    lost = np.count_nonzero(~np.isfinite(variables["weight"]))
    if lost:
        raise DarkreachError(
            f"{path}: branch '__weight__' is NaN or infinite in {lost} of {len(variables['weight'])} rows; "
            "correct the ntuple"
        )
    masks = undefined(variables, spec)
    if masks and spec.on_nan == "error":
        name, mask = next(iter(masks.items()))
        raise DarkreachError(
            f"{path}: branch '{branches[name]}' is NaN or infinite in {np.count_nonzero(mask)} of "
            f"{len(mask)} rows; correct the ntuple, or set 'on_nan: reject' to drop such rows"
        )
    if masks:
        good = ~np.logical_or.reduce(list(masks.values()))
        variables = {name: array[good] for name, array in variables.items()}
    cutflow.count("defined", variables["weight"])
    return variables
