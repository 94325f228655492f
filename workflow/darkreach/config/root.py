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

    results: str = Field("results", min_length=1)
    seed: int = Field(ge=0, description="the one seed from which every random number follows")
    executor: Literal["dask", "futures", "iterative"] = "dask"
    workers: int = Field(1, ge=1, description="processes of the columnar step of one block")
    injection: Injection | None = None
    searches: dict[Literal["mumu_resonance"], Search] = Field(min_length=1)
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
            for model in search.models:
                _check_masses(name, search, model, self.samples)
        return self


def _check_masses(name: str, search: Search, model: str, samples: Mapping[str, Sample]) -> None:
    """The scan interpolates between simulated masses; it extrapolates nothing."""
    masses = {
        mass
        for sample in samples.values()
        if sample.model == model
        for block in sample.blocks.values()
        for mass in (*block.masses_GeV, block.mass_GeV)
        if mass is not None
    }
    low, high = search.scan.range_GeV
    if len(masses) < 2 or low < min(masses) or high > max(masses):
        found = (
            f"from {min(masses):g} to {max(masses):g} GeV"
            if len(masses) > 1
            else f"only at {min(masses):g} GeV"
        )
        raise ValueError(
            f"search '{name}' scans {low:g} to {high:g} GeV, but the signals of '{model}' are {found}; "
            "narrow 'scan.range_GeV' or add signals at its ends"
        )


def load_config(values: Mapping[str, Any], source: str) -> Config:
    """Check a configuration. `values` is the parsed YAML of `source`, which error messages name.

    In `values`, `samples` as a whole may be the path of a YAML file, and so may each search. A search
    may also be a mapping with the key `base`, such a path, whose other keys replace those of the file.

    Raises:
        DarkreachError: a file is missing or broken, a key is unknown, or a value is not allowed.
    """
    values = dict(_mapping(values, source))
    files: dict[tuple, _File] = {(): _File(source, values.copy())}
    if isinstance(values.get("samples"), str):
        files["samples",] = _File(
            values["samples"], _mapping(read_yaml(values["samples"]), values["samples"])
        )
        values["samples"] = files["samples",].content
    if isinstance(values.get("searches"), Mapping):
        values["searches"] = dict(values["searches"])
        for name, search in values["searches"].items():
            changes = dict(search) if isinstance(search, Mapping) else {"base": search}
            if isinstance(base := changes.pop("base", None), str):
                files["searches", name] = _File(base, _mapping(read_yaml(base), base))
                values["searches"][name] = replaced(files["searches", name].content, changes)
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


def _mapping(content: Any, path: str) -> Mapping[str, Any]:
    if not isinstance(content, Mapping):
        raise DarkreachError(f"{path}: must have lines of the form 'key: value', {_kind(content)}")
    return content


def _kind(found: Any) -> str:
    """What stands where keys and values should."""
    if found is None:
        return "found nothing"
    return "found a list" if isinstance(found, list) else f"found {found!r}"


def replaced(old: Any, new: Any) -> Any:
    """`old` with the keys of `new` in place of its own, at every depth."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    return {**old, **{key: replaced(old.get(key), value) for key, value in new.items()}}


def read_yaml(path: str | Path) -> Any:
    """Parse one YAML file.

    Raises:
        DarkreachError: the file is missing or is not YAML.
    """
    try:
        return yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this configuration file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise DarkreachError(f"{path}: not a text file; give a YAML file") from None
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
    if first["type"] in ("dict_type", "model_type"):
        return f"{file}: '{key}' must have lines of the form 'key: value', {_kind(first['input'])}{more}"
    if first["type"] == "string_pattern_mismatch":
        return f"{file}: '{key}': names consist of letters, digits, '_', '.' and '-'{more}"
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
