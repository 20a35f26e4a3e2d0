"""Arguments to settings: what each one sets, and RabbitMQ's words for what is wrong with it."""

import pytest

from onemq.heads.amqp091.arguments import QUORUM_DELIVERY_LIMIT, age_text_ms, queue_settings
from onemq.heads.amqp091.exchange_arguments import exchange_settings
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.heads.amqp091.table import Decimal, FieldValue, Timestamp
from onemq.model.entities import ExchangeSettings, QueueSettings

Table = dict[str, FieldValue]


def declared(
    arguments: Table,
    name: str = "q",
    durable: bool = True,
    exclusive: bool = False,
    auto_delete: bool = False,
) -> QueueSettings:
    return queue_settings(name, "/", durable, exclusive, auto_delete, arguments)


def exchange(type_name: str, arguments: Table) -> ExchangeSettings:
    return exchange_settings("x", "/", type_name, True, False, False, arguments)


def test_a_plain_queue_is_classic_without_limits() -> None:
    settings = declared({})
    assert settings.type_name == "classic" and settings.durable
    assert (settings.message_ttl_ms, settings.length_max, settings.delivery_limit) == (None, None, None)


def test_an_exclusive_queue_is_not_durable() -> None:
    assert not declared({}, exclusive=True).durable


def test_limits_of_a_classic_queue() -> None:
    settings = declared(
        {
            "x-message-ttl": 0,
            "x-expires": 60000,
            "x-max-length": 10,
            "x-max-length-bytes": 1000,
            "x-overflow": "reject-publish-dlx",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": "dead",
            "x-max-priority": 9,
            "x-single-active-consumer": True,
            "x-consumer-timeout": 5000,
        }
    )
    assert (settings.message_ttl_ms, settings.expires_ms) == (0, 60000)
    assert (settings.length_max, settings.bytes_max, settings.overflow) == (10, 1000, "reject-publish-dlx")
    assert (settings.dead_letter_exchange, settings.dead_letter_routing_key) == ("", "dead")
    assert (settings.priority_max, settings.single_active, settings.consumer_timeout_ms) == (9, True, 5000)


def test_a_quorum_queue() -> None:
    settings = declared(
        {
            "x-queue-type": "quorum",
            "x-delayed-retry-type": "all",
            "x-delayed-retry-min": 1000,
            "x-delayed-retry-max": 8000,
        }
    )
    assert settings.persists_all and settings.delivery_limit == QUORUM_DELIVERY_LIMIT
    assert (settings.retry_delay_min_ms, settings.retry_delay_max_ms) == (1000, 8000)
    assert settings.retry_delay_returned
    assert declared({"x-queue-type": "quorum", "x-delivery-limit": -1}).delivery_limit is None
    assert declared({"x-queue-type": "quorum", "x-delivery-limit": 0}).delivery_limit == 0


def test_a_stream() -> None:
    settings = declared(
        {
            "x-queue-type": "stream",
            "x-max-age": "7D",
            "x-max-length-bytes": 5000,
            "x-stream-max-segment-size-bytes": 1000,
        }
    )
    assert settings.kept and settings.persists_all
    assert settings.retention_ms == 7 * 86_400_000
    assert (settings.retention_bytes, settings.bytes_max, settings.segment_bytes) == (5000, None, 1000)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"x-message-ttl": -1}, "'x-message-ttl' for queue 'q' in vhost '/': {value_negative,-1}"),
        (
            {"x-message-ttl": "soon"},
            "'x-message-ttl' for queue 'q' in vhost '/': \"expected integer, got longstr\"",
        ),
        ({"x-expires": 0}, "'x-expires' for queue 'q' in vhost '/': {value_zero,0}"),
        ({"x-max-length": True}, "'x-max-length' for queue 'q' in vhost '/': \"expected integer, got bool\""),
        ({"x-max-priority": 256}, "'x-max-priority' for queue 'q' in vhost '/': {max_value_exceeded,256}"),
        ({"x-overflow": "burst"}, "'x-overflow' for queue 'q' in vhost '/': invalid_overflow"),
        ({"x-overflow": 1}, "'x-overflow' for queue 'q' in vhost '/': {unacceptable_type,signedint}"),
        (
            {"x-dead-letter-routing-key": "k"},
            "'x-dead-letter-routing-key' for queue 'q' in vhost '/': routing_key_but_no_dlx_defined",
        ),
        (
            {"x-queue-type": "fast"},
            "'x-queue-type' for queue 'q' in vhost '/': \"unsupported queue type 'fast'\"",
        ),
        (
            {"x-queue-type": "quorum", "x-max-priority": 3},
            "'x-max-priority' for queue 'q' in vhost '/' of queue type rabbit_quorum_queue",
        ),
        (
            {"x-delivery-limit": 3},
            "'x-delivery-limit' for queue 'q' in vhost '/' of queue type rabbit_classic_queue",
        ),
        (
            {"x-queue-type": "stream", "x-max-age": "7"},
            "'x-max-age' for queue 'q' in vhost '/': invalid_max_age",
        ),
    ],
    ids=str,
)
def test_what_is_wrong_is_said_in_rabbitmqs_words(arguments: Table, error: str) -> None:
    with pytest.raises(AmqpRefusal) as caught:
        declared(arguments)
    assert (caught.value.code, caught.value.explanation) == (406, "invalid arg " + error)


