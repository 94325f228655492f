"""The account of a search: what the catalogue lists, what was read of it, and what is missing."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.errors import DarkreachError

_KEYS = {"search", "blind", "luminosity_fb", "missing", "observed_candidates", "samples", "blocks"}


def read_account(path: Path) -> dict[str, Any]:
    """The account in `path`, as `darkreach.columnar.merge_account` has it.

    Raises:
        DarkreachError: it cannot be read, or is none.
    """
    try:
        account = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DarkreachError(f"{path}: cannot read this JSON file ({type(error).__name__})") from None
    if not isinstance(account, dict) or not set(account) >= _KEYS:
        raise DarkreachError(f"{path}: not the account of a search; merge again")
    return account


def check_account(path: Path, account: dict[str, Any], luminosity_fb: float) -> None:
    """Check that an account is that of the templates which were scanned.

    Raises:
        DarkreachError: it is not.
    """
    total = account["luminosity_fb"]["total_fb"]
    if not np.isclose(total, luminosity_fb, rtol=1e-9):
        raise DarkreachError(
            f"{path}: accounts for {total:g} fb⁻¹, but {luminosity_fb:g} fb⁻¹ were scanned; scan again"
        )
