"""AMQP's words for another head: declarations and messages as JSON has them."""

from __future__ import annotations

import pytest

from engine_driver import Driver, RecordingSink
from onemq.heads.amqp091.properties import decode_properties
from onemq.heads.amqp091.words import AmqpWords
from onemq.model.refusal import Reason, Refusal

WORDS = AmqpWords()


@pytest.fixture
def driver() -> Driver:
    made = Driver()
    WORDS.declare_queue(made.access, "q", True, False, {})
    return made


def refused(driver: Driver, properties: dict[str, object]) -> str:
    with pytest.raises(Refusal) as error:
        WORDS.publish(driver.access, "", "q", properties, b"x")
    return error.value.detail


def test_a_declaration_is_made_once_and_compared_then(driver: Driver) -> None:
    arguments: dict[str, object] = {"x-max-length": 5, "x-dead-letter-exchange": "dead"}
    assert WORDS.declare_queue(driver.access, "r", True, False, arguments)
    assert not WORDS.declare_queue(driver.access, "r", True, False, arguments)
    assert driver.queue("r").settings.length_max == 5
    assert WORDS.declare_exchange(driver.access, "x", "topic", True, False, False, {})
    assert not WORDS.declare_exchange(driver.access, "x", "topic", True, False, False, {})
    with pytest.raises(Refusal) as error:
        WORDS.declare_queue(driver.access, "r", False, False, arguments)
    code, text = WORDS.reply(error.value, "/", "user")
    assert (code, text.partition(" - ")[0]) == (
        406,
        "PRECONDITION_FAILED",
    ) and "inequivalent arg 'durable'" in text


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"x-max-length": "many"}, "expected integer, got longstr"),
        ({"x-max-length": None}, "null_not_allowed"),
        ({"x-queue-type": "nope"}, "unsupported queue type"),
        ({"big": 1 << 63}, "does not fit 64 bits"),
    ],
)
def test_bad_arguments_are_refused_in_amqps_words(
    driver: Driver, arguments: dict[str, object], words: str
) -> None:
    with pytest.raises(Refusal) as error:
        WORDS.declare_queue(driver.access, "r", True, False, arguments)
    assert error.value.reason == Reason.INVALID and words in WORDS.reply(error.value, "/", "user")[1]


def test_reserved_names_are_refused(driver: Driver) -> None:
    with pytest.raises(Refusal) as error:
        WORDS.declare_queue(driver.access, "amq.q", True, False, {})
    assert error.value.reason == Reason.ACCESS_DENIED
    for name in ("amq.x", ""):
        with pytest.raises(Refusal) as error:
            WORDS.declare_exchange(driver.access, name, "direct", True, False, False, {})
        assert error.value.reason == Reason.ACCESS_DENIED


def test_a_message_is_what_an_amqp_client_would_have_published(driver: Driver) -> None:
    properties: dict[str, object] = {
        "content_type": "t",
        "headers": {"n": 1, "list": [True, 1.5], "CC": ["r"]},
        "delivery_mode": 2,
        "priority": 3,
        "expiration": "1000",
        "unknown": "passed over",
    }
    WORDS.declare_queue(driver.access, "r", True, False, {})
    assert WORDS.publish(driver.access, "", "q", properties, b"body")
    assert not WORDS.publish(driver.access, "", "nowhere", {}, b"body")
    driver.settle_down()
    waiter = driver.get("q", RecordingSink())
    assert waiter.result is not None
    record = waiter.result.record
    native = decode_properties(record.native)
    assert (native.content_type, native.priority, native.expiration) == ("t", 3, "1000")
    assert record.expires_at_ms == driver.now_ms + 1000 and record.priority == 3 and not record.volatile
    shown = WORDS.properties_of(record, waiter.result.queue, 0, 0)
    assert shown == {key: value for key, value in properties.items() if key != "unknown"}
    assert driver.drain("r") == [b"body"], "CC is obeyed"


def test_bad_properties_are_refused(driver: Driver) -> None:
    assert refused(driver, {"expiration": "soon"}) == "invalid expiration 'soon': no_integer"
    assert refused(driver, {"delivery_mode": "2"}) == "not_int delivery_mode"
    assert refused(driver, {"content_type": 5}) == "not_string content_type"
    assert refused(driver, {"message_id": "x" * 256}) == "message_id has more than 255 octets"
    assert refused(driver, {"headers": {"n": None}}) == "null_not_allowed"
    assert refused(driver, {"headers": [1]}) == "headers are an object"
    assert "authenticated user was 'user'" in refused(driver, {"user_id": "other"})
    deep: object = 1
    for _ in range(40):
        deep = [deep]
    assert refused(driver, {"headers": {"deep": deep}}) == "arguments are nested too deeply"
