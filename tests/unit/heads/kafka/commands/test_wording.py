"""Messages of errors, in Kafka's words where clients' tests look at them."""

from __future__ import annotations

import pytest

from onemq.heads.kafka.commands.wording import words_of
from onemq.model.refusal import Reason, Refusal


@pytest.mark.parametrize(
    ("refusal", "words"),
    [
        (Refusal(Reason.ALREADY_EXISTS, "topic", "t"), "Topic 't' already exists."),
        (Refusal(Reason.NOT_FOUND, "topic", "t"), "This server does not host this topic-partition."),
        (
            Refusal(Reason.INVALID, "topic", "", "name"),
            "Topic name is invalid: the empty string is not allowed",
        ),
        (Refusal(Reason.INVALID, "topic", "..", "name"), "Topic name is invalid: '..' is not allowed"),
        (Refusal(Reason.ACCESS_DENIED, "topic", "t", "operation 3"), "Topic authorization failed."),
        (Refusal(Reason.ACCESS_DENIED, "cluster", "x"), "Cluster authorization failed."),
        (
            Refusal(Reason.INVALID, "config", "x", "Unknown topic config name: x"),
            "Unknown topic config name: x",
        ),
        (Refusal(Reason.LIMIT, "partitions", "t"), "limit partitions t"),
    ],
)
def test_words(refusal: Refusal, words: str) -> None:
    assert words_of(refusal) == words


@pytest.mark.parametrize(
    ("name", "part"), [("a" * 250, "max allowed length 249"), ("a b", "other than ASCII")]
)
def test_names(name: str, part: str) -> None:
    text = words_of(Refusal(Reason.INVALID, "topic", name, "name"))
    assert part in text and name in text
