"""Fetch in every version: what is read, what is waited for, and the size rules."""

from __future__ import annotations

import gc
from typing import Any
from uuid import UUID

import pytest

from engine_driver import Disk, FakeStore
from onemq.engine.core import STALE_DEADLINES_MIN
from onemq.engine.topics.fetching import Fetch
from onemq.heads.kafka import errors
from onemq.heads.kafka.commands.fetch_answer import COPIED_BYTES_MAX
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.record import NATIVE_AMQP091, Record
from unit.heads.kafka.playbook import Stage, batch, values
from unit.heads.kafka.requests import fetch, make_topic, produce

VERSIONS = range(4, 17)


def part(answer: Any) -> Any:
    return answer.responses[0].partitions[0]


@pytest.mark.parametrize("version", VERSIONS)
def test_batches_are_read_in_every_version(version: int) -> None:
    peer = Stage().connect()
    topic = make_topic(peer, "t")
    sizes = (10, COPIED_BYTES_MAX + 1, 20, COPIED_BYTES_MAX * 3, COPIED_BYTES_MAX * 2, 30)
    sent = [bytes([65 + index]) * size for index, size in enumerate(sizes)]
    for value in sent:
        peer.asks(produce(9, "t", batch(value)))
    by_id = topic.topic_id if version >= 13 else None
    for committed in (0, 1):
        answer = peer.asks(fetch(version, "t", 0, topic_id=by_id, isolation_level=committed))
        found = part(answer)
        assert found.error_code == errors.NONE
        assert (found.high_watermark, found.last_stable_offset) == (6, 6)
        assert values(found.records) == sent
        assert found.aborted_transactions == ([] if committed else None)
        if version >= 7:
            assert (answer.error_code, answer.session_id) == (errors.NONE, 0)


def test_an_offset_inside_a_batch_gives_the_whole_batch() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(b"a", b"b", b"c")))
    assert values(part(peer.asks(fetch(11, "t", 2))).records) == [b"a", b"b", b"c"]


def test_batches_of_java_producers_are_not_taken_for_those_of_other_protocols() -> None:
    """They come without a leader's epoch (-1), which the broker fills in."""
    peer = Stage().connect()
    make_topic(peer, "t")
    sent = bytearray(batch(b"a"))
    sent[12:16] = b"\xff\xff\xff\xff"
    peer.asks(produce(9, "t", bytes(sent)))
    read = bytes(part(peer.asks(fetch(11, "t", 0))).records)
    assert read[12:16] == bytes(4) and read[16:] == bytes(sent[16:])


def test_records_of_other_protocols_are_plain_batches_to_kafka() -> None:
    stage = Stage()
    peer = stage.connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(b"from kafka")))
    access = stage.gate.enter(stage.gate.login_plain("guest", "guest", peer.link.peer), "/")
    access.queues.check("t")
    route = access.route("", "t")
    access.publish(route, Record(b"from elsewhere", route.address, NATIVE_AMQP091, b"whatever its head kept"))
    stage.turn()
    read = bytes(part(peer.asks(fetch(11, "t", 0))).records)
    assert values(read) == [b"from kafka", b"from elsewhere"]
    assert b"whatever" not in read


def test_at_the_end_there_is_nothing_and_beyond_it_an_error() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(b"a")))
    at_end = part(peer.asks(fetch(11, "t", 1)))
    assert (at_end.error_code, bytes(at_end.records)) == (errors.NONE, b"")
    for offset in (2, -1):
        beyond = part(peer.asks(fetch(11, "t", offset)))
        assert beyond.error_code == errors.OFFSET_OUT_OF_RANGE
        assert (beyond.high_watermark, beyond.last_stable_offset, beyond.log_start_offset) == (-1, -1, -1)
        assert beyond.aborted_transactions is None


