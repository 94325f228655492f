"""What a limit table was made of: code, environment, settings, input files, luminosity and unblinding.

Nothing here depends on where, when or in which order it was made, nor on how files are grouped into blocks.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

from darkreach import __version__
from darkreach.config.stages import LimitsSpec, describe
from darkreach.files import write_whole
from darkreach.statistics.scan_result import ScanResult

NAME_LENGTH = 12  # hexadecimal digits of a record's name


def provenance(
    spec: LimitsSpec, scan: ScanResult, account: Mapping[str, Any], code: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What the table was made of, and chunk of the scan → name of the record in it.

    `common` holds for all rows; `records` have the specification of each chunk of the scan, and the SHA-256
    of `common`. A record's name are the first digits of its own SHA-256 (see `digest`).
    code: stage → digest of its code, and `environment` → digest of the locked environment.
    """
    settings = describe(spec)
    for elsewhere in ("chunks", "blind", "unblind"):
        del settings[elsewhere]
    common = {
        "darkreach": __version__,
        "environment": code["environment"],
        "code": {stage: digest_ for stage, digest_ in sorted(code.items()) if stage != "environment"},
        "limits": settings,
        "inputs": {name: inputs_of(sample) for name, sample in sorted(account["samples"].items())},
        "luminosity_fb": {
            "catalogued": account["luminosity_fb"]["catalogued_fb"],
            "read": account["luminosity_fb"]["total_fb"],
        },
        "missing": sorted(map(_missing, account["missing"]), key=canonical),
        "blind": spec.blind,
        "unblind": describe(spec.unblind) if spec.unblind else None,
    }
    of_all = digest(common)
    records = {name: {"common": of_all, "scan": describe(own)} for name, own in scan.specs.items()}
    names = {chunk: digest(record)[:NAME_LENGTH] for chunk, record in records.items()}
    return {"common": common, "records": {names[chunk]: records[chunk] for chunk in records}}, names


def write_provenance(content: Mapping[str, Any], path: Path) -> None:
    """Write it as JSON, keys in order.

    Raises:
        DarkreachError: the place cannot be written to.
    """
    text = json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, allow_nan=False)
    write_whole(path, f"{text}\n".encode())


def inputs_of(sample: Mapping[str, Any]) -> dict[str, Any]:
    """Number and entries of the files of a sample that were read, and the digest of their sorted list.

    The list has uuid, entries and checksum of each file.
    """
    files = sorted(map(list, sample["inputs"]), key=canonical)
    return {
        "files": len(files),
        "entries": sum(entries for _, entries, _ in files),
        "sha256": digest(files),
    }


def digest(content: Any) -> str:
    """SHA-256 of plain values: of their JSON with sorted keys and without white space, in UTF-8."""
    return sha256(canonical(content).encode()).hexdigest()


def canonical(content: Any) -> str:
    """The JSON that `digest` takes."""
    return json.dumps(content, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _missing(file: Mapping[str, Any]) -> dict[str, Any]:
    """A file that was not read, without its block and the folders of this machine."""
    return {
        "sample": file["block"].partition("/")[0],
        "file": PurePosixPath(file["path"]).name,
        "entries": file["entries"],
        "luminosity_fb": file["luminosity_fb"],
    }
