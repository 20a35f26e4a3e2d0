"""Both languages of expressions: held against the language's own where they say the same, and what is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.model.pattern_syntax import PatternError, perl_pattern, re2_pattern

ATOMS = st.sampled_from(
    [
        "a",
        "b",
        "ab",
        "bca",
        ".",
        "[ab]",
        "[^a]",
        "[a-c]",
        "\\w",
        "\\D",
        "\\.",
        "c",
        "()",
        "^",
        "$",
        "\\b",
        "\\B",
        "\n",
        "B",
    ]
)
QUANTIFIERS = st.sampled_from(["*", "+", "?", "{2}", "{1,}", "{0,2}", "{1,3}", "*?", "+?", "??"])
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"{pair[0]}|{pair[1]}"),
        inner.map(lambda one: f"({one})"),
        inner.map(lambda one: f"(?={one})"),
        inner.map(lambda one: f"(?!{one})"),
        inner.map(lambda one: f"(?i:{one})"),
        inner.map(lambda one: f"(?:{one})"),
        st.sampled_from(["(?<=a)", "(?<!ab)", "(?<=[ab]c)", "(?<!^)", "(?<=(?=b)b)", "(?!(?<!a)b)"]),
        st.tuples(inner, QUANTIFIERS).map(lambda pair: f"(?:{pair[0]}){pair[1]}"),
    ),
    max_leaves=10,
)


NAMES = st.text(alphabet="abcAB1.\n", min_size=1, max_size=9)
"""Not the empty one: up to Python 3.13 \\B does not hold there, against Perl."""


@given(EXPRESSIONS, NAMES)
def test_it_is_found_where_the_language_finds_it(source: str, name: str) -> None:
    found = perl_pattern(source).is_in(name)
    assert found == (re.compile(source, re.ASCII).search(name) is not None)


@given(EXPRESSIONS, NAMES)
def test_it_is_the_whole_where_the_language_says_so(source: str, name: str) -> None:
    assert perl_pattern(source).fits(name) == (re.compile(source, re.ASCII).fullmatch(name) is not None)


@pytest.mark.parametrize(
    ("source", "name", "found"),
    [
        # As people write them for policies and permissions of RabbitMQ.
        ("", "anything", True),
        (".*", "", True),
        ("^(?!amq\\.).*", "orders", True),
        ("^(?!amq\\.).*", "amq.gen-x", False),
        ("^(?!amq\\.|stream\\.).+$", "stream.a", False),
        ("^(?!.*dead).*$", "orders-dead", False),
        (".*(?<!_dlq)$", "orders_dlq", False),
        (".*(?<!_dlq)$", "orders", True),
        ("^(amq\\.gen.*|amq\\.default)$", "amq.gen-abc", True),
        ("^ha\\.", "xha.", False),
        ("^two-messages$", "two-messages", True),
        ("\\.dlq$", "orders.dlq", True),
        ("^[a-z0-9._-]+$", "Orders", False),
        ("(?i)^[a-z]+$", "Orders", True),
        ("(?i)^[^o]+$", "OX", False),
        ("^(?i:o)rders", "ORDERS", False),
        ("^(?P<name>o)(?<other>r)(?'third'd)", "order", True),
        ("orders(?#a remark)$", "orders", True),
        ("(?|a|b)c", "bc", True),
        # What stands in PCRE's manual, and where it differs from the language's own.
        ("^x{,2}$", "x{,2}", True),
        ("a{b}", "a{b}", True),
        ("^a{2}$", "aa", True),
        ("x*y{2}$", "xyy", True),
        ("[[:alpha:]]{3}", "a1b2c3", False),
        ("^[[:^digit:]]+$", "ab", True),
        ("[]x]", "]", True),
        ("^[a\\-z]+$", "a-z", True),
        ("\\Aab\\z", "ab\n", False),
        ("\\Aab\\Z", "ab\n", True),
        ("ab$", "ab\n", True),
        ("^\\x41\\x{42}\\060\\0$", "AB0\0", True),
        ("\\Qa.b\\Ec", "a.bc", True),
        ("\\Qa.b\\Ec", "axbc", False),
        ("\\Qa.b", "a.b", True),
        ("^\\Q.\\E+$", "...", True),
        ("^\\Q\\E$", "", True),
        ("^\\h\\N$", "\t.", True),
        ("[\\b]", "\b", True),
        ("(?m)^b$", "a\nb\nc", True),
        ("(?s)a.b", "a\nb", True),
        ("(?s-s:a.b)", "a\nb", False),
        ("ü+", "xüü", True),
        ("(?i)Ü", "ü", True),
        ("(?i)ab", "İAB", True),
    ],
)
def test_what_rabbitmqs_patterns_find(source: str, name: str, found: bool) -> None:
    assert perl_pattern(source).is_in(name) is found


@pytest.mark.parametrize(
    "source",
    [
        "(",
        ")",
        "a)",
        "[a",
        "a**",
        "*",
        "a{3,2}",
        "a{1001}",
        "a\\",
        "[z-a]",
        "[[:x:]]",
        "\\1",
        "(a)\\1",
        "\\pL",
        "\\R",
        "(?>a)",
        "a*+",
        "a++",
        "(?R)",
        "(?1)",
        "(?(1)a)",
        "(?P=n)",
        "(?x)a",
        "(*COMMIT)a",
        "(?<1>a)",
        "(?<n",
        "(?#",
        "(?",
        "\\x{110000}",
        "\\x{g}",
        "\\Qab\\E*",
        "((((a{9}){9}){9}){9})",
        "(?:" * 60 + ")" * 60,
        # More inside of repetitions than one name may cost.
        "(?:" + "|".join(f"a{number}" for number in range(100)) + ")*",
    ],
)
def test_what_is_none_or_could_take_for_ever_is_refused(source: str) -> None:
    with pytest.raises(PatternError):
        perl_pattern(source)


def test_long_alternatives_are_taken() -> None:
    names = [f"queue-{number}" for number in range(300)]
    pattern = perl_pattern(f"^({'|'.join(names)})$")
    assert pattern.is_in("queue-299") and not pattern.is_in("queue-300")


@pytest.mark.parametrize("source", ["(?=a)", "(?!a)", "(?<=a)", "\\b", "(?i)a", "\\x41", "\\h"])
def test_kafkas_language_has_less(source: str) -> None:
    with pytest.raises(PatternError):
        re2_pattern(source)


def test_the_ends_of_kafkas_names_are_the_ends() -> None:
    assert not re2_pattern("a$\n").fits("a\n") and perl_pattern("a$\n").fits("a\n")
