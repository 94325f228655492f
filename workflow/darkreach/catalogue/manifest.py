"""The manifest: what one block contains, as a JSON file."""

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from darkreach.errors import DarkreachError

RunEntries = tuple[int, int, int]  # experiment, run, entries


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class FileEntry(_Record):
    """One ntuple file of a block."""

    path: str
    size_bytes: int = Field(ge=0)
    uuid: str = Field(description="the UUID that ROOT gave the file; a copy has the same")
    entries: int = Field(ge=0)
    checksum: str | None = Field(default=None, description="of the content of a local file")
    runs: list[RunEntries] = Field(default=[], description="entries of each run in the file, sorted")
    unreadable: str | None = Field(
        default=None, description="why the file cannot be read any more, though it once was"
    )


class Stretch(_Record):
    """A row of the luminosity table: the runs from first to last and what they are worth."""

    experiment: int
    first_run: int
    last_run: int
    luminosity_fb: float = Field(ge=0, description="fb⁻¹")


class Component(_Record):
    """One generated process, or one mass and lifetime of a signal, in the files of a block."""

    process: str
    mass_GeV: float | None = Field(default=None, gt=0, description="mass of X; None for backgrounds")
    lifetime_m: float | None = Field(
        default=None, ge=0, description="proper decay length cτ of X, 0: prompt; None for backgrounds"
    )
    decay: str | None = Field(default=None, description="decay of X; None: that of the search's only channel")
    generated_events: int = Field(ge=0)
    cross_section_fb: float | None = Field(
        default=None, gt=0, description="fb; for signals at unit coupling, and only for information"
    )
    cross_section_error_fb: float | None = Field(default=None, ge=0)


class Manifest(_Record):
    """What one block contains: files, runs, and luminosity or generated events."""

    sample: str
    block: str
    kind: Literal["data", "background", "signal"]
    simulated: bool = Field(description="made by this workflow, not the user's own files")
    model: str | None
    tree: str
    files: list[FileEntry] = Field(min_length=1)
    entries: int
    experiments: list[int]
    runs: list[tuple[int, int]] = Field(description="experiment and run of the good runs, sorted")
    dropped_runs: list[tuple[int, int]] = Field(
        default=[], description="runs in the files that the good-run list lacks; the skim drops their entries"
    )
    luminosity_fb: float | None = Field(gt=0, description="fb⁻¹; data only")
    stretches: list[Stretch] = Field(
        default=[], description="rows of the luminosity table that 'luminosity_fb' is the sum of"
    )
    components: list[Component] = Field(description="none for data")

    @model_validator(mode="after")
    def _consistent(self) -> "Manifest":
        if self.entries != sum(file.entries for file in self.files):
            raise ValueError("'entries' is not the sum over 'files'")
        return self

    @property
    def name(self) -> str:
        """`sample/block`, as messages and paths have it."""
        return f"{self.sample}/{self.block}"

    @classmethod
    def read(cls, path: str | os.PathLike) -> "Manifest":
        """The manifest in `path`.

        Raises:
            DarkreachError: the file is missing or is no manifest.
        """
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except OSError as error:
            raise DarkreachError(f"{path}: cannot read this manifest ({error.strerror})") from None
        except ValidationError as error:
            raise DarkreachError(
                f"{path}: not a manifest, {first_problem(error)}; give one, or run the catalogue stage again"
            ) from None

    def write(self, path: str | os.PathLike) -> bool:
        """Write the manifest in one step, and only if `path` has not the same content; returns whether.

        Raises:
            DarkreachError: the place cannot be written to.
        """
        path = Path(path)
        text = json.dumps(self.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"
        new = path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
                return False
            path.parent.mkdir(parents=True, exist_ok=True)
            new.write_text(text, encoding="utf-8")
            new.replace(path)
        except OSError as error:
            raise DarkreachError(f"{path}: cannot write this manifest ({error.strerror})") from None
        finally:
            with suppress(OSError):
                new.unlink()
        return True


def first_problem(error: ValidationError) -> str:
    """The first thing wrong, with its key, in a few words."""
    first = error.errors()[0]
    key = ".".join(map(str, first["loc"]))
    message = first["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    return f"'{key}': {message}" if key else message
