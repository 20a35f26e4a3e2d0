"""Dead-lettering with pika: reasons, routing, cycles and the exact shape of the headers."""

from __future__ import annotations

import datetime
from collections.abc import Callable

import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError
from pika_session import (
    Message,
    Name,
    Table,
    drain,
    fetch,
    get,
    publish,
    wait_ready_count,
    wait_until,
)

DEATH_KEYS = {"count", "reason", "queue", "time", "exchange", "routing-keys"}


def pair(channel: BlockingChannel, name: Name, **arguments: object) -> tuple[str, str]:
    """A queue with these arguments whose dead letters go to the second queue by the default exchange."""
    source, dead = name("source"), name("dead")
    table: Table = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    table.update({key.replace("_", "-"): value for key, value in arguments.items()})
    channel.queue_declare(source, durable=True, arguments=table)
    channel.queue_declare(dead, durable=True)
    return source, dead


def reject_one(channel: BlockingChannel, queue: str) -> Message:
    message = fetch(channel, queue, auto_ack=False)
    channel.basic_reject(message.tag, requeue=False)
    return message


def check_death(
    message: Message, *, reason: str, queue: str, exchange: str = "", key: str, count: int = 1
) -> None:
    """The first entry of x-death and the x-first-death headers, for a message that died once."""
    headers = message.headers
    assert headers["x-first-death-reason"] == reason
    assert headers["x-first-death-queue"] == queue
    assert headers["x-first-death-exchange"] == exchange
    (death,) = headers["x-death"]
    assert set(death) - {"original-expiration"} == DEATH_KEYS
    assert (death["count"], death["reason"], death["queue"]) == (count, reason, queue)
    assert (death["exchange"], death["routing-keys"]) == (exchange, [key])
    assert isinstance(death["time"], datetime.datetime)


def test_rejected(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name)
    publish(channel, source, b"m", headers={"kept": "yes"}, message_id="1")
    reject_one(channel, source)
    message = fetch(channel, dead)
    check_death(message, reason="rejected", queue=source, key=source)
    assert (message.body, message.properties.message_id, message.headers["kept"]) == (b"m", "1", "yes")
    assert (message.exchange, message.routing_key, message.redelivered) == ("", dead, False)


def test_nack_dead_letters_like_reject(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name)
    publish(channel, source, b"1", b"2")
    tags = [fetch(channel, source, auto_ack=False).tag for _ in range(2)]
    channel.basic_nack(tags[1], multiple=True, requeue=False)
    assert [fetch(channel, dead).body for _ in range(2)] == [b"1", b"2"]


def test_expired_by_queue_ttl(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name, x_message_ttl=50)
    publish(channel, source, b"m")
    message = fetch(channel, dead)
    check_death(message, reason="expired", queue=source, key=source)
    assert "original-expiration" not in message.headers["x-death"][0]


def test_expired_by_its_own_expiration(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name)
    publish(channel, source, b"m", expiration="50")
    message = fetch(channel, dead)
    check_death(message, reason="expired", queue=source, key=source)
    assert message.headers["x-death"][0]["original-expiration"] == "50"
    assert message.properties.expiration is None


def test_dropped_from_the_head_of_a_full_queue(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name, x_max_length=1)
    publish(channel, source, b"1", b"2")
    message = fetch(channel, dead)
    assert message.body == b"1"
    check_death(message, reason="maxlen", queue=source, key=source)
    assert drain(channel, source) == [b"2"]


def test_reject_publish_dlx_nacks_and_dead_letters(confirming: BlockingChannel, name: Name) -> None:
    source, dead = pair(confirming, name, x_max_length=1, x_overflow="reject-publish-dlx")
    confirming.basic_publish("", source, b"1")
    with pytest.raises(NackError):
        confirming.basic_publish("", source, b"2")
    message = fetch(confirming, dead)
    assert message.body == b"2"
    check_death(message, reason="maxlen", queue=source, key=source)
    assert drain(confirming, source) == [b"1"]


