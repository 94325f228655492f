"""The command line: `python -m darkreach COMMAND`. Every stage of the workflow is a command of its own."""

import argparse
import importlib
import sys
from collections.abc import Sequence

from darkreach import __version__
from darkreach.errors import DarkreachError

# command -> (module, help). A module is imported only when its command is asked for, so that
# `darkreach model` does not wait for coffea and `darkreach scan` does not wait for Pythia.
# Each module has add_arguments(parser) and run(args) -> exit status.
COMMANDS = {
    "model": ("darkreach.models.command", "cross-section, widths and (g-2) of a dark-sector model"),
    "inspect": ("darkreach.ntuple.inspect_command", "say what a ROOT file is"),
    "limit": ("darkreach.statistics.limit_command", "limits and significance of any HistFactory workspace"),
    "check": ("darkreach.config.check_command", "validate a configuration"),
    "status": ("darkreach.status.command", "what is new, stale or broken, and what the next run would do"),
    "tau-library": ("darkreach.simulation.tau_library_command", "stage: tau decays for simulated blocks"),
    "simulate": ("darkreach.simulation.command", "stage: simulate one block as an ntuple"),
    "catalogue": ("darkreach.catalogue.command", "stage: list your own files and divide them into blocks"),
    "manifest": ("darkreach.catalogue.manifest_command", "stage: write the manifest of one simulated block"),
    "skim": ("darkreach.searches.skim_command", "stage: preselect one block"),
    "train": ("darkreach.classifier.command", "stage: train the classifier of one region"),
    "histogram": ("darkreach.columnar.command", "stage: fill the histograms of one block"),
    "merge-blocks": ("darkreach.columnar.merge_blocks_command", "stage: add some blocks of one sample"),
    "merge": ("darkreach.columnar.merge_command", "stage: merge all blocks into templates"),
    "scan": ("darkreach.statistics.scan_command", "stage: fit one slice of hypotheses"),
    "significance": (
        "darkreach.statistics.significance_command",
        "stage: global significance of the largest local excess of one model",
    ),
    "limits": ("darkreach.publish.limits_command", "stage: limit table of one model"),
    "figures": ("darkreach.publish.figures_command", "stage: figures of one limit table"),
    "report": ("darkreach.publish.report_command", "stage: the summary page"),
}


def parser_for(argv: Sequence[str]) -> argparse.ArgumentParser:
    """Build the parser; only the command that `argv` names gets its own options."""
    parser = argparse.ArgumentParser(prog="darkreach", description=__doc__.splitlines()[0])
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in argv if not word.startswith("-")), None)
    for name, (module, help_text) in COMMANDS.items():
        command = commands.add_parser(name, help=help_text, description=help_text)
        if name == asked:
            importlib.import_module(module).add_arguments(command)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status (2 for input the user can mend)."""
    argv = sys.argv[1:] if argv is None else list(argv)
    args = parser_for(argv).parse_args(argv)
    try:
        return int(importlib.import_module(COMMANDS[args.command][0]).run(args) or 0)
    except DarkreachError as error:
        print(f"darkreach {args.command}: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        # a full disk or a folder without permission, wherever it strikes
        place = f"{error.filename}: " if error.filename else ""
        reason = error.strerror or " ".join(str(error).split())
        print(f"darkreach {args.command}: {place}{reason}; make room or correct the path", file=sys.stderr)
        return 2
