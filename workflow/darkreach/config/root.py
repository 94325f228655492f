"""The whole configuration and where it comes from."""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import yaml
from pydantic import BaseModel, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from darkreach.config.base import Fraction, Name, NonNegative, Positive, Section
from darkreach.config.figures import Figures
from darkreach.config.samples import Decay, ModelName, Sample
from darkreach.config.search import Search
from darkreach.errors import DarkreachError
from darkreach.searches.registry import search_named


class Injection(Section):
    """A signal added to the simulated data of one search."""

    search: Name | None = Field(None, description="may be left out if there is only one")
    model: ModelName
    mass_GeV: Positive
    lifetime_m: NonNegative = 0.0
    decay: Decay | None = Field(None, description="of X, if its search has several")
    cross_section_fb: Positive = Field(description="cross-section times branching fractions, fb")


class Config(Section):
    """Everything a user can set."""

    results: str = Field("results", min_length=1)
    seed: int = Field(178, ge=0, description="the one seed from which every random number follows")
    executor: Literal["dask", "futures", "iterative"] = "dask"
    workers: int = Field(1, ge=1, description="processes of the columnar step of one block")
    tolerance: Fraction = Field(
        0.0, description="of a sample's luminosity or entries: how much may stay unread"
    )
    scratch: str | None = Field(
        None, min_length=1, description="folder that remote files are copied to before they are read"
    )
    injection: Injection | None = None
    figures: Figures = Field(Figures(), description="how figures of limits look")
    searches: dict[Name, Search] = Field(min_length=1)
    samples: dict[Name, Sample]

    def samples_of(self, search_name: str) -> dict[str, Sample]:
        """The samples that a search uses, by name."""
        return {
            name: sample
            for name, sample in self.samples.items()
            if not sample.searches or search_name in sample.searches
        }

    def search_of(self, sample_name: str) -> str:
        """The one search whose ntuples a simulated sample stands in for."""
        served = self.samples[sample_name].searches or list(self.searches)
        return served[0]

    def decay_of(self, sample_name: str) -> Decay | None:
        """Decay of X in a signal sample; None for other samples."""
        sample = self.samples[sample_name]
        if sample.kind != "signal":
            return None
        return sample.decay or next(iter(self.searches[self.search_of(sample_name)].channels.values()))

    @model_validator(mode="after")
    def _samples_serve_searches(self) -> "Config":
        for name, sample in self.samples.items():
            unknown = sorted(set(sample.searches) - set(self.searches))
            if unknown:
                raise ValueError(f"sample '{name}' serves search '{unknown[0]}', which 'searches' lacks")
            if sample.simulate is not None and len(sample.searches or self.searches) > 1:
                raise ValueError(f"simulated sample '{name}' serves several searches; name one in 'searches'")
            for search in self.searches if not sample.searches else sample.searches:
                decays = set(self.searches[search].channels.values())
                if sample.kind == "signal" and len(decays) > 1 and sample.decay is None:
                    raise ValueError(
                        f"signal sample '{name}' needs 'decay', one of those of '{search}': "
                        f"{', '.join(sorted(decays))}"
                    )
        return self

    @model_validator(mode="after")
    def _searches_have_samples(self) -> "Config":
        for name, search in self.searches.items():
            samples = self.samples_of(name)
            for needed in ("data", "background"):
                if needed not in {sample.kind for sample in samples.values()}:
                    raise ValueError(f"search '{name}' has no sample of kind '{needed}' in 'samples'")
            simulated = {s.model for s in samples.values() if s.kind == "signal"}
            missing = sorted({signal_model(model) for model in search.models} - simulated)
            if missing:
                raise ValueError(f"search '{name}' interprets '{missing[0]}', which has no signal sample")
            for model in search.models:
                _check_masses(name, search, model, samples)
        return self

    @model_validator(mode="after")
    def _injection_has_a_search(self) -> "Config":
        if self.injection is not None and self.injection.search is None and len(self.searches) > 1:
            raise ValueError("'injection' needs 'search', as there are several")
        if self.injection is not None and (self.injection.search or "") not in {"", *self.searches}:
            raise ValueError(f"'injection' names search '{self.injection.search}', which 'searches' lacks")
        return self


def signal_model(model: str) -> str:
    """The model whose simulated signals a model is interpreted with."""
    return model.removesuffix("_majorana")


