"""Branch names: as basf2 writes them in steering files, and as they stand in ROOT files.

The escapes are those of `makeROOTCompatible` of basf2 (framework/utilities, class MakeROOTCompatible).
"""

import re

EVENT_COLUMNS = ("__experiment__", "__run__", "__event__", "__production__")
KEY_COLUMNS = (*EVENT_COLUMNS, "__candidate__", "__ncandidates__", "__weight__", "__eventType__")

_ESCAPES = {
    " ": "__sp",
    ",": "__cm",
    ":": "__cl",
    "=": "__eq",
    "<": "__st",
    ">": "__gt",
    ".": "__pt",
    "+": "__pl",
    "-": "__mi",
    "(": "__bo",
    ")": "__bc",
    "{": "__co",
    "}": "__cc",
    "[": "__so",
    "]": "__sc",
    "`": "__to",
    "´": "__tc",
    "^": "__ha",
    "°": "__ci",
    "$": "__do",
    "§": "__pa",
    "%": "__pr",
    "!": "__em",
    "?": "__qm",
    ";": "__sm",
    "#": "__hs",
    "*": "__mu",
    "/": "__sl",
    "\\": "__bl",
    "'": "__sq",
    '"': "__dq",
    "~": "__ti",
    "|": "__pi",
    "&": "__am",
    "@": "__at",
}
_TO_ROOT = str.maketrans(_ESCAPES)
# basf2 lists the minus sign twice; it writes the first, "__mi"
_FROM_ROOT = {escape: character for character, escape in _ESCAPES.items()} | {"__da": "-"}
_ANY_ESCAPE = re.compile("|".join(_FROM_ROOT))


def root_compatible(name: str) -> str:
    """The branch name of a basf2 variable: `useCMSFrame(p)` becomes `useCMSFrame__bop__bc`.

    Characters without an escape are dropped, as in basf2. A name that is already a branch name stays.
    """
    return re.sub("[^a-zA-Z0-9_]", "", name.translate(_TO_ROOT))


def readable(branch: str) -> str:
    """The basf2 variable behind a branch name: `useCMSFrame__bop__bc` becomes `useCMSFrame(p)`.

    Columns that basf2 adds itself (`__production__` and its like) are no escapes and stay.
    """
    if branch in KEY_COLUMNS:
        return branch
    return _ANY_ESCAPE.sub(lambda match: _FROM_ROOT[match.group()], branch)
