"""Read a HistFactory workspace (pyhf JSON) into arrays.

Parameter order, initial values, bounds and constraints follow pyhf 0.7 (its modifier and parameter classes),
so that a parameter vector of pyhf is a parameter vector here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import interpolation
from darkreach.statistics.engine.gammas import FREE, NORMAL, POISSON

# the order in which pyhf creates the parameters
MODIFIER_TYPES = ("histosys", "lumi", "normfactor", "normsys", "shapefactor", "shapesys", "staterror")
BIN_WISE = ("staterror", "shapesys", "shapefactor")
DEFAULT_CODES = {"normsys": "code4", "histosys": "code4p"}
BARE_CODES = {"normsys": "code1", "histosys": "code0"}  # what pyhf takes for a type its settings leave out


@dataclass(frozen=True)
class Shape:
    """What two workspaces must have in common to be fitted in one batch. Indices point into the tuples."""

    channels: tuple[tuple[str, int], ...]  # name, number of bins
    processes: tuple[tuple[int, str], ...]  # channel, sample
    factors: tuple[tuple[int, int, str], ...]  # process, parameter, modifier type
    histosys: tuple[tuple[int, int], ...]  # process, parameter
    bin_wise: tuple[tuple[int, str, str, tuple[int, ...]], ...]  # process, type, name, parameter of each bin
    names: tuple[str, ...]  # of the parameters, as pyhf's par_names
    constraints: tuple[int, ...]  # FREE, NORMAL or POISSON for each parameter
    poi: int
    normsys_code: str
    histosys_code: str

    @property
    def bins(self) -> int:
        return sum(bins for _, bins in self.channels)

    def bin_name(self, index: int) -> str:
        """Channel and bin (counted from 0) of a global bin index, as words."""
        for name, bins in self.channels:
            if index < bins:
                return f"channel '{name}', bin {index}"
            index -= bins
        raise IndexError(index)


@dataclass(frozen=True)
class Workspace:
    """One hypothesis: the shape and its numbers. Parameter arrays have shape (parameters,)."""

    shape: Shape
    nominal: tuple[np.ndarray, ...]  # per process, (bins of its channel,)
    normsys: np.ndarray  # (normsys factors in the order of shape.factors, 2): lo, hi
    histosys: tuple[tuple[np.ndarray, np.ndarray], ...]  # per shape.histosys: lo, hi
    init: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    fixed: np.ndarray
    aux: np.ndarray  # 0 for parameters without constraint
    width: np.ndarray  # σ (Gaussian), factor (Poisson) or 1
    observed: np.ndarray  # (bins,)


@dataclass
class _ParameterSet:
    size: int
    constraint: int
    scalar: bool
    values: dict[str, Any]


def read_workspace(
    spec: Mapping[str, Any], measurement: str | None = None, modifier_settings: Mapping | None = None
) -> Workspace:
    """Parse a workspace; `measurement` as in pyhf (the first one if None), `modifier_settings` too.

    Raises DarkreachError, naming channel, sample and modifier, for anything the engine does not know.
    """
    try:
        return _read(spec, measurement, modifier_settings)
    except (KeyError, TypeError, AttributeError) as error:
        raise DarkreachError(
            f"the workspace is not valid HistFactory JSON: {type(error).__name__} {error}; "
            "check it with `pyhf inspect`"
        ) from error


def _read(spec: Mapping, measurement: str | None, settings: Mapping | None) -> Workspace:
    config = _measurement(spec, measurement)["config"]
    codes = DEFAULT_CODES if settings is None else _codes(settings)
    channels, processes = _processes(spec["channels"])
    sets = _parameter_sets(channels, processes)
    _configure(sets, config.get("parameters", []))
    start = dict(zip(sets, np.cumsum([0] + [s.size for s in sets.values()])[:-1].tolist(), strict=True))

    factors, normsys, histosys, histosys_data = [], [], [], []
    for p, (channel, sample, data, modifiers) in enumerate(processes):
        where = f"sample '{sample}' in channel '{channels[channel][0]}'"
        for (kind, name), modifier in modifiers.items():
            if kind in ("normfactor", "lumi", "normsys"):
                factors.append((p, start[name], kind))
                if kind == "normsys":
                    normsys.append(_normsys(modifier, where))
            elif kind == "histosys":
                histosys.append((p, start[name]))
                histosys_data.append(_histosys(modifier, data, where))
    bin_wise = [
        (p, kind, name, parameters)
        for kind, name, parameters, members in _bin_wise_groups(channels, processes, start)
        for p in members
    ]

    poi = config["poi"]
    if poi not in sets or sets[poi].size != 1:
        raise DarkreachError(f"the parameter of interest '{poi}' is not a parameter with one component")
    shape = Shape(
        channels=tuple(channels),
        processes=tuple((channel, sample) for channel, sample, _, _ in processes),
        factors=tuple(factors),
        histosys=tuple(histosys),
        bin_wise=tuple(bin_wise),
        names=tuple(_names(sets)),
        constraints=tuple(c for s in sets.values() for c in [s.constraint] * s.size),
        poi=start[poi],
        normsys_code=codes["normsys"],
        histosys_code=codes["histosys"],
    )
    return Workspace(
        shape=shape,
        nominal=tuple(data for _, _, data, _ in processes),
        normsys=np.array(normsys, dtype=float).reshape(-1, 2),
        histosys=tuple(histosys_data),
        observed=_observed(spec, channels),
        **_parameter_arrays(sets),
    )


def _measurement(spec: Mapping, name: str | None) -> Mapping:
    measurements = spec.get("measurements", [])
    if not measurements:
        raise DarkreachError("the workspace has no measurement; add one under 'measurements'")
    if name is None:
        return measurements[0]
    found = [m for m in measurements if m["name"] == name]
    if not found:
        raise DarkreachError(
            f"the workspace has no measurement '{name}'; it has {[m['name'] for m in measurements]}"
        )
    return found[0]


def _codes(settings: Mapping) -> dict[str, str]:
    codes = {}
    known = {"normsys": interpolation.NORMSYS_CODES, "histosys": interpolation.HISTOSYS_CODES}
    for kind, allowed in known.items():
        codes[kind] = settings.get(kind, {}).get("interpcode", BARE_CODES[kind])
        if codes[kind] not in allowed:
            raise DarkreachError(
                f"interpolation '{codes[kind]}' of {kind} is not known; use one of {allowed}"
            )
    return codes


def _processes(spec: list) -> tuple[list, list]:
    """Channels (name, bins) and processes (channel, sample, nominal, modifiers), in pyhf's sorted order."""
    by_name = {channel["name"]: channel for channel in spec}
    if len(by_name) != len(spec):
        raise DarkreachError("two channels of the workspace have the same name; rename one")
    channels, processes = [], []
    for c, name in enumerate(sorted(by_name)):
        samples = {sample["name"]: sample for sample in by_name[name]["samples"]}
        bins = len(by_name[name]["samples"][0]["data"])
        channels.append((name, bins))
        for sample in sorted(samples):
            data = np.array(samples[sample]["data"], dtype=float)
            if data.shape != (bins,):
                raise DarkreachError(
                    f"sample '{sample}' in channel '{name}' has {data.size} bins, not {bins}"
                )
            modifiers = {(m["type"], m["name"]): m for m in samples[sample]["modifiers"]}
            for kind, modifier in modifiers:
                if kind not in MODIFIER_TYPES:
                    raise DarkreachError(
                        f"modifier '{modifier}' on sample '{sample}' in channel '{name}' has type '{kind}', "
                        f"which the engine does not know; it knows {', '.join(MODIFIER_TYPES)}"
                    )
            processes.append((c, sample, data, dict(sorted(modifiers.items(), key=lambda m: m[0][::-1]))))
    return channels, processes


