"""Names of branches, against what basf2 does."""

import pytest

from darkreach.ntuple.names import KEY_COLUMNS, readable, root_compatible

# basf2's own unit test of makeROOTCompatible has these names, besides the first
PAIRS = [
    ("useCMSFrame(p)", "useCMSFrame__bop__bc"),
    ("test(23)", "test__bo23__bc"),
    ("test[23]", "test__so23__sc"),
    ("test{23}", "test__co23__cc"),
    ("test(e+:gamma, M < 3)", "test__boe__pl__clgamma__cm__spM__sp__st__sp3__bc"),
    ("foo(bar,-0.123, 94)", "foo__bobar__cm__mi0__pt123__cm__sp94__bc"),
    (":() (),", "__cl__bo__bc__sp__bo__bc__cm"),
]


@pytest.mark.parametrize(("variable", "branch"), PAIRS)
def test_escapes_are_those_of_basf2_and_invert(variable: str, branch: str) -> None:
    assert root_compatible(variable) == branch
    assert readable(branch) == variable


@pytest.mark.parametrize("name", ["", "test_23", "E9E21", "daughter_0_p", *KEY_COLUMNS])
def test_plain_names_and_basf2_columns_stay(name: str) -> None:
    assert root_compatible(name) == name
    assert readable(name) == name


def test_every_escaped_character_comes_back() -> None:
    for character in " ,:=<>.+-(){}[]`´^°$§%!?;#*/\\'\"~|&@":
        branch = root_compatible(f"a_{character}b")
        assert branch.isascii() and branch.replace("_", "").isalnum()
        assert readable(branch) == f"a_{character}b"


def test_characters_without_escape_are_dropped_and_names_do_not_change_twice() -> None:
    assert root_compatible("a€b\tc") == "abc"
    once = root_compatible("daughter(0, useCMSFrame(p))")
    assert root_compatible(once) == once


def test_the_second_escape_of_the_minus_sign_is_understood() -> None:
    assert readable("a__da1") == "a-1"
