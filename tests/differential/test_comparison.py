"""The comparison itself, without any broker: what it must see, and what it must pass over."""

from __future__ import annotations

import pytest

from differential.compare import comparable_steps, known
from differential.generator import THEMES, script_of
from differential.wire import decode_table, encode_table

TABLE = [
    ("text", ("S", "value")),
    ("small", ("b", -3)),
    ("decimal", ("D", (2, 314))),
    ("nothing", ("V", None)),
    ("table", ("F", [("deep", ("A", [("I", 1), ("x", b"\xff")]))])),
]


def test_tables_keep_their_types() -> None:
    assert decode_table(encode_table(TABLE)) == TABLE


@pytest.mark.parametrize("theme", THEMES)
def test_a_seed_is_one_script(theme: str) -> None:
    assert script_of(7, theme) == script_of(7, theme)
    assert script_of(7, theme) != script_of(8, theme)


def test_texts_and_counts_are_compared() -> None:
    ours = [["0.1 channel.close reply_code=404 reply_text='a'"], ["0.1 queue.declare-ok message_count=1"]]
    theirs = [["0.1 channel.close reply_code=404 reply_text='b'"], ["0.1 queue.declare-ok message_count=0"]]
    assert all(known([one])[0] != known([other])[0] for one, other in zip(ours, theirs, strict=True))


def test_what_3_10_could_not_know_is_passed_over() -> None:
    first = "headers={x-death: [], x-first-death-queue: S:'q'"
    assert known([[f"{first}, x-last-death-queue: S:'q'}}"]]) == known([[f"{first}}}"]])


def test_what_an_error_overtakes_counts_on_its_own_channel_only() -> None:
    lines = ["0.1 basic.deliver body=b'm'", "0.2 basic.deliver body=b'm'", "0.1 channel.close reply_code=406"]
    assert known([lines]) == [lines[1:]]


def test_nothing_is_compared_after_a_crash_of_rabbitmq_alone() -> None:
    crash = ["0.0 connection.close reply_text='INTERNAL_ERROR'"]
    assert comparable_steps([["same"], ["refused"], ["a"]], [["same"], crash, ["b"]]) == 1
    assert comparable_steps([["same"], crash, ["a"]], [["same"], crash, ["b"]]) == 3