def _parameter_sets(channels: list, processes: list) -> dict[str, _ParameterSet]:
    sets: dict[str, _ParameterSet] = {}
    for kind in MODIFIER_TYPES:
        if kind == "staterror":
            found = _staterror_sets(channels, processes)
        else:
            found = _sets_of_type(kind, channels, processes)
        for name, new in found.items():
            old = sets.setdefault(name, new)
            if (old.size, old.constraint, old.values) != (new.size, new.constraint, new.values):
                raise DarkreachError(
                    f"modifier name '{name}' is used for modifiers of different kinds; use unique names"
                )
    if any(kind == "lumi" and name != "lumi" for _, _, _, m in processes for kind, name in m):
        raise DarkreachError("a modifier of type lumi must have the name 'lumi'")
    return sets


def _sets_of_type(kind: str, channels: list, processes: list) -> dict[str, _ParameterSet]:
    """Parameter sets in the order pyhf meets them: channels, then samples, then modifiers, each sorted."""
    found: dict[str, _ParameterSet] = {}
    for channel, sample, data, modifiers in processes:
        for (other, name), modifier in modifiers.items():
            if other != kind:
                continue
            if name not in found:
                found[name] = _defaults(kind, data, modifier)
            elif kind == "shapesys":
                raise DarkreachError(f"shapesys '{name}' is on more than one sample; use unique names")
            elif kind == "shapefactor" and data.size > found[name].size:
                raise DarkreachError(
                    f"shapefactor '{name}' has fewer bins than sample '{sample}' in channel "
                    f"'{channels[channel][0]}'"
                )
    return found


