"""Trigger efficiencies of a signal as a table."""

import csv
from collections.abc import Mapping
from pathlib import Path

from darkreach.columnar.templates import SignalPoint
from darkreach.errors import DarkreachError

Efficiencies = Mapping[SignalPoint, Mapping[str, float]]

ANY = "any"  # all lines that accept events, together


def write_triggers(efficiencies: Efficiencies, path: Path) -> None:
    """Write `mass_GeV`, `lifetime_m` and one column per trigger line (and their combinations) as CSV.

    Efficiencies are among the signal candidates that pass everything but the trigger.
    """
    lines = lines_of(efficiencies)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["mass_GeV", "lifetime_m", *lines])
        for point in sorted(efficiencies):
            found = efficiencies[point]
            numbers = [f"{found[line]:.6f}" if line in found else "" for line in lines]
            writer.writerow([f"{point.mass_GeV:.6f}", f"{point.lifetime_m:g}", *numbers])


def read_triggers(path: Path) -> Efficiencies:
    """What `write_triggers` wrote.

    Raises:
        DarkreachError: the file is missing or is no such table.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        return {
            SignalPoint(float(row.pop("mass_GeV")), float(row.pop("lifetime_m"))): {
                line: float(cell) for line, cell in row.items() if cell
            }
            for row in rows
        }
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DarkreachError(
            f"{path}: not a table of trigger efficiencies ({type(error).__name__}); make the limits again"
        ) from None


def lines_of(efficiencies: Efficiencies) -> list[str]:
    """Names of all lines, each once, in the order of the templates; combinations at the end."""
    names = list(dict.fromkeys(line for found in efficiencies.values() for line in found))
    return sorted(names, key=lambda name: name.startswith(ANY))
