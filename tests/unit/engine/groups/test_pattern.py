"""Regular expressions of subscriptions against the language's own, and against those that would take for ever."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.groups.pattern import TopicPattern
from onemq.model.refusal import Reason, Refusal

ATOMS = st.sampled_from(
    ["a", "b", ".", "[ab]", "[^a]", "[a-c]", "\\w", "\\d", "\\.", "\\-", "c", "()", "^", "$"]
)
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}|{pair[1]}"),
        inner.map(lambda one: f"({one})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "*?", "+?", "??"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=8,
)


@given(EXPRESSIONS, st.text(alphabet="abc1.-", max_size=8))
def test_matches_what_the_language_does(source: str, name: str) -> None:
    assert TopicPattern(source, 1000).matches(name) == (re.fullmatch(source, name) is not None)


@pytest.mark.parametrize(
    ("source", "name", "found"),
    [
        ("orders", "orders", True),
        ("orders", "orders-1", False),
        ("orders.*", "orders-1", True),
        ("[[:alpha:]]+", "abc", True),
        ("[[:alpha:]]+", "a1", False),
        ("[]x]+", "x]", True),
        ("[a\\-z]+", "a-z", True),
        ("a{,2}", "aa", False),
        ("a{,2}", "a{,2}", True),
        ("\\Aab\\z", "ab", True),
        ("ü+", "üü", True),
    ],
)
def test_examples(source: str, name: str, found: bool) -> None:
    assert TopicPattern(source, 1000).matches(name) is found


@pytest.mark.parametrize(
    "source",
    [
        "(",
        ")",
        "[a",
        "a**",
        "*",
        "\\1",
        "\\b",
        "\\pL",
        "(?=a)",
        "(?!a)",
        "(?P<n>a)",
        "a{3,2}",
        "a{1001}",
        "a\\",
        "[z-a]",
        "[[:x:]]",
    ],
)
def test_what_is_none_or_could_take_for_ever_is_refused(source: str) -> None:
    with pytest.raises(Refusal) as caught:
        TopicPattern(source, 1000)
    assert caught.value.reason == Reason.INVALID_PATTERN


@pytest.mark.parametrize("source", ["x" * 1001, "(((a{40}){40}){40}){40}", "(" * 60 + ")" * 60])
def test_size_is_bounded(source: str) -> None:
    with pytest.raises(Refusal) as caught:
        TopicPattern(source, 1000)
    assert caught.value.reason == Reason.INVALID_PATTERN


def test_expressions_that_make_others_backtrack_are_done_in_few_steps() -> None:
    pattern = TopicPattern("(((a|a)*)*|(a|aa)+)*b", 1000)
    # One that backtracks would not come to an end.
    assert not pattern.matches("a" * 249)
    assert pattern.matches("a" * 249 + "b")
