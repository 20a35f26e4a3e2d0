"""Plain tables, and values for people."""

from __future__ import annotations

import pytest

from onemq.cli.output import at, harmless, number, plain_table, size, span, yes


def test_a_plain_table_is_aligned_numbers_at_the_right() -> None:
    rows = [{"name": "a", "count": 5}, {"name": "longer", "count": 12_000}]
    columns = [("name", lambda each: each["name"]), ("count>", lambda each: number(each["count"]))]
    assert plain_table(rows, columns) == "name     count\na            5\nlonger  12,000"


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (size(0), "0 B"),
        (size(1536), "1.5 KiB"),
        (size(3 << 20), "3.0 MiB"),
        (size(5 << 30), "5.0 GiB"),
        (size(None), ""),
        (number(7), "7"),
        (number(7.25), "7.2"),
        (number(1234.5), "1,234"),
        (span(250), "250 ms"),
        (span(2500), "2.5 s"),
        (span(120_000), "2 min"),
        (span(7_200_000), "2.0 h"),
        (span(259_200_000), "3.0 d"),
        (span(None), ""),
        (at(None), ""),
        (yes(True), "yes"),
    ],
)
def test_values(shown: str, expected: str) -> None:
    assert shown == expected


def test_what_others_wrote_does_not_steer_the_terminal() -> None:
    evil = "\x1b]0;title\x07\x9b31mred\x7f\r"
    shown = plain_table([{"name": evil}], [("name", lambda each: each["name"])])
    assert shown == "name\n\\x1b]0;title\\x07\\x9b31mred\\x7f\\r"
    assert harmless("two\nlines\tüber ✓") == "two\nlines\tüber ✓"