def test_delivery_limit_of_a_quorum_queue(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name, x_queue_type="quorum", x_delivery_limit=2)
    publish(channel, source, b"poison", delivery_mode=2)
    counts = []
    for _ in range(3):
        message = fetch(channel, source, auto_ack=False)
        counts.append(message.headers.get("x-delivery-count", 0))
        channel.basic_reject(message.tag, requeue=True)
    assert counts == [0, 1, 2]
    check_death(fetch(channel, dead), reason="delivery_limit", queue=source, key=source)
    assert get(channel, source) is None


def test_last_death_headers(channel: BlockingChannel, name: Name) -> None:
    # RabbitMQ 3.13 and later; 3.10 has the x-first-death headers only.
    source, dead = pair(channel, name)
    publish(channel, source, b"m")
    reject_one(channel, source)
    headers = fetch(channel, dead).headers
    assert headers["x-last-death-reason"] == "rejected"
    assert headers["x-last-death-queue"] == source
    assert headers["x-last-death-exchange"] == ""


def test_a_dead_letter_exchange_keeps_the_routing_key(channel: BlockingChannel, name: Name) -> None:
    work, graveyard = name("work"), name("graveyard")
    source, dead = name("source"), name("dead")
    channel.exchange_declare(work, "topic")
    channel.exchange_declare(graveyard, "topic")
    channel.queue_declare(source, durable=True, arguments={"x-dead-letter-exchange": graveyard})
    channel.queue_declare(dead, durable=True)
    channel.queue_bind(source, work, "order.*")
    channel.queue_bind(dead, graveyard, "order.#")
    channel.basic_publish(work, "order.eu", b"m")
    reject_one(channel, source)
    message = fetch(channel, dead)
    check_death(message, reason="rejected", queue=source, exchange=work, key="order.eu")
    assert (message.exchange, message.routing_key) == (graveyard, "order.eu")


def test_cc_keys_travel_with_the_dead_letter(channel: BlockingChannel, name: Name) -> None:
    graveyard, source, dead, copy = name("graveyard"), name("source"), name("dead"), name("copy")
    channel.exchange_declare(graveyard, "direct")
    channel.queue_declare(source, durable=True, arguments={"x-dead-letter-exchange": graveyard})
    for queue in (dead, copy):
        channel.queue_declare(queue, durable=True)
    channel.queue_bind(dead, graveyard, source)
    channel.queue_bind(copy, graveyard, "second")
    publish(channel, source, b"m", headers={"CC": ["second"]})
    reject_one(channel, source)
    for queue in (dead, copy):
        message = fetch(channel, queue)
        assert message.headers["x-death"][0]["routing-keys"] == [source, "second"]


def test_a_dead_letter_routing_key_replaces_all_keys_and_bcc_is_never_shown(
    channel: BlockingChannel, name: Name
) -> None:
    source, dead = pair(channel, name)
    publish(channel, source, b"m", headers={"CC": ["c"], "BCC": [dead], "kept": 1})
    assert "x-death" not in fetch(channel, dead).headers  # the blind copy itself
    reject_one(channel, source)
    headers = fetch(channel, dead).headers
    assert headers["x-death"][0]["routing-keys"] == [source, "c"]
    assert headers["kept"] == 1 and "CC" not in headers and "BCC" not in headers


def test_a_second_death_elsewhere_is_a_second_entry_and_counts_grow(
    channel: BlockingChannel, name: Name
) -> None:
    first, second = name("first"), name("second")
    for queue, target in ((first, second), (second, first)):
        channel.queue_declare(
            queue,
            durable=True,
            arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": target},
        )
    publish(channel, first, b"m")
    reject_one(channel, first)
    reject_one(channel, second)
    deaths = reject_one(channel, first).headers["x-death"]
    assert [(death["queue"], death["count"]) for death in deaths] == [(second, 1), (first, 1)]
    headers = fetch(channel, second).headers
    assert [(death["queue"], death["count"]) for death in headers["x-death"]] == [(first, 2), (second, 1)]
    assert headers["x-first-death-queue"] == first
    assert headers["x-first-death-reason"] == "rejected"