def _defaults(kind: str, data: np.ndarray, modifier: Mapping) -> _ParameterSet:
    """pyhf's default parameter set of a modifier that is not a staterror."""
    size = data.size if kind in BIN_WISE else 1
    if kind == "normfactor":
        values = {"inits": [1.0], "bounds": [(0.0, 10.0)], "fixed": [False]}
        return _ParameterSet(1, FREE, True, values)
    if kind in ("normsys", "histosys"):
        values = {"inits": [0.0], "bounds": [(-5.0, 5.0)], "fixed": [False], "auxdata": [0.0]}
        return _ParameterSet(1, NORMAL, True, values)
    if kind == "lumi":
        values = {"inits": None, "bounds": None, "fixed": [False], "auxdata": None, "sigmas": None}
        return _ParameterSet(1, NORMAL, True, values)
    if kind == "shapefactor":
        values = {"inits": [1.0] * size, "bounds": [(0.0, 10.0)] * size, "fixed": [False] * size}
        return _ParameterSet(size, FREE, False, values)
    uncertainty = np.array(modifier["data"], dtype=float)
    if uncertainty.shape != data.shape:
        raise DarkreachError(f"shapesys '{modifier['name']}' has {uncertainty.size} bins, not {data.size}")
    valid = (data > 0.0) & (uncertainty > 0.0)
    factors = np.where(valid, data**2 / np.where(valid, uncertainty, 1.0) ** 2, 1.0).tolist()
    values = {
        "inits": [1.0] * size,
        "bounds": [(1e-10, 10.0)] * size,
        "fixed": (~valid).tolist(),
        "auxdata": factors,
        "factors": factors,
    }
    return _ParameterSet(size, POISSON, False, values)


def _staterror_sets(channels: list, processes: list) -> dict[str, _ParameterSet]:
    """Relative uncertainties of all samples of a channel that share the staterror, combined in quadrature."""
    names = {name: None for _, _, _, m in processes for kind, name in m if kind == "staterror"}
    found = {}
    for name in sorted(names):
        sigmas: list[float] = []
        for channel, (channel_name, bins) in enumerate(channels):
            total, variance, members = np.zeros(bins), np.zeros(bins), 0
            for c, sample, data, modifiers in processes:
                if c != channel or ("staterror", name) not in modifiers:
                    continue
                uncertainty = np.array(modifiers["staterror", name]["data"], dtype=float)
                if uncertainty.shape != (bins,):
                    raise DarkreachError(
                        f"staterror '{name}' on sample '{sample}' in channel '{channel_name}' has "
                        f"{uncertainty.size} bins, not {bins}"
                    )
                total, variance, members = total + data, variance + uncertainty**2, members + 1
            if members:
                filled = total > 0.0
                relative = np.sqrt(variance) / np.where(filled, total, 1.0)
                sigmas.extend(np.where(filled, relative, 0.0).tolist())
        size = len(sigmas)
        values = {
            "inits": [1.0] * size,
            "bounds": [(1e-10, 10.0)] * size,
            "fixed": [sigma == 0.0 for sigma in sigmas],
            "auxdata": [1.0] * size,
            "sigmas": [sigma or 1.0 for sigma in sigmas],
        }
        found[name] = _ParameterSet(size, NORMAL, False, values)
    return found


