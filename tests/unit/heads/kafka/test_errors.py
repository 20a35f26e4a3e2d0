"""Every reason has a code, and codes are those that kafka-python knows under the same names."""

from __future__ import annotations

import pytest
from kafka import errors as known

from onemq.heads.kafka import errors
from onemq.heads.kafka.errors import CODES, code_of
from onemq.model.refusal import Reason, Refusal

THEIR_NAMES = {
    "NONE": "NO_ERROR",
    "NOT_LEADER_OR_FOLLOWER": "NOT_LEADER_FOR_PARTITION",
    "MESSAGE_TOO_LARGE": "MESSAGE_SIZE_TOO_LARGE",
    "INVALID_TOPIC_EXCEPTION": "INVALID_TOPIC",
    "INVALID_REPLICA_ASSIGNMENT": "INVALID_REPLICATION_ASSIGNMENT",
    "UNKNOWN_SERVER_ERROR": "UNKNOWN",
}
"""Names that kafka-python has from earlier."""
LATER = {"INVALID_REGULAR_EXPRESSION": 128, "REBOOTSTRAP_REQUIRED": 129, "SHARE_SESSION_LIMIT_REACHED": 133}
"""Codes that kafka-python does not know."""


def ours() -> dict[str, int]:
    return {
        name: value
        for name, value in vars(errors).items()
        if name.isupper() and not name.startswith("_") and isinstance(value, int)
    }


def theirs() -> dict[str, int]:
    found: dict[str, int] = {}
    for error in vars(known).values():
        if isinstance(error, type) and issubclass(error, known.BrokerResponseError):
            number = getattr(error, "errno", None)
            if number is not None:
                found[getattr(error, "message", "")] = number
    return found


def test_codes_are_kafkas() -> None:
    named = theirs() | LATER
    wrong = {name: code for name, code in ours().items() if named.get(THEIR_NAMES.get(name, name)) != code}
    assert wrong == {}
    assert len(ours()) > 90


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_code(reason: Reason) -> None:
    assert int(reason) in CODES
    assert code_of(Refusal(reason)) not in (errors.NONE, errors.UNKNOWN_SERVER_ERROR)


@pytest.mark.parametrize(
    ("reason", "kind", "code"),
    [
        (Reason.NOT_FOUND, "topic", errors.UNKNOWN_TOPIC_OR_PARTITION),
        (Reason.NOT_FOUND, "partition", errors.UNKNOWN_TOPIC_OR_PARTITION),
        (Reason.NOT_FOUND, "group", errors.GROUP_ID_NOT_FOUND),
        (Reason.ACCESS_DENIED, "topic", errors.TOPIC_AUTHORIZATION_FAILED),
        (Reason.ACCESS_DENIED, "group", errors.GROUP_AUTHORIZATION_FAILED),
        (Reason.ACCESS_DENIED, "transactional id", errors.TRANSACTIONAL_ID_AUTHORIZATION_FAILED),
        (Reason.ACCESS_DENIED, "cluster", errors.CLUSTER_AUTHORIZATION_FAILED),
        (Reason.INVALID, "config", errors.INVALID_CONFIG),
        (Reason.INVALID, "topic", errors.INVALID_TOPIC_EXCEPTION),
        (Reason.INVALID, "partitions", errors.INVALID_PARTITIONS),
        (Reason.INVALID, "", errors.INVALID_REQUEST),
    ],
)
def test_some_codes_depend_on_what_is_refused(reason: Reason, kind: str, code: int) -> None:
    assert code_of(Refusal(reason, kind, "x")) == code
