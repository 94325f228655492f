"""`darkreach limit WORKSPACE.json`: the limit of any HistFactory workspace, by the engine or by pyhf."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from darkreach.errors import DarkreachError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of the command."""
    parser.add_argument(
        "workspace", type=Path, metavar="WORKSPACE.json", help="HistFactory workspace (pyhf JSON)"
    )
    parser.add_argument("--engine", choices=("fast", "pyhf"), default="fast", help="who fits (default: fast)")
    parser.add_argument("--cl", type=float, default=0.90, help="confidence level (default: 0.90)")
    parser.add_argument("--measurement", help="measurement of the workspace (default: the first)")
    parser.add_argument(
        "--toys",
        type=int,
        default=0,
        metavar="N",
        help="toys per tested signal strength (default: asymptotic)",
    )
    parser.add_argument("--seed", type=int, default=1, help="seed of the toys (default: 1)")
    parser.add_argument(
        "--toys-file",
        type=Path,
        metavar="TOYS.h5",
        help="keep the toys there; if it exists, add new toys (with another --seed) to those in it",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def run(args: argparse.Namespace) -> int:
    """Print the limit; 0 if there is one, 1 if the hypothesis failed."""
    if not 0.0 < args.cl < 1.0:
        raise DarkreachError(f"--cl is {args.cl}; it must lie between 0 and 1, e.g. 0.90")
    if args.toys < 0:
        raise DarkreachError(f"--toys is {args.toys}; it must not be negative")
    if args.toys_file and not args.toys:
        raise DarkreachError("--toys-file needs --toys, the number of toys to throw or to add")
    if args.toys and args.engine == "pyhf":
        raise DarkreachError("--toys works with --engine fast only; take one of the two options away")
    spec = _read(args.workspace)
    result = _by_pyhf(spec, args) if args.engine == "pyhf" else _by_engine(spec, args)
    print(json.dumps(result, indent=2) if args.json else _text(result))
    return 1 if result["status"].startswith("failed") else 0


def _read(path: Path) -> dict[str, Any]:
    try:
        spec = json.loads(path.read_text())
    except OSError as error:
        raise DarkreachError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise DarkreachError(f"{path} is not JSON: {error}") from error
    if not isinstance(spec, dict) or "channels" not in spec:
        raise DarkreachError(f"{path} is not a HistFactory workspace: it has no 'channels'")
    return spec


def _by_engine(spec: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    from darkreach.statistics.engine.limits import upper_limits
    from darkreach.statistics.engine.workspace import read_workspace

    read_workspace(spec, args.measurement)  # what cannot be read is an error of the user, not of the fit
    limit = upper_limits([spec], args.cl, args.measurement)[0]
    result = {"engine": "fast", "cl": args.cl, **limit.as_dict()}
    if args.toys and not limit.status.startswith("failed"):
        result.update(_limit_of_toys(spec, args))
    return result


def _limit_of_toys(spec: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    """Limits from toys, new ones or those of the file topped up."""
    from darkreach.statistics.engine.toy_limits import bracketing_toys, evaluate, top_up
    from darkreach.statistics.engine.toys import ToySet

    if args.toys_file and args.toys_file.exists():
        toys = top_up(spec, ToySet.load(args.toys_file), args.toys, args.seed, args.measurement)
    else:
        toys = bracketing_toys(spec, args.toys, args.seed, args.cl, args.measurement)
    if args.toys_file:
        toys.save(args.toys_file)
    limit = evaluate(toys, args.cl)
    if isinstance(limit, str):
        raise DarkreachError(f"{args.toys_file}: its toys do not bracket the limits; delete it and run again")
    return limit.as_dict()


def _by_pyhf(spec: dict[str, Any], args: argparse.Namespace) -> dict[str, Any]:
    from darkreach.statistics.engine.referee import pyhf_result

    return {"engine": "pyhf", "cl": args.cl, **pyhf_result(spec, args.cl, args.measurement)}


def _text(result: dict[str, Any]) -> str:
    if result["status"].startswith("failed"):
        return result["status"]
    bands = "  ".join(
        f"{sigma:+d}σ {x:.4g}" for sigma, x in zip(range(-2, 3), result["expected"], strict=True)
    )
    lines = [
        f"{result['cl']:.0%} CLs upper limit on the signal strength ({result['engine']})",
        f"  observed  {result['observed']:.4g}",
        f"  expected  {bands}",
        f"  best fit  {result['mu_hat']:.4g}   p0 {result['p0']:.3g}   Z {result['z']:.2f}",
    ]
    if "toys" in result:
        error = result["toys"]["observed_error"]
        lines.append(f"  from toys; statistical uncertainty of the observed limit {error:.2g}")
    lines += [f"  note: {note}" for note in result.get("notes", [])]
    return "\n".join([*lines, f"  status    {result['status']}"])


if __name__ == "__main__":
    standalone = argparse.ArgumentParser(description=__doc__)
    add_arguments(standalone)
    sys.exit(run(standalone.parse_args()))
