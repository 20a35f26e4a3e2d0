"""How much work an expression is: never more than its parts times the places of a name, whatever makes others backtrack."""

from __future__ import annotations

import pytest

from onemq.model.pattern import Choice, Looked, Loop, Node, Pattern, Run, Sequence
from onemq.model.pattern_syntax import perl_pattern


class Counted(Node):
    """Stands before a part and counts how often it is tried."""

    __slots__ = ("part", "tries")

    def __init__(self, part: Node) -> None:
        super().__init__(part.size)
        self.part = part
        self.tries = 0

    def ends(self, run: Run, starts: int) -> int:
        self.tries += 1
        return self.part.ends(run, starts)


def inner_loops(node: object, counted: list[Counted]) -> None:
    """Puts a counter before the part of every loop."""
    if isinstance(node, Loop):
        inner_loops(node.part, counted)
        counter = Counted(node.part)
        node.part = counter
        counted.append(counter)
    elif isinstance(node, Looked):
        inner_loops(node.part, counted)
    elif isinstance(node, (Sequence, Choice)):
        for part in node.parts if isinstance(node, Sequence) else node.options:
            inner_loops(part, counted)


@pytest.mark.parametrize(
    "source",
    [
        "(a+)+$",
        "^(([a-z])+.)+[A-Z]([a-z])+$",
        "(a|aa)+$",
        "((a|ab)*(b|ba)*)*$",
        "(.*)*(.*)*(.*)*(.*)*x",
        "(((a?)*)*)*b",
        "^(?=(a+)+$)(?!(a|a)*b)x",
        "((a*b)*c)*d",
    ],
)
@pytest.mark.parametrize("name", ["a" * 255, "ab" * 127, "aab" * 85, "abc" * 85])
def test_a_loop_goes_round_once_for_each_place_at_most(source: str, name: str) -> None:
    pattern = perl_pattern(source)
    counted: list[Counted] = []
    inner_loops(pattern.root, counted)
    pattern.is_in(name)
    assert counted and all(counter.tries <= len(name) + 1 for counter in counted)


def test_its_steps_say_how_much_work_it_is() -> None:
    assert perl_pattern("^orders\\.").steps < 10
    assert perl_pattern("^(?!amq\\.).*").steps < 16
    assert 256 < perl_pattern("^(ab)*$").steps < 2048


def test_a_pattern_that_was_not_read_fits_nothing() -> None:
    pattern = Pattern("x")
    assert not pattern.is_in("x") and not pattern.is_in("") and not pattern.fits("")