def _configure(sets: dict[str, _ParameterSet], parameters: list) -> None:
    """Overwrite defaults with what the measurement says, as pyhf does."""
    seen: set[str] = set()
    for parameter in parameters:
        name = parameter["name"]
        if name in seen:
            raise DarkreachError(f"the measurement configures parameter '{name}' twice; keep one")
        seen.add(name)
        if name not in sets:
            continue
        for key, value in parameter.items():
            if key == "name":
                continue
            if key not in sets[name].values and not (key == "sigmas" and value == []):
                raise DarkreachError(f"parameter '{name}' has no {key}; take it out of the measurement")
            value = [value] * sets[name].size if isinstance(value, bool) else list(value)
            if len(value) != sets[name].size:
                raise DarkreachError(
                    f"the measurement gives {len(value)} {key} for parameter '{name}', not {sets[name].size}"
                )
            sets[name].values[key] = value
    for name, parameter_set in sets.items():
        missing = [key for key, value in parameter_set.values.items() if value is None]
        if missing:
            raise DarkreachError(f"parameter '{name}' needs {', '.join(missing)} in the measurement")


def _parameter_arrays(sets: dict[str, _ParameterSet]) -> dict[str, np.ndarray]:
    columns: dict[str, list] = {key: [] for key in ("init", "lower", "upper", "fixed", "aux", "width")}
    for s in sets.values():
        columns["init"] += s.values["inits"]
        columns["lower"] += [low for low, _ in s.values["bounds"]]
        columns["upper"] += [high for _, high in s.values["bounds"]]
        columns["fixed"] += s.values["fixed"]
        columns["aux"] += s.values.get("auxdata", [0.0] * s.size)
        columns["width"] += s.values.get("sigmas", s.values.get("factors", [1.0] * s.size))
    return {key: np.array(value, dtype=bool if key == "fixed" else float) for key, value in columns.items()}


def _names(sets: dict[str, _ParameterSet]) -> list[str]:
    names = []
    for name, s in sets.items():
        names += [name] if s.scalar else [f"{name}[{i}]" for i in range(s.size)]
    return names


def _bin_wise_groups(channels: list, processes: list, start: dict[str, int]) -> list[tuple]:
    """(type, name, parameter of each bin, processes) for each bin-wise modifier in each channel."""
    groups = []
    for kind in BIN_WISE:
        names = sorted({name for _, _, _, m in processes for k, name in m if k == kind})
        for name in names:
            first = start[name]
            for channel, (_, bins) in enumerate(channels):
                members = [
                    p for p, (c, _, _, m) in enumerate(processes) if c == channel and (kind, name) in m
                ]
                if not members:
                    continue
                groups.append((kind, name, tuple(range(first, first + bins)), members))
                if kind == "staterror":  # each channel has parameters of its own
                    first += bins
    return groups


def _normsys(modifier: Mapping, where: str) -> tuple[float, float]:
    low, high = float(modifier["data"]["lo"]), float(modifier["data"]["hi"])
    if not (low > 0.0 and high > 0.0):
        raise DarkreachError(
            f"normsys '{modifier['name']}' on {where} has factors {low} and {high}; both must be positive"
        )
    return low, high


def _histosys(modifier: Mapping, nominal: np.ndarray, where: str) -> tuple[np.ndarray, np.ndarray]:
    low = np.array(modifier["data"]["lo_data"], dtype=float)
    high = np.array(modifier["data"]["hi_data"], dtype=float)
    if low.shape != nominal.shape or high.shape != nominal.shape:
        raise DarkreachError(
            f"histosys '{modifier['name']}' on {where} has {low.size} and {high.size} bins, "
            f"not {nominal.size}"
        )
    return low, high


def _observed(spec: Mapping, channels: list) -> np.ndarray:
    data = {entry["name"]: np.array(entry["data"], dtype=float) for entry in spec["observations"]}
    for name, bins in channels:
        if name not in data:
            raise DarkreachError(f"the workspace has no observation of channel '{name}'")
        if data[name].shape != (bins,):
            raise DarkreachError(
                f"the observation of channel '{name}' has {data[name].size} bins, not {bins}"
            )
        if not np.all(data[name] >= 0.0):
            raise DarkreachError(f"the observation of channel '{name}' has a negative or undefined count")
    return np.concatenate([data[name] for name, _ in channels])
