"""Topic patterns against a regular expression and against a naive recursive matcher."""

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from onemq.engine.routing.destination import Destination
from onemq.engine.routing.topic import TopicMatcher

WORDS = st.sampled_from(["a", "b", "ab", "", "*", "#"])
KEYS = st.lists(WORDS, max_size=6).map(".".join)


def as_regex(pattern: str) -> re.Pattern[str]:
    """Over keys written with a dot after each word, so that the key without words is the empty text."""
    parts = []
    for word in pattern.split(".") if pattern else []:
        parts.append({"*": r"[^.]*\.", "#": r"(?:[^.]*\.)*"}.get(word, re.escape(word) + r"\."))
    return re.compile("".join(parts))


def matches_by_regex(pattern: str, key: str) -> bool:
    return as_regex(pattern).fullmatch(key + "." if key else "") is not None


def matches_by_words(pattern: list[str], words: list[str]) -> bool:
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(matches_by_words(pattern[1:], words[skip:]) for skip in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and matches_by_words(pattern[1:], words[1:])


def matched_patterns(patterns: list[str], key: str) -> set[str]:
    matcher = TopicMatcher()
    for pattern in patterns:
        matcher.add(Destination(pattern), pattern, {})
    out: list[Destination] = []
    matcher.match(key, {}, out)
    return {destination.name for destination in out}


@given(st.lists(KEYS, max_size=12, unique=True), KEYS)
@example(["#", "#.#", "#.*", "*.#", "*", ""], "")
@example(["#.a.#.a.#", "#.a.*.a"], "a.a.a")
def test_matches_what_regex_and_recursion_match(patterns: list[str], key: str) -> None:
    found = matched_patterns(patterns, key)
    assert found == {pattern for pattern in patterns if matches_by_regex(pattern, key)}
    words = key.split(".") if key else []
    assert found == {
        pattern for pattern in patterns if matches_by_words(pattern.split(".") if pattern else [], words)
    }


@pytest.mark.parametrize(
    ("pattern", "key", "expected"),
    [
        # RabbitMQ's own word splitting (rabbit_db_topic_exchange): "" has no word at all, yet "a." has an
        # empty last.
        ("", "", True),
        ("#", "", True),
        ("*", "", False),
        ("*", ".", False),
        ("*.*", ".", True),
        ("a", "a.", False),
        ("a.*", "a.", True),
        ("a.#", "a", True),
        ("a.#", "a.", True),
        ("a.*.c", "a..c", True),
        ("#.#", "", True),
        ("*.#.*", "a", False),
        # Only a whole word is a wildcard.
        ("a*", "ab", False),
        ("a#.b", "a.b", False),
        # In a record's key they are ordinary words.
        ("a", "#", False),
        ("a", "*", False),
        ("*", "#", True),
    ],
)
def test_words_and_wildcards_as_in_rabbitmq(pattern: str, key: str, expected: bool) -> None:
    assert matched_patterns([pattern], key) == ({pattern} if expected else set())


def test_many_wildcards_cost_words_times_nodes() -> None:
    """A matcher that tries every split would take 2**60 steps here, and never return."""
    pattern = ".".join(["#", "a"] * 30)
    assert matched_patterns([pattern], ".".join(["a"] * 60)) == {pattern}
    assert matched_patterns([pattern], ".".join(["a"] * 29)) == set()
    assert matched_patterns([pattern + ".b"], ".".join(["a"] * 120)) == set()


def test_a_destination_bound_by_several_patterns_is_found_once_any_of_them_matches() -> None:
    matcher = TopicMatcher()
    queue = Destination("q")
    matcher.add(queue, "a.*", {})
    matcher.add(queue, "a.#", {})
    matcher.remove(queue, "a.*", {})
    out: list[Destination] = []
    matcher.match("a.b", {}, out)
    assert out == [queue]
    matcher.remove(queue, "a.#", {})
    matcher.match("a.b", {}, out)
    assert out == [queue]


@given(st.lists(KEYS, max_size=12, unique=True))
def test_removal_leaves_no_node_behind(patterns: list[str]) -> None:
    matcher = TopicMatcher()
    queue = Destination("q")
    for pattern in patterns:
        matcher.add(queue, pattern, {})
    for position, pattern in enumerate(sorted(patterns)):
        assert matcher._root.is_empty() == (position == len(patterns))
        matcher.remove(queue, pattern, {})
    assert matcher._root.is_empty()


def test_removal_keeps_the_pattern_below_and_the_pattern_above() -> None:
    matcher = TopicMatcher()
    short, middle, long = Destination("short"), Destination("middle"), Destination("long")
    matcher.add(short, "a", {})
    matcher.add(middle, "a.b", {})
    matcher.add(long, "a.b.c", {})
    assert matcher.remove(middle, "a.b", {})
    out: list[Destination] = []
    for key in ("a", "a.b", "a.b.c"):
        matcher.match(key, {}, out)
    assert out == [short, long]
