"""`darkreach inspect FILE`: say what a ROOT file is."""

import argparse
import json
from collections import Counter
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `inspect`."""
    parser.add_argument("file", metavar="FILE", help="a flat ntuple: a path or a URL such as root://...")
    parser.add_argument("--tree", metavar="NAME", help="the tree, if the file has several")
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print what the file is."""
    report = inspect(args.file, args.tree)
    print(json.dumps(report, indent=2) if args.json else _text(report))
    return 0


def inspect(path: str, tree: str | None = None) -> dict[str, Any]:
    """What a flat ntuple contains, as plain values. The keys are stable:

    * `file`, `size_bytes`, `uuid`, `root_version`, `compression` (such as "ZLIB(1)")
    * `tree`, `format` ("TTree" or "RNTuple"), `other_trees`: names
    * `entries`: rows; `branches`: their number
    * `level`: "candidate" (one row per candidate), "event" (one row per event), or null when the tree
      has no `__event__`
    * `events`: number of events, or null
    * `candidates_per_event`: null, or `mean`, `median`, `percentile_90`, `maximum` (null without rows) and
      `events_with_one`
    * `incomplete_events`: events with fewer rows than `__ncandidates__` says; null without `__candidate__`
      and `__ncandidates__`
    * `experiments`: list; `number_of_runs`; `first_run`, `last_run`: [experiment, run], or null
    * `key_columns`: name -> whether it is there
    * `duplicate_branches`: name -> how often (those with one name are looked at no further)
    * `escaped_names`: branch -> basf2 variable, where they differ
    * `columns`: branch -> type; `types`: type -> number of branches
    * `all_nan`: names of columns that are NaN in every row; `some_nan`: name -> rows with NaN, of the others

    Raises:
        DarkreachError: see open_ntuple and read_chunks.
    """
    from darkreach.ntuple.chunks import column_type
    from darkreach.ntuple.events import summarise_events
    from darkreach.ntuple.names import KEY_COLUMNS, readable
    from darkreach.ntuple.reading import open_ntuple

    with open_ntuple(path, tree) as ntuple:
        counts = Counter(ntuple.names)
        types = {name: column_type(ntuple, name) for name in counts}
        summary = summarise_events(ntuple)
        nan_rows = _nan_rows(ntuple, [name for name in counts if counts[name] == 1], types)
        runs = sorted(summary.runs) if summary else []
        return {
            "file": ntuple.path,
            "size_bytes": ntuple.size_bytes,
            "uuid": ntuple.uuid,
            "root_version": ntuple.root_version,
            "compression": ntuple.compression,
            "tree": ntuple.tree_name,
            "format": ntuple.format,
            "other_trees": list(ntuple.other_trees),
            "entries": ntuple.entries,
            "branches": len(ntuple.names),
            "level": _level(counts, summary),
            "events": summary.events if summary else None,
            "candidates_per_event": _multiplicity(summary),
            "incomplete_events": summary.incomplete_events if summary else None,
            "experiments": sorted({experiment for experiment, _ in runs}),
            "number_of_runs": len(runs),
            "first_run": list(runs[0]) if runs else None,
            "last_run": list(runs[-1]) if runs else None,
            "key_columns": {name: name in counts for name in KEY_COLUMNS},
            "duplicate_branches": {name: n for name, n in counts.items() if n > 1},
            "escaped_names": {name: readable(name) for name in counts if readable(name) != name},
            "columns": types,
            "types": dict(Counter(types[name] for name in ntuple.names).most_common()),
            "all_nan": [name for name, n in nan_rows.items() if n == ntuple.entries],
            "some_nan": {name: n for name, n in nan_rows.items() if n != ntuple.entries},
        }


def _level(counts: Counter, summary: Any) -> str | None:
    if summary is None:
        return None
    return "candidate" if "__candidate__" in counts or summary.maximum > 1 else "event"


