"""What a stage read of a block, and the luminosity behind what it did not."""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction

from pydantic import BaseModel, ConfigDict, Field, model_validator

from darkreach.catalogue.manifest import FileEntry, Manifest, RunEntries
from darkreach.errors import DarkreachError


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileRead(_Record):
    """What a stage read of one file: all of it or, with a reason, nothing."""

    path: str
    uuid: str
    entries: int = Field(ge=0)
    runs: list[RunEntries] = Field([], description="experiment, run and entries, good and dropped runs")
    unread: str | None = Field(None, description="why nothing of the file was used; None: it was read")

    @model_validator(mode="after")
    def _unread_is_empty(self) -> "FileRead":
        if self.unread is not None and (self.entries or self.runs):
            raise ValueError("a file is either read or 'unread'; nothing of an unread one may be used")
        return self


class MissingFile(_Record):
    """A catalogued file that was not read."""

    path: str
    entries: int = Field(description="catalogued ones")
    luminosity_fb: float | None = Field(description="fb⁻¹ behind them; None for simulation")
    reason: str


def compare_read(manifest: Manifest, files_read: Iterable[FileRead]) -> list[MissingFile]:
    """Check that a stage read what the manifest lists; returns the files that it says it could not read.

    Raises:
        DarkreachError: names files of no block, and files with missing or surplus entries or with other runs
            that no reason explains.
    """
    read: dict[str, FileRead] = {}
    twice = []
    for file in files_read:
        if file.uuid in read:
            twice.append(file.path)
        read[file.uuid] = file
    unknown = sorted(read[uuid].path for uuid in set(read) - {file.uuid for file in manifest.files})
    if unknown:
        raise DarkreachError(
            f"block '{manifest.name}': read files that its manifest does not list: {', '.join(unknown)}; "
            "run the catalogue stage again"
        )
    wrong = [f"{path} (twice)" for path in twice]
    wrong += [
        f"{file.path} ({difference})"
        for file in manifest.files
        if (difference := _difference(file, read.get(file.uuid)))
    ]
    if wrong:
        luminosity = "" if manifest.luminosity_fb is None else f" of {manifest.luminosity_fb:g} fb⁻¹"
        raise DarkreachError(
            f"block '{manifest.name}'{luminosity}: not read as listed: {', '.join(wrong)}; "
            "process the block again"
        )
    return [
        MissingFile(
            path=file.path, entries=file.entries, luminosity_fb=_luminosity_of(manifest, file), reason=reason
        )
        for file in manifest.files
        if (reason := read[file.uuid].unread) is not None
    ]


def luminosity_read(manifest: Manifest, missing_uuids: Iterable[str]) -> Fraction:
    """Luminosity (fb⁻¹) of a block of data without some of its files, exact, so that sums have no order."""
    gone = set(missing_uuids)
    return _exact_luminosity(manifest) - sum(
        (_behind(manifest, file) for file in manifest.files if file.uuid in gone), Fraction(0)
    )


def _difference(file: FileEntry, read: FileRead | None) -> str | None:
    """In which way a file was not read as it is listed, in a few words."""
    if read is None:
        return f"0 of {file.entries} entries"
    if read.unread is not None:
        return None
    if read.entries != file.entries:
        return f"{read.entries} of {file.entries} entries"
    listed, found = _by_run(file.runs), _by_run(read.runs)
    if file.runs and listed != found:
        experiment, run = min(pair for pair in {**listed, **found} if listed[pair] != found[pair])
        return (
            f"{found[experiment, run]} of {listed[experiment, run]} entries in run {run} of experiment "
            f"{experiment}"
        )
    return None


def _by_run(runs: Iterable[RunEntries]) -> Counter[tuple[int, int]]:
    entries: Counter[tuple[int, int]] = Counter()
    for experiment, run, count in runs:
        entries[experiment, run] += count
    return entries


def _luminosity_of(manifest: Manifest, file: FileEntry) -> float | None:
    return float(_behind(manifest, file)) if manifest.kind == "data" else None


def _exact_luminosity(manifest: Manifest) -> Fraction:
    if manifest.stretches:
        return sum((Fraction(stretch.luminosity_fb) for stretch in manifest.stretches), Fraction(0))
    return Fraction(manifest.luminosity_fb or 0.0)


def _behind(manifest: Manifest, file: FileEntry) -> Fraction:
    """Luminosity (fb⁻¹) of the events in a file: of each stretch of runs, the file's share of the entries."""
    if not manifest.stretches:
        return _exact_luminosity(manifest) * _share(file, manifest.files, manifest.runs)
    total = Fraction(0)
    for stretch in manifest.stretches:
        runs = [
            (experiment, run)
            for experiment, run in manifest.runs
            if experiment == stretch.experiment and stretch.first_run <= run <= stretch.last_run
        ]
        total += Fraction(stretch.luminosity_fb) * _share(file, manifest.files, runs)
    return total


def _share(file: FileEntry, files: Sequence[FileEntry], runs: Iterable[tuple[int, int]]) -> Fraction:
    """The file's share of the entries in some runs; of all entries where files do not tell their runs."""
    if not all(other.runs for other in files if other.entries):
        everything = sum(other.entries for other in files)
        return Fraction(file.entries, everything) if everything else Fraction(0)
    chosen = set(runs)

    def entries(one: FileEntry) -> int:
        return sum(count for experiment, run, count in one.runs if (experiment, run) in chosen)

    everything = sum(map(entries, files))
    return Fraction(entries(file), everything) if everything else Fraction(0)