def _check_masses(name: str, search: Search, model: str, samples: Mapping[str, Sample]) -> None:
    """The scan interpolates between simulated masses; it extrapolates nothing."""
    masses = {
        mass
        for sample in samples.values()
        if sample.model == signal_model(model)
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

    In `values`, `samples` as a whole may be the path of a YAML file or a list of such paths, and each
    search may be a path. A search may also be a mapping with the key `base`, such a path, whose other keys
    replace those of the file.

    Raises:
        DarkreachError: a file is missing or broken, a key is unknown, or a value is not allowed.
    """
    values = dict(_mapping(values, source))
    files: dict[tuple, _File] = {(): _File(source, values.copy())}
    if isinstance(values.get("samples"), str | list):
        values["samples"] = _read_samples(values["samples"], files)
    if isinstance(values.get("searches"), Mapping):
        values["searches"] = dict(values["searches"])
        for name, search in values["searches"].items():
            changes = dict(search) if isinstance(search, Mapping) else {"base": search}
            if isinstance(base := changes.pop("base", None), str):
                files["searches", name] = _File(base, _mapping(read_yaml(base), base), 2)
                values["searches"][name] = replaced(files["searches", name].content, changes)
    try:
        config = Config.model_validate(values)
        for name, search in config.searches.items():
            _check_against_module(name, search)
    except ValidationError as error:
        raise DarkreachError(_sentence(error, files)) from None
    return config


def _read_samples(paths: str | list[str], files: dict[tuple, "_File"]) -> dict[str, Any]:
    """The samples of all files together."""
    samples: dict[str, Any] = {}
    for path in [paths] if isinstance(paths, str) else paths:
        for name, sample in _mapping(read_yaml(path), path).items():
            if name in samples:
                raise DarkreachError(
                    f"{path}: sample '{name}' is also in {files['samples', name].path}; rename one"
                )
            samples[name] = sample
            files["samples", name] = _File(path, sample, 1)
    return samples


def _check_against_module(name: str, search: Search) -> None:
    """What only the search's own module can check: its cuts, and the variables that it reads."""
    module = search_named(name)
    place = ("searches", name)
    try:
        module.Selection.model_validate(search.selection)
    except ValidationError as error:
        details: list[Any] = [
            {
                "type": PydanticCustomError("value_error", "{text}", {"text": e["msg"]})
                if e["type"] == "value_error"
                else e["type"],
                "loc": (*place, "selection", *e["loc"]),
                "input": e["input"],
                "ctx": e.get("ctx", {}),
            }
            for e in error.errors()
        ]
        raise ValidationError.from_exception_data("Config", details) from None
    needed = {
        "tracks": module.TRACKS,
        "track_variables": module.TRACK_VARIABLES,
        "event_variables": module.EVENT_VARIABLES,
        "truth": module.TRUTH,
    }
    for key, names in needed.items():
        found = getattr(search.columns, key)
        missing, unknown = sorted(set(names) - set(found)), sorted(set(found) - set(names))
        if missing or unknown:
            text = f"lacks '{missing[0]}'" if missing else f"has '{unknown[0]}', which nothing reads"
            detail: Any = {
                "type": PydanticCustomError("value_error", "{text}", {"text": text}),
                "loc": (*place, "columns", key),
                "input": found,
            }
            raise ValidationError.from_exception_data("Config", [detail])


@dataclass
class _File:
    """A file that a part of the configuration comes from; its keys start at `depth` of a location."""

    path: str
    content: Any
    depth: int = 0

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
    # a misspelt key is also missing under its right name: say the former
    first = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    # pydantic adds marks such as "[key]" and "list[...]" that are no keys of the file
    location = tuple(part for part in first["loc"] if "[" not in str(part))
    holding = [
        at for at, file in files.items() if at == location[: len(at)] and file.has(location[len(at) :])
    ]
    # a missing key is in no file: name the one where it belongs
    at = min(holding, key=len) if holding else max((a for a in files if a == location[: len(a)]), key=len)
    file, key = files[at].path, ".".join(map(str, location[files[at].depth :])) or "the file"
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
    if len(location) == 3 and location[::2] == ("searches", "selection"):
        return list(search_named(location[1]).Selection.model_fields)
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
