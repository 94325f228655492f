"""The whole configuration and where it comes from."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator

from darkreach.config.base import Name, Positive, Section
from darkreach.config.samples import ModelName, Sample
from darkreach.config.search import Search
from darkreach.errors import DarkreachError


class Injection(Section):
    """A signal added to the simulated data."""

    model: ModelName
    mass_GeV: Positive
    cross_section_fb: Positive = Field(description="σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻), fb")


class Config(Section):
    """Everything a user can set."""

    results: str = "results"
    seed: int = Field(ge=0, description="the one seed from which every random number follows")
    executor: Literal["dask", "futures", "iterative"] = "dask"
    workers: int = Field(1, ge=1, description="processes of the columnar step of one block")
    injection: Injection | None = None
    searches: dict[Literal["mumu_resonance"], Search]
    samples: dict[Name, Sample]

    @model_validator(mode="after")
    def _samples_serve_the_searches(self) -> "Config":
        kinds = {sample.kind for sample in self.samples.values()}
        for needed in ("data", "background"):
            if needed not in kinds:
                raise ValueError(f"'samples' has no sample of kind '{needed}'")
        for name, search in self.searches.items():
            simulated = {s.model for s in self.samples.values() if s.kind == "signal"}
            missing = sorted(set(search.models) - simulated)
            if missing:
                raise ValueError(f"search '{name}' interprets '{missing[0]}', which has no signal sample")
        return self


def load_config(values: Mapping[str, Any], source: str) -> Config:
    """Check a configuration. `values` is the parsed YAML of `source`, which error messages name.

    In `values`, `samples` as a whole may be the path of a YAML file, and so may each search. A search
    may also be a mapping with the key `base`, such a path, whose other keys replace those of the file.

    Raises:
        DarkreachError: a file is missing or broken, a key is unknown, or a value is not allowed.
    """
    files = {(): _File(source, values)}
    values = dict(values)
    if isinstance(values.get("samples"), str):
        files["samples",] = _File(values["samples"], read_yaml(values["samples"]))
        values["samples"] = files["samples",].content
    if isinstance(values.get("searches"), Mapping):
        values["searches"] = dict(values["searches"])
        for name, search in values["searches"].items():
            changes = dict(search) if isinstance(search, Mapping) else {"base": search}
            if isinstance(base := changes.pop("base", None), str):
                files["searches", name] = _File(base, read_yaml(base))
                values["searches"][name] = _replaced(files["searches", name].content, changes)
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        raise DarkreachError(_sentence(error, files)) from None


@dataclass
class _File:
    path: str
    content: Any

    def has(self, location: tuple) -> bool:
        content = self.content
        for part in location:
            try:
                content = content[part]
            except (KeyError, IndexError, TypeError):
                return False
        return True


def _replaced(old: Any, new: Any) -> Any:
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    return {**old, **{key: _replaced(old.get(key), value) for key, value in new.items()}}


def read_yaml(path: str | Path) -> Any:
    """Parse one YAML file.

    Raises:
        DarkreachError: the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this configuration file ({error.strerror})") from None
    except yaml.YAMLError as error:
        place = getattr(error, "problem_mark", None)
        where = f", line {place.line + 1}" if place else ""
        raise DarkreachError(f"{path}{where}: not valid YAML ({getattr(error, 'problem', error)})") from None


def _sentence(error: ValidationError, files: dict[tuple, _File]) -> str:
    first = error.errors()[0]
    # pydantic adds marks such as "[key]" and "list[...]" that are no keys of the file
    location = tuple(part for part in first["loc"] if "[" not in str(part))
    holding = [
        at for at, file in files.items() if at == location[: len(at)] and file.has(location[len(at) :])
    ]
    # a missing key is in no file: name the one where it belongs
    at = min(holding, key=len) if holding else max((a for a in files if a == location[: len(a)]), key=len)
    file, key = files[at].path, ".".join(map(str, location[len(at) :])) or "the file"
    more = f" (and {error.error_count() - 1} more)" if error.error_count() > 1 else ""
    if first["type"] == "extra_forbidden":
        names = _allowed_keys(location[:-1])
        nearest = difflib.get_close_matches(str(location[-1]), names, n=1)
        hint = f"did you mean '{nearest[0]}'?" if nearest else f"allowed are {', '.join(sorted(names))}"
        return f"{file}: unknown key '{key}'; {hint}{more}"
    if first["type"] == "missing":
        return f"{file}: '{key}' is missing{more}"
    message = first["msg"].removeprefix("Value error, ")
    found = first["input"]
    shown = f", found {found!r}" if isinstance(found, str | int | float | bool) else ""
    if first["type"] == "literal_error" and isinstance(found, str):
        nearest = difflib.get_close_matches(found, first["ctx"]["expected"].replace("'", "").split(), n=1)
        shown += f"; did you mean '{nearest[0].rstrip(',')}'?" if nearest else ""
    return f"{file}: '{key}': {message[0].lower() + message[1:]}{shown}{more}"


def _allowed_keys(location: tuple) -> list[str]:
    """The keys that the configuration may have at a location, [] if it names no section."""
    kind: Any = Config
    for part in location:
        # else dict[name, section] or list[section]
        kind = kind.model_fields[part].annotation if _is_section(kind) else get_args(kind)[-1]
    section = _section_within(kind)
    return list(section.model_fields) if section else []


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _section_within(kind: Any) -> type[BaseModel] | None:
    if _is_section(kind):
        return kind
    return next((found for argument in get_args(kind) if (found := _section_within(argument))), None)
