"""How much work an expression is: never more than its parts times the places of a name, whatever makes others backtrack."""

from __future__ import annotations

import re

import pytest

from onemq.model.pattern import Pattern
from onemq.model.pattern_syntax import perl_pattern


# What backtracks would not come back from these; the second expression says the same and needs no repetition.
@pytest.mark.parametrize(
    ("source", "simple"),
    [
        ("(a+)+$", "a$"),
        ("^(([a-z])+.)+[A-Z]([a-z])+$", "[A-Z]"),
        ("(a|aa)+$", "a$"),
        ("^((a|ab)*(b|ba)*)*$", "^[^c]*$"),
        ("(.*)*(.*)*(.*)*(.*)*x", "x"),
        ("(((a?)*)*)*b", "b"),
        ("^(?=(a+)+$)(?!(a|a)*b)x", "^x"),
        ("(?<=(b|ab|bb)*c)$", "c$"),
        ("((a*b)*c)*d", "d"),
    ],
)
@pytest.mark.parametrize("name", ["a" * 255, "ab" * 127, "aab" * 85, "abc" * 85])
def test_a_loop_goes_round_once_for_each_place_at_most(source: str, simple: str, name: str) -> None:
    assert perl_pattern(source).is_in(name) == (re.search(simple, name) is not None)


def test_its_steps_say_how_much_work_it_is() -> None:
    assert perl_pattern("^orders\\.").steps < 10
    assert perl_pattern("^(?!amq\\.).*").steps < 16
    assert 256 < perl_pattern("^(ab)*$").steps < 2048


def test_a_pattern_that_was_not_read_fits_nothing() -> None:
    pattern = Pattern("x")
    assert not pattern.is_in("x") and not pattern.is_in("") and not pattern.fits("")