def test_codes_of_refusals() -> None:
    peer = Stage().connect()
    topic = make_topic(peer, "t")
    assert part(peer.asks(fetch(11, "none", 0))).error_code == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert part(peer.asks(fetch(11, "t", 0, partition=1))).error_code == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert part(peer.asks(fetch(13, "", 0, topic_id=UUID(int=99)))).error_code == errors.UNKNOWN_TOPIC_ID
    assert part(peer.asks(fetch(13, "", 0, topic_id=UUID(int=0)))).error_code == errors.UNKNOWN_TOPIC_ID
    assert part(peer.asks(fetch(13, "", 0, topic_id=topic.topic_id))).error_code == errors.NONE
    assert part(peer.asks(fetch(11, "t", 0, epoch=1))).error_code == errors.UNKNOWN_LEADER_EPOCH
    assert part(peer.asks(fetch(11, "t", 0, epoch=0))).error_code == errors.NONE


def test_there_are_no_fetch_sessions() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    wanted = peer.asks(fetch(11, "t", 0, session_epoch=0))
    assert (wanted.error_code, wanted.session_id, len(wanted.responses)) == (errors.NONE, 0, 1)
    stale = peer.asks(fetch(11, "t", 0, session_id=5, session_epoch=3))
    assert (stale.error_code, len(stale.responses)) == (errors.FETCH_SESSION_ID_NOT_FOUND, 0)
    none = peer.asks(fetch(11, "t", 0, session_epoch=3))
    assert none.error_code == errors.INVALID_FETCH_SESSION_EPOCH


def test_a_long_poll_ends_with_records() -> None:
    stage = Stage()
    consumer, producer = stage.connect(), stage.connect()
    make_topic(producer, "t")
    consumer.says(fetch(11, "t", 0, max_wait_ms=30_000))
    stage.wait(10_000)
    consumer.hears_nothing()
    producer.says(produce(9, "t", batch(b"a")))
    assert values(part(consumer.hears()[0]).records) == [b"a"]


def test_a_long_poll_ends_with_nothing_after_its_time() -> None:
    stage = Stage()
    consumer = stage.connect()
    make_topic(consumer, "t")
    consumer.says(fetch(11, "t", 0, max_wait_ms=500))
    stage.wait(499)
    consumer.hears_nothing()
    stage.wait(1)
    assert values(part(consumer.hears()[0]).records) == []


def test_a_long_poll_waits_for_min_bytes() -> None:
    stage = Stage()
    consumer, producer = stage.connect(), stage.connect()
    make_topic(producer, "t")
    consumer.says(fetch(11, "t", 0, max_wait_ms=30_000, min_bytes=300))
    producer.says(produce(9, "t", batch(bytes(100))))
    consumer.hears_nothing()
    producer.says(produce(9, "t", batch(bytes(100))))
    assert len(values(part(consumer.hears()[0]).records)) == 2


def test_errors_are_told_at_once_not_after_the_wait() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    assert part(peer.asks(fetch(11, "none", 0, max_wait_ms=30_000))).error_code != errors.NONE
    assert part(peer.asks(fetch(11, "t", 5, max_wait_ms=30_000))).error_code != errors.NONE


def test_the_first_batch_comes_even_if_it_is_too_large() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    for value in (b"a" * 1000, b"b" * 1000, b"c" * 1000):
        peer.asks(produce(9, "t", batch(value)))
    small = part(peer.asks(fetch(11, "t", 0, partition_max_bytes=10)))
    assert values(small.records) == [b"a" * 1000]
    total = part(peer.asks(fetch(11, "t", 0, max_bytes=10)))
    assert values(total.records) == [b"a" * 1000]
    two = part(peer.asks(fetch(11, "t", 0, partition_max_bytes=2200)))
    assert len(values(two.records)) == 2


def test_the_broker_has_a_limit_of_its_own() -> None:
    peer = Stage(KafkaSettings(fetch_bytes_max=2500)).connect()
    make_topic(peer, "t")
    for _ in range(5):
        peer.asks(produce(9, "t", batch(bytes(1000))))
    answer = peer.asks(fetch(11, "t", 0, min_bytes=1 << 30, max_wait_ms=30_000))
    assert len(values(part(answer).records)) == 2


