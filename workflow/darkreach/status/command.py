"""`darkreach status`: what there is, what is missing, and what the next run would do."""

import argparse
import json
import sys
from typing import Any

import yaml

from darkreach.config.check_command import DEFAULTS
from darkreach.config.root import Config, load_config, read_yaml, replaced
from darkreach.errors import DarkreachError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `darkreach status`, as Snakemake has them."""
    parser.add_argument("--configfile", nargs="+", default=[], metavar="FILE", help=f"default: {DEFAULTS}")
    parser.add_argument(
        "--config", nargs="+", default=[], metavar="KEY=VALUE", help="in place of those in FILE"
    )
    parser.add_argument("--json", action="store_true", help="the same facts for programs")


def run(args: argparse.Namespace) -> int:
    """Print the status; broken files are reported, and no failure."""
    from darkreach.status.facts import as_values, status_of
    from darkreach.status.table import as_text

    config = read_config(args.configfile, args.config)
    options = ["--configfile", *args.configfile] if args.configfile else []
    options += ["--config", *args.config] if args.config else []
    status = status_of(config, options)
    if args.json:
        json.dump(as_values(status), sys.stdout, indent=1, ensure_ascii=False)
        print()
    else:
        sys.stdout.write(as_text(status))
    return 0


def read_config(files: list[str], changes: list[str]) -> Config:
    """The configuration as Snakemake reads it from `--configfile` and `--config`.

    Raises:
        DarkreachError: a file or a value is wrong.
    """
    files = files or [DEFAULTS]
    values: Any = {}
    for file in files:
        values = replaced(values, read_yaml(file))
    for change in changes:
        key, equals, text = change.partition("=")
        try:
            values = replaced(values, {key: yaml.safe_load(text)})
        except yaml.YAMLError:
            equals = ""
        if not equals:
            raise DarkreachError(f"--config {change}: give KEY=VALUE, with a value in YAML")
    return load_config(values, " + ".join(files))
