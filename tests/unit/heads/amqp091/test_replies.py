"""Refusals to reply codes and texts: every reason has one; the wording is RabbitMQ's."""

import pytest

from onemq.heads.amqp091.replies import HARD_ERRORS, AmqpRefusal, amqp_reply, code_of, refusal_reply
from onemq.model.refusal import Reason, Refusal, Scope


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_code_and_a_text(reason: Reason) -> None:
    reply = refusal_reply(Refusal(reason, "queue", "q", "detail"), "/", "guest")
    assert reply.code == code_of(reason)
    name, text = reply.text.split(" - ", 1)
    assert name.isupper() and text
    assert reply.closes_connection == (reply.code in HARD_ERRORS)


@pytest.mark.parametrize(
    ("refusal", "code", "text"),
    [
        (Refusal(Reason.NOT_FOUND, "queue", "q"), 404, "NOT_FOUND - no queue 'q' in vhost '/'"),
        (
            Refusal(Reason.ACCESS_DENIED, "queue", "q"),
            403,
            "ACCESS_REFUSED - access to queue 'q' in vhost '/' refused for user 'guest'",
        ),
        (
            Refusal(Reason.ACCESS_DENIED, "exchange", "", "write"),
            403,
            "ACCESS_REFUSED - write access to exchange 'amq.default' in vhost '/' refused for user 'guest'",
        ),
        (
            Refusal(Reason.ACCESS_DENIED, "exchange", "x", "internal"),
            403,
            "ACCESS_REFUSED - cannot publish to internal exchange 'x' in vhost '/'",
        ),
        (
            Refusal(Reason.EXISTS_OTHERWISE, "queue", "q", "durable", wanted="'false'", actual="'true'"),
            406,
            "PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': "
            "received 'false' but current is 'true'",
        ),
        (
            Refusal(
                Reason.EXISTS_OTHERWISE,
                "queue",
                "q",
                "x-expires",
                wanted="the value '2' of type 'signedint'",
                actual="the value '1' of type 'signedint'",
            ),
            406,
            "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': "
            "received '2' but current is '1'",
        ),
        (
            Refusal(
                Reason.EXISTS_OTHERWISE,
                "queue",
                "q",
                "x-expires",
                wanted="none",
                actual="the value '1' of type 'signedint'",
            ),
            406,
            "PRECONDITION_FAILED - inequivalent arg 'x-expires' for queue 'q' in vhost '/': "
            "received none but current is the value '1' of type 'signedint'",
        ),
        (Refusal(Reason.IN_USE, "queue", "q"), 406, "PRECONDITION_FAILED - queue 'q' in vhost '/' in use"),
        (
            Refusal(Reason.NAMESPACE_DENIED, "namespace", "v", "not found", scope=Scope.CONNECTION),
            530,
            "NOT_ALLOWED - vhost v not found",
        ),
        (
            Refusal(Reason.NAMESPACE_DENIED, "namespace", "v", "access refused", scope=Scope.CONNECTION),
            530,
            "NOT_ALLOWED - access to vhost 'v' refused for user 'guest'",
        ),
        (
            Refusal(Reason.SINGLE_ACTIVE, "queue", "q"),
            403,
            "ACCESS_REFUSED - queue 'q' in vhost '/' in exclusive use",
        ),
    ],
)
def test_texts_are_those_of_rabbitmq(refusal: Refusal, code: int, text: str) -> None:
    reply = refusal_reply(refusal, "/", "guest")
    assert (reply.code, reply.text) == (code, text)


def test_a_refusal_of_connection_scope_closes_the_connection() -> None:
    refusal = Refusal(Reason.LIMIT, "user", "guest", "too many connections", scope=Scope.CONNECTION)
    reply = refusal_reply(refusal, "/", "guest")
    assert (reply.code, reply.closes_connection) == (530, True)


def test_the_code_of_the_heads_own_refusal_decides_what_ends() -> None:
    assert amqp_reply(AmqpRefusal(540, "active=false")).closes_connection
    assert not amqp_reply(AmqpRefusal(406, "unknown delivery tag 1")).closes_connection


def test_a_long_text_fits_a_short_string() -> None:
    reply = refusal_reply(Refusal(Reason.NOT_FOUND, "queue", "ü" * 250), "/", "guest")
    assert len(reply.text.encode()) <= 255 and reply.text.endswith("...")
