"""What policies may say, and RabbitMQ's words for what they may not."""

from __future__ import annotations

import pytest

from onemq.engine.directory.definitions import age_ms, definition_problem, erlang_term

GOOD: list[dict[str, object]] = [
    {"message-ttl": 0, "expires": 1, "max-length": 0, "max-length-bytes": 0},
    {"dead-letter-exchange": "", "dead-letter-routing-key": "k", "overflow": "reject-publish-dlx"},
    {"delivery-limit": -1, "consumer-timeout": 5, "max-age": "7D"},
    {"alternate-exchange": "x"},
    {"queue-mode": "lazy", "queue-version": 2, "ha-mode": "all", "ha-sync-batch-size": 5},
    {"stream-max-segment-size-bytes": 5, "queue-leader-locator": "balanced"},
]


@pytest.mark.parametrize("definition", GOOD)
def test_good_ones(definition: dict[str, object]) -> None:
    assert definition_problem(definition, False) == ""


@pytest.mark.parametrize(
    ("definition", "text"),
    [
        ({"message-ttl": -1}, "-1 is not a valid message TTL"),
        ({"message-ttl": "5"}, '<<"5">> is not a valid message TTL'),
        ({"message-ttl": True}, "true is not a valid message TTL"),
        ({"expires": 0}, "0 is not a valid queue expiry"),
        ({"max-length": 1.5}, "1.5 is not a valid maximum length"),
        ({"max-length-bytes": None}, "null is not a valid maximum length in bytes"),
        ({"dead-letter-exchange": 1}, "1 is not a valid dead letter exchange name"),
        ({"dead-letter-routing-key": 1}, "1 is not a valid dead letter routing key"),
        ({"alternate-exchange": 1}, "1 is not a valid alternate exchange name"),
        ({"overflow": "x"}, '<<"x">> is not a valid overflow value'),
        ({"delivery-limit": "x"}, '<<"x">> is not a valid delivery limit'),
        ({"max-age": "7"}, '<<"7">> is not a valid max age'),
        ({"queue-mode": "x"}, '<<"x">> is not a valid queue-mode value'),
        ({"queue-version": True}, "true is not a valid queue-version value"),
        ({"max-priority": 5}, '[{<<"max-priority">>,5}] are not recognised policy settings'),
        (
            {"max-length": 1, "c": "é", "a": {"b": [1]}},
            '[{<<"a">>,#{<<"b">> => [1]}},{<<"c">>,<<"é"/utf8>>}] are not recognised policy settings',
        ),
        ({"overflow": "x", "max-length": -1, "foo": 1}, "-1 is not a valid maximum length"),
        ({}, "no policy provided"),
    ],
)
def test_bad_ones(definition: dict[str, object], text: str) -> None:
    assert definition_problem(definition, False) == text


def test_operators_only_limit() -> None:
    assert definition_problem({"max-length": 5, "overflow": "drop-head", "expires": 5}, True) == ""
    assert definition_problem({"dead-letter-exchange": "x"}, True) == (
        '[{<<"dead-letter-exchange">>,<<"x">>}] are not recognised policy settings'
    )


def test_ages() -> None:
    assert age_ms("1Y") == 365 * 86_400_000 and age_ms("2h") == 7_200_000 and age_ms("0s") == 0
    for text in ("", "7", "D", "7d", "-7D", "7.5D", "\N{ARABIC-INDIC DIGIT SEVEN}D", "9" * 20 + "D"):
        assert age_ms(text) == -1, text


def test_terms() -> None:
    assert erlang_term('a"\\') == '<<"a\\"\\\\">>'