def test_what_peers_do_not_take_is_bounded_for_all_of_them_together() -> None:
    stage = Stage()
    producer = stage.connect()
    make_topic(producer, "t")
    for _ in range(8):
        producer.asks(produce(9, "t", batch(bytes(100_000))))
    core = stage.broker.core
    core.fetch_bytes_left = most = 450_000
    slow = [stage.connect() for _ in range(2)]
    for peer in slow:
        peer.feeds(peer.encoded(fetch(11, "t", 0)))
        peer.conversation.pressed(True)
    stage.turn()
    assert [len(values(part(peer.hears()[0]).records)) for peer in slow] == [4, 1]

    good = stage.connect()
    for offset in range(4):
        assert len(values(part(good.asks(fetch(11, "t", offset))).records)) == 1, "goes on, bit by bit"
    slow[0].conversation.pressed(False)
    stage.turn()
    assert len(values(part(good.asks(fetch(11, "t", 0))).records)) == 3
    slow[1].leaves()
    assert core.fetch_bytes_left == most


@pytest.mark.parametrize("how", ["answered", "lost"])
def test_what_is_on_its_way_from_the_disk_counts_too(how: str) -> None:
    stage = Stage(store=FakeStore(Disk()))
    peer = stage.connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(bytes(100_000))))
    core = stage.broker.core
    topic = stage.broker.catalog.topics.by_id.popitem()[1]
    log = topic.partitions[0].log
    log.start_spill(1, 1 << 20, 1 << 20)
    log.finish_spill()
    log.evict()
    most = core.fetch_bytes_left
    peer.feeds(peer.encoded(fetch(11, "t", 0)))
    assert core.fetch_bytes_left == most - (1 << 20)
    if how == "lost":
        peer.leaves()
    stage.turn()
    assert len(peer.hears()) == (how == "answered")
    assert core.fetch_bytes_left == most


def test_a_fetch_of_nothing_is_answered() -> None:
    peer = Stage().connect()
    request = fetch(11, "t", 0, max_wait_ms=30_000)
    request.topics = []
    assert peer.asks(request).responses == []


def test_a_lost_long_poll_is_forgotten() -> None:
    stage = Stage()
    consumer, producer = stage.connect(), stage.connect()
    make_topic(producer, "t")
    consumer.says(fetch(11, "t", 0, max_wait_ms=30_000))
    consumer.leaves()
    producer.says(produce(9, "t", batch(b"a")))
    assert consumer.frames() == []
    stage.wait(60_000)


@pytest.mark.parametrize("how", ["answered", "lost"])
def test_a_long_poll_that_ended_early_is_forgotten_long_before_its_time(how: str) -> None:
    """The client may have been ready to wait for weeks."""
    stage = Stage()
    producer, consumer = stage.connect(), stage.connect()
    make_topic(producer, "t")
    rounds = 2 * STALE_DEADLINES_MIN
    for offset in range(rounds):
        consumer.says(fetch(11, "t", offset, max_wait_ms=0x7FFFFFFF))
        if how == "lost":
            consumer.leaves()
            stage.peers.remove(consumer)
            consumer = stage.connect()
        producer.asks(produce(9, "t", batch(b"a")))
        assert len(consumer.hears()) == (how == "answered")
    gc.collect()
    assert sum(isinstance(each, Fetch) for each in gc.get_objects()) < rounds - 100


def test_rights_are_asked_for() -> None:
    stage = Stage(users=True)
    owner = stage.connect().logs_in("guest")
    reader = stage.connect("10.0.0.1").logs_in("reader")
    for name in ("read-only", "secret"):
        make_topic(owner, name)
        owner.asks(produce(9, name, batch(b"a")))
    assert values(part(reader.asks(fetch(11, "read-only", 0))).records) == [b"a"]
    secret = part(reader.asks(fetch(11, "secret", 0)))
    assert (secret.error_code, bytes(secret.records)) == (errors.TOPIC_AUTHORIZATION_FAILED, b"")