@pytest.mark.parametrize("kind", ["quorum", "stream"])
@pytest.mark.parametrize(
    ("properties", "word"),
    [
        ({"durable": False}, "non-durable"),
        ({"exclusive": True}, "exclusive-owner"),
        ({"auto_delete": True}, "auto-delete"),
    ],
)
def test_replicated_types_are_durable_and_shared(kind: str, properties: dict[str, bool], word: str) -> None:
    with pytest.raises(AmqpRefusal, match=f"invalid property '{word}' for queue 'q' in vhost '/'"):
        declared(
            {"x-queue-type": kind},
            durable=properties.get("durable", True),
            exclusive=properties.get("exclusive", False),
            auto_delete=properties.get("auto_delete", False),
        )


def test_only_classic_queues_are_named_by_the_server() -> None:
    with pytest.raises(AmqpRefusal, match="Cannot declare a server-named queue for type rabbit_quorum_queue"):
        queue_settings("amq.gen-1", "/", True, False, False, {"x-queue-type": "quorum"}, server_named=True)


def test_a_dead_letter_exchange_must_be_a_name() -> None:
    with pytest.raises(
        AmqpRefusal, match="invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue 'q'"
    ):
        declared({"x-dead-letter-exchange": 7})


def test_the_catalog_gets_plain_values() -> None:
    arguments: Table = {"t": Timestamp(5), "d": Decimal(1, 15), "n": [{"t": Timestamp(6)}]}
    assert declared(arguments).arguments == {"t": 5, "d": 1.5, "n": [{"t": 6}]}


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("1s", 1000), ("2m", 120_000), ("3h", 10_800_000), ("1D", 86_400_000), ("1Y", 365 * 86_400_000)],
)
def test_ages(text: str, milliseconds: int) -> None:
    assert age_text_ms(text) == milliseconds


@pytest.mark.parametrize("text", ["", "s", "1", "0s", "-1s", "1w", "1.5h", "²s"])
def test_what_is_no_age(text: str) -> None:
    assert age_text_ms(text) is None


def test_exchange_types() -> None:
    assert exchange("topic", {}).kind == "topic"
    delayed = exchange("x-delayed-message", {"x-delayed-type": "fanout"})
    assert (delayed.kind, delayed.type_name, delayed.delayed) == ("fanout", "x-delayed-message", True)
    hashed = exchange("x-consistent-hash", {"hash-header": "user"})
    assert (hashed.kind, hashed.hash_header) == ("consistent-hash", "user")
    assert exchange("direct", {"alternate-exchange": "spare"}).alternate == "spare"


@pytest.mark.parametrize(
    ("type_name", "arguments"),
    [
        ("no-such-type", {}),
        ("x-delayed-message", {}),
        ("x-delayed-message", {"x-delayed-type": "no-such-type"}),
        ("x-consistent-hash", {"hash-header": "a", "hash-property": "message_id"}),
        ("x-consistent-hash", {"hash-property": "app_id"}),
        ("direct", {"alternate-exchange": 5}),
    ],
    ids=str,
)
def test_bad_exchanges_are_refused(type_name: str, arguments: Table) -> None:
    with pytest.raises(AmqpRefusal) as caught:
        exchange(type_name, arguments)
    assert caught.value.code == 406
