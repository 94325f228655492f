"""What was checked of a limit table: pyhf's second opinion, few events, and the global significance."""

import json
import sys
from collections import Counter
from pathlib import Path

from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.statistics.rows import hypothesis_of
from darkreach.statistics.scan_result import ScanResult


def write_checks(scan: ScanResult, significance: Path, output: Path) -> None:
    """Write the checks of a scan as JSON, and say a disagreement with pyhf loudly on stderr.

    Raises:
        DarkreachError: the file of the global significance cannot be read.
    """
    try:
        excess = json.loads(significance.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DarkreachError(f"{significance}: cannot read the global significance ({error})") from None
    fitted = [row for row in scan.rows if row["method"]]
    checks = {
        "referee": {
            "tool": "pyhf",
            "tolerance": scan.referee_tolerance,
            "agrees": not scan.disagreements,
            "hypotheses": scan.referee,
        },
        "largest_excess": excess,
        "methods": {"asymptotic": 0, "toys": 0} | Counter(row["method"] for row in fitted),
        "few_events_without_toys": sum(
            bool(row["few_events"]) and row["method"] == "asymptotic" for row in fitted
        ),
        "notes": {hypothesis_of(row).name: row["notes"] for row in scan.rows if row["notes"]},
    }
    write_whole(output, (json.dumps(checks, indent=1, ensure_ascii=False) + "\n").encode())
    for entry in scan.disagreements:
        words = f"({entry['difference']:.2%}): {entry['verdict']}"
        print(f"WARNING: pyhf disagrees at {hypothesis_of(entry)} {words}", file=sys.stderr)
    for entry in scan.without_opinion:
        print(f"pyhf has no result at {hypothesis_of(entry)}: {entry['verdict']}", file=sys.stderr)
