"""Produce in every version: what is appended, what is refused, and with which code."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.heads.kafka import errors
from unit.heads.kafka.admin_requests import create
from unit.heads.kafka.playbook import Peer, Stage, batch, values
from unit.heads.kafka.requests import fetch, make_topic, metadata, produce

GZIP = 1
ZSTD = 4


def outcome(answer: Any) -> Any:
    return answer.responses[0].partition_responses[0]


def refusal(peer: Peer, request: Any) -> int:
    part = outcome(peer.asks(request))
    assert part.base_offset == -1
    code: int = part.error_code
    assert code != errors.NONE
    return code


@pytest.mark.parametrize("version", range(3, 12))
def test_batches_are_appended_in_every_version(version: int) -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    peer.asks(produce(9, "t", batch(b"before")))
    for acks in (1, -1):
        part = outcome(peer.asks(produce(version, "t", batch(b"a", b"b"), acks=acks)))
        assert part.error_code == errors.NONE
        assert part.log_append_time_ms == -1
        assert part.base_offset in (1, 3)
    read = peer.asks(fetch(11, "t", 0))
    assert values(read.responses[0].partitions[0].records) == [b"before", b"a", b"b", b"a", b"b"]


def test_a_consumer_gets_the_producers_bytes_untouched() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    sent = batch(b"x" * 100, b"y" * 100, codec=GZIP)
    peer.asks(produce(9, "t", sent))
    read = peer.asks(fetch(11, "t", 0)).responses[0].partitions[0].records
    # All but the leader's epoch and, in the first batch of a log, not even the offset.
    assert bytes(read)[:12] == sent[:12] and bytes(read)[16:] == sent[16:]


def test_acks_0_has_no_answer() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    peer.says(produce(9, "t", batch(b"a"), acks=0), metadata(4, "t"))
    answers = peer.hears()
    assert len(answers) == 1 and answers[0].topics[0].name == "t"
    assert values(peer.asks(fetch(11, "t", 0)).responses[0].partitions[0].records) == [b"a"]
    assert not peer.link.closed


def test_a_refused_produce_with_acks_0_closes() -> None:
    peer = Stage().connect()
    peer.says(produce(9, "none", batch(b"a"), acks=0))
    peer.hears_nothing()
    assert peer.link.closed and "acks=0" in peer.link.log[-1]


def test_codes_of_refusals() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    good = batch(b"a")
    assert refusal(peer, produce(9, "none", good)) == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(peer, produce(9, "bad name", good)) == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(peer, produce(9, "t", good, partition=1)) == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(peer, produce(9, "t", good, partition=-1)) == errors.UNKNOWN_TOPIC_OR_PARTITION
    assert refusal(peer, produce(9, "t", good, acks=2)) == errors.INVALID_REQUIRED_ACKS
    assert refusal(peer, produce(9, "t", good[:-1] + b"\xff")) == errors.CORRUPT_MESSAGE
    assert refusal(peer, produce(9, "t", good[:20])) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", good[:-1])) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", None)) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", b"")) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", good + good)) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", good[:16] + b"\1" + good[17:])) == errors.INVALID_RECORD
    assert refusal(peer, produce(9, "t", batch(bytes(2_000_000)))) == errors.MESSAGE_TOO_LARGE
    line = peer.link.log[-1]
    assert line.startswith("too_large: a batch for partition 0 of topic 't'") and "max.message.bytes" in line
    read = peer.asks(fetch(11, "t", 0)).responses[0].partitions[0]
    assert read.high_watermark == 0 and values(read.records) == []


def test_zstandard_needs_version_7() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    # Only the header counts for the check: the codec's bits with the checksum left wrong.
    data = bytearray(batch(b"a"))
    data[22] |= ZSTD
    assert refusal(peer, produce(6, "t", bytes(data))) == errors.UNSUPPORTED_COMPRESSION_TYPE
    assert refusal(peer, produce(7, "t", bytes(data))) == errors.CORRUPT_MESSAGE


def test_the_reason_is_told_from_version_8_on() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    good = batch(b"a")
    part = outcome(peer.asks(produce(8, "t", good + good)))
    assert part.error_message


def test_records_without_a_key_are_named_to_a_compacted_topic() -> None:
    peer = Stage().connect()
    create(peer, "c", cleanup_policy="compact")
    (bad,) = outcome(peer.asks(produce(8, "c", batch(b"a")))).record_errors
    text = "Compacted topic cannot accept message without key in topic partition c-0"
    assert (bad.batch_index, bad.batch_index_error_message) == (0, text)


def test_one_bad_partition_does_not_take_the_others_along() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    request = produce(9, "t", batch(b"a"))
    data = request.topic_data[0]
    wrong = type(data.partition_data[0])(version=9, index=7, records=batch(b"b"))
    data.partition_data.append(wrong)
    parts = peer.asks(request).responses[0].partition_responses
    assert [(part.index, part.error_code) for part in parts] == [(0, 0), (7, 3)]


def test_rights_are_asked_for() -> None:
    stage = Stage(users=True)
    owner = stage.connect().logs_in("guest")
    reader = stage.connect("10.0.0.1").logs_in("reader")
    for name in ("open", "read-only", "secret"):
        make_topic(owner, name)
    assert outcome(reader.asks(produce(9, "open", batch(b"a")))).error_code == errors.NONE
    for name in ("read-only", "secret"):
        assert refusal(reader, produce(9, name, batch(b"a"))) == errors.TOPIC_AUTHORIZATION_FAILED


def test_a_produce_under_an_alarm_waits_until_it_is_over() -> None:
    stage = Stage()
    peer, other = stage.connect(), stage.connect()
    make_topic(other, "t")
    peer.link.alarm = "low on memory"
    peer.says(produce(9, "t", batch(b"one")), metadata(9, "t"))
    peer.hears_nothing()
    assert values(other.asks(fetch(11, "t", 0)).responses[0].partitions[0].records) == []
    peer.link.alarm = ""
    peer.conversation.unblocked()
    stage.turn()
    produced, shown = peer.hears()
    assert produced.responses[0].partition_responses[0].error_code == 0 and shown.topics[0].name == "t"
    assert values(other.asks(fetch(11, "t", 0)).responses[0].partitions[0].records) == [b"one"]
