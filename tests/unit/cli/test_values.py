"""Times, durations and pairs as people write them."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from onemq.cli.frame import BadUsage
from onemq.cli.values import duration_ms, pairs, plain, plain_pairs, time_ms


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("500ms", 500),
        ("10s", 10_000),
        ("1.5", 1500),
        ("5m", 300_000),
        ("5 min", 300_000),
        ("2h", 7_200_000),
        ("1d", 86_400_000),
    ],
)
def test_durations(text: str, expected: int) -> None:
    assert duration_ms(text, "--x") == expected


@pytest.mark.parametrize("text", ["", "soon", "-1s", "5 years", "s"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(BadUsage, match="--x is a duration such as"):
        duration_ms(text, "--x")


def test_times() -> None:
    now = time.time() * 1000
    assert time_ms("1700000000000", "--x") == 1_700_000_000_000
    moment = datetime(2026, 11, 28, 8, tzinfo=UTC)
    assert time_ms("2026-11-28T08:00+00:00", "--x") == moment.timestamp() * 1000
    assert time_ms("2026-11-28", "--x") == datetime(2026, 11, 28).timestamp() * 1000
    assert abs(time_ms("1h", "--x") - (now - 3_600_000)) < 60_000
    assert abs(time_ms("now", "--x") - now) < 60_000
    for text in ("yesterday", "12", ""):
        with pytest.raises(BadUsage, match="--x is a time such as"):
            time_ms(text, "--x")


def test_pairs_and_values() -> None:
    assert pairs(["a=b=c", "d="], "--x") == {"a": "b=c", "d": ""}
    assert plain_pairs(["n=1", "t=text", "f=true", 'j={"a": 1}'], "--x") == {
        "n": 1,
        "t": "text",
        "f": True,
        "j": {"a": 1},
    }
    assert plain("01") == "01"
    for text in ("nothing", "=value"):
        with pytest.raises(BadUsage, match="NAME=VALUE"):
            pairs([text], "--x")