def _multiplicity(summary: Any) -> dict[str, Any] | None:
    if summary is None:
        return None
    return {
        "mean": summary.mean,
        "median": summary.quantile(0.5),
        "percentile_90": summary.quantile(0.9),
        "maximum": summary.maximum if summary.events else None,
        "events_with_one": int(summary.multiplicities[1]) if summary.maximum else 0,
    }


def _nan_rows(ntuple: Any, names: list[str], types: dict[str, str]) -> dict[str, int]:
    """Column -> rows with NaN, where there are any."""
    import numpy as np

    from darkreach.ntuple.chunks import is_float, iterate

    floats = [name for name in names if is_float(types[name])]
    found = dict.fromkeys(floats, 0)
    together = 32  # columns read at a time: with the rows per chunk this bounds the memory to some 30 MB
    for first in range(0, len(floats), together):
        for chunk in iterate(ntuple, floats[first : first + together], step=100_000):
            for name, values in chunk.items():
                found[name] += int(np.count_nonzero(np.isnan(values)))
    return {name: n for name, n in found.items() if n}


def _text(report: dict[str, Any]) -> str:
    lines = [
        f"{report['file']}",
        f"  file        {report['size_bytes'] / 1e6:.2f} MB, ROOT {report['root_version']}, "
        f"compression {report['compression']}, uuid {report['uuid']}",
        f"  tree        {report['tree']} ({report['format']}), {report['entries']} entries, "
        f"{report['branches']} branches",
    ]
    if report["other_trees"]:
        lines.append(f"  other trees {', '.join(report['other_trees'])}")
    lines += [f"  events      {_events_text(report)}", f"  runs        {_runs_text(report)}"]
    present = report["key_columns"]
    lines += [
        f"  key columns {' '.join(name for name in present if present[name]) or 'none'}",
        f"  absent      {' '.join(name for name in present if not present[name]) or 'none'}",
        f"  types       {', '.join(f'{n} {kind}' for kind, n in report['types'].items())}",
    ]
    repeated = [f"{name} ({n} times)" for name, n in report["duplicate_branches"].items()]
    some_nan = [f"{name} ({n})" for name, n in report["some_nan"].items()]
    escaped = [f"{name} = {variable}" for name, variable in report["escaped_names"].items()]
    for title, names in (
        ("DUPLICATE BRANCHES: a search cannot use them", repeated),
        ("NaN in every row", report["all_nan"]),
        ("NaN in some rows", some_nan),
        ("escaped names", escaped),
    ):
        if names:
            lines += [f"  {title}:", *_shortened(names)]
    return "\n".join(lines)


def _events_text(report: dict[str, Any]) -> str:
    per_event = report["candidates_per_event"]
    if per_event is None:
        return "unknown, the tree has no __event__"
    if not report["events"]:
        return "none, the tree is empty"
    if report["level"] == "event":
        return f"{report['events']}, event-level ntuple: one row per event"
    text = (
        f"{report['events']}; candidates per event: mean {per_event['mean']:.2f}, "
        f"median {per_event['median']}, 90 % up to {per_event['percentile_90']}, "
        f"maximum {per_event['maximum']}; {per_event['events_with_one']} events have one"
    )
    if report["incomplete_events"]:
        text += f"; {report['incomplete_events']} events have fewer than __ncandidates__ says"
    return text


def _runs_text(report: dict[str, Any]) -> str:
    if not report["number_of_runs"]:
        return "unknown"
    experiments = ", ".join(map(str, report["experiments"]))
    first, last = report["first_run"], report["last_run"]
    return (
        f"{report['number_of_runs']}, from experiment {first[0]} run {first[1]} "
        f"to experiment {last[0]} run {last[1]} (experiments {experiments})"
    )


def _shortened(names: list[str], shown: int = 40) -> list[str]:
    rest = len(names) - shown
    return [f"    {name}" for name in names[:shown]] + ([f"    ... and {rest} more"] if rest > 0 else [])