def test_two_reasons_in_one_queue_are_two_entries(channel: BlockingChannel, name: Name) -> None:
    source, dead = name("source"), name("dead")
    channel.queue_declare(
        source, durable=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    )
    channel.queue_declare(
        dead, durable=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": source}
    )
    publish(channel, source, b"m", expiration="30")
    reject_one(channel, dead)
    reject_one(channel, source)
    deaths = fetch(channel, dead).headers["x-death"]
    # RabbitMQ 4: the latest first. 3.10 groups the entries of one queue.
    assert [(death["queue"], death["reason"]) for death in deaths] == [
        (source, "rejected"),
        (dead, "rejected"),
        (source, "expired"),
    ]


def test_a_cycle_without_a_reject_is_broken(channel: BlockingChannel, name: Name) -> None:
    # A queue that dead-letters expired messages to itself would never be empty.
    queue, witness = name("cycle"), name("witness")
    exchange = name("fanout")
    channel.exchange_declare(exchange, "fanout")
    channel.queue_declare(
        queue, durable=True, arguments={"x-message-ttl": 50, "x-dead-letter-exchange": exchange}
    )
    channel.queue_declare(witness, durable=True)
    for bound in (queue, witness):
        channel.queue_bind(bound, exchange)
    publish(channel, queue, b"m")
    assert fetch(channel, witness).headers["x-death"][0]["count"] == 1
    wait_ready_count(channel, queue, 0)
    assert get(channel, witness) is None


def test_without_a_dead_letter_exchange_messages_vanish(channel: BlockingChannel, queue: str) -> None:
    publish(channel, queue, b"m")
    reject_one(channel, queue)
    assert get(channel, queue) is None


def test_a_missing_dead_letter_exchange_loses_quietly(channel: BlockingChannel, name: Name) -> None:
    source = name("source")
    channel.queue_declare(source, durable=True, arguments={"x-dead-letter-exchange": "no-such-exchange"})
    publish(channel, source, b"m")
    reject_one(channel, source)
    assert get(channel, source) is None
    assert channel.is_open


def test_purge_and_delete_do_not_dead_letter(channel: BlockingChannel, name: Name) -> None:
    source, dead = pair(channel, name)
    publish(channel, source, b"1")
    channel.queue_purge(source)
    publish(channel, source, b"2")
    channel.queue_delete(source)
    publish(channel, dead, b"last")
    assert drain(channel, dead) == [b"last"]


def retry_after_delay(channel: BlockingChannel, work: str) -> Callable[[], bool]:
    """A worker that rejects twice, then accepts."""
    attempts: list[int] = []

    def done() -> bool:
        message = get(channel, work, auto_ack=False)
        if message is None:
            return False
        deaths = message.headers.get("x-death", [])
        attempts.append(sum(death["count"] for death in deaths if death["queue"] == work))
        if len(attempts) < 3:
            channel.basic_reject(message.tag, requeue=False)
            return False
        channel.basic_ack(message.tag)
        assert attempts == [0, 1, 2]
        return True

    return done


def test_the_well_known_retry_with_delay(channel: BlockingChannel, name: Name) -> None:
    """A work queue dead-letters to a waiting queue, whose TTL sends the message back: attempts are counted."""
    work, waiting = name("work"), name("waiting")
    channel.queue_declare(
        work, durable=True, arguments={"x-dead-letter-exchange": "", "x-dead-letter-routing-key": waiting}
    )
    channel.queue_declare(
        waiting,
        durable=True,
        arguments={
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": work,
            "x-message-ttl": 50,
        },
    )
    publish(channel, work, b"job")
    wait_until(channel, retry_after_delay(channel, work))
    assert get(channel, work) is None and get(channel, waiting) is None
