"""Stage `significance`: how often the background alone gives the largest excess of a scan, somewhere."""

import argparse
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach significance`."""
    parser.add_argument("--spec", required=True, help="specification as JSON, or @FILE")
    parser.add_argument("--templates", required=True, type=Path, help="templates of the search, HDF5")
    parser.add_argument("--chunks", required=True, nargs="+", type=Path, help="rows of all chunks, JSON")
    parser.add_argument("--output", required=True, type=Path, help="result to write, JSON")


def run(args: argparse.Namespace) -> int:
    """Write the global p-values; while the search is blind there is no excess, and the result is null."""
    import json

    from darkreach.columnar.templates import read_spectra
    from darkreach.config.root import signal_model
    from darkreach.config.stages import SignificanceSpec, read_spec
    from darkreach.files import write_whole
    from darkreach.searches.registry import search_named
    from darkreach.statistics.scan_result import read_scan

    spec = read_spec(SignificanceSpec, args.spec)
    rows = read_scan(args.chunks, spec).rows
    result = None
    if any(row["z_local"] is not None for row in rows):
        largest = max((row for row in rows if row["z_local"] is not None), key=lambda row: row["z_local"])
        significance = {"peak": _of_peaks, "counting": _of_counts}[search_named(spec.search).METHOD]
        templates = read_spectra(args.templates, signal_model(spec.model))
        found = significance(templates, rows, largest["z_local"], spec)
        result = {name: largest[name] for name in ("mass_GeV", "lifetime_m")} | found
    write_whole(args.output, (json.dumps(result, indent=1) + "\n").encode())
    return 0


def _of_peaks(templates: Any, rows: list[dict[str, Any]], local_z: float, spec: Any) -> dict[str, Any]:
    from darkreach.statistics.rows import hypothesis_of
    from darkreach.statistics.search_signal import signal_of
    from darkreach.statistics.significance import significance_of_scan

    hypotheses = [hypothesis_of(row) for row in rows if row["lifetime_hypothesis"] != "natural"]
    # all masses of one lifetime side by side: their excesses are correlated
    hypotheses.sort(key=lambda hypothesis: (hypothesis.lifetime, hypothesis.mass_GeV))
    return significance_of_scan(templates, signal_of(templates, spec), hypotheses, local_z, spec)


def _of_counts(templates: Any, rows: list[dict[str, Any]], local_z: float, spec: Any) -> dict[str, Any]:
    from darkreach.statistics.counting_significance import significance_of_counting

    # the count does not know the lifetime: its largest excess is found again from the masses alone
    return significance_of_counting(templates, [row["mass_GeV"] for row in rows], spec)
