"""ShareFetch over the real engine: sessions, records and what is acquired of them, answers that ride along, error codes."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.record_codec import decode_batch
from onemq.model.reserved_header import AddressCache
from onemq.model.rights import all_rights
from unit.heads.kafka.playbook import Stage, batch
from unit.heads.kafka.requests import make_topic, produce
from unit.heads.kafka.share_requests import SharePeer, Told

NONE, UNKNOWN_PARTITION, GROUP_DENIED, INVALID_REQUEST, GROUP_NOT_FOUND = 0, 3, 30, 42, 69
UNKNOWN_TOPIC_ID, INVALID_STATE, NO_SESSION, SESSION_EPOCH = 100, 121, 122, 123
ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4


class Table:
    """A stage with a topic of the name t and a group that reads it from the beginning."""

    def __init__(self, **group: str) -> None:
        self.stage = Stage()
        self.producer = self.stage.connect()
        self.topic_id = bytes(make_topic(self.producer, "t").topic_id.bytes)
        admin = self.stage.broker.access(Principal("guest", ["administrator"]), "/", all_rights())
        admin.admin.configure_group("g", {"share.auto.offset.reset": "earliest", **group})

    def member(self, name: str = "m") -> SharePeer:
        peer = SharePeer(self.stage.connect())
        answer = peer.asks(
            "share_group_heartbeat",
            1,
            group_id="g",
            member_id=name,
            member_epoch=0,
            subscribed_topic_names=["t"],
        )
        assert answer.error_code == NONE
        return peer

    def produce(self, *values: bytes) -> None:
        assert (
            self.producer.asks(produce(9, "t", batch(*values))).responses[0].partition_responses[0].error_code
            == 0
        )

    def request(
        self, epoch: int, *said: tuple[int, int, list[int]], member: str = "m", **more: Any
    ) -> dict[str, Any]:
        partition = {
            "partition_index": more.pop("partition", 0),
            "acknowledgement_batches": [
                {"first_offset": first, "last_offset": last, "acknowledge_types": kinds}
                for first, last, kinds in said
            ],
        }
        topic = {"topic_id": more.pop("topic_id", self.topic_id), "partitions": [partition]}
        request = {
            "group_id": "g",
            "member_id": member,
            "share_session_epoch": epoch,
            "max_wait_ms": 0,
            "min_bytes": 1,
            "max_bytes": 1 << 20,
            "max_records": 500,
            "batch_size": 500,
            "topics": [topic],
        }
        return {**request, **more}

    def fetch(
        self, peer: SharePeer, epoch: int, *said: tuple[int, int, list[int]], version: int = 1, **more: Any
    ) -> Told:
        return peer.asks("share_fetch", version, **self.request(epoch, *said, **more))


def values(answer: Told) -> list[bytes]:
    """What has come, as far as it is acquired."""
    found = []
    for topic in answer.responses:
        for partition in topic.partitions:
            acquired = {
                offset
                for run in partition.acquired_records
                for offset in range(run.first_offset, run.last_offset + 1)
            }
            at = 0
            data = partition.records or b""
            while at < len(data):
                size = int.from_bytes(data[at + 8 : at + 12], "big") + 12
                for record in decode_batch(data[at : at + size], 0, AddressCache()):
                    if record.offset in acquired:
                        found.append(record.value or b"")
                at += size
    return found


def place(answer: Told) -> Told:
    ((found,),) = [topic.partitions for topic in answer.responses]
    assert isinstance(found, Told)
    return found


@pytest.mark.parametrize("version", [1, 2])
def test_records_and_what_is_acquired(version: int) -> None:
    table = Table()
    peer = table.member()
    table.produce(b"a", b"b", b"c")
    answer = table.fetch(peer, 0, version=version)
    assert (answer.error_code, answer.acquisition_lock_timeout_ms) == (NONE, 30_000)
    found = place(answer)
    assert found.error_code == found.acknowledge_error_code == NONE
    assert [(run.first_offset, run.last_offset, run.delivery_count) for run in found.acquired_records] == [
        (0, 2, 1)
    ]
    assert values(answer) == [b"a", b"b", b"c"]
    assert values(table.fetch(peer, 1, version=version)) == [], "they are acquired"
    table.stage.wait(30_000)
    again = table.fetch(peer, 2, version=version)
    assert [run.delivery_count for run in place(again).acquired_records] == [2]


def test_batches_come_as_they_were_produced() -> None:
    table = Table()
    peer = table.member()
    made = batch(b"x" * 100, b"y" * 100)
    assert table.producer.asks(produce(9, "t", made)).responses[0].partition_responses[0].error_code == 0
    records = place(table.fetch(peer, 0)).records
    assert records[16:] == made[16:]


def test_it_waits() -> None:
    table = Table()
    peer = table.member()
    peer.says("share_fetch", 1, **table.request(0, max_wait_ms=500))
    assert peer.hears() == []
    table.produce(b"a")
    (answer,) = peer.hears()
    assert values(answer) == [b"a"]
    peer.says("share_fetch", 1, **table.request(1, max_wait_ms=500))
    table.stage.wait(499)
    assert peer.hears() == []
    table.stage.wait(1)
    (answer,) = peer.hears()
    assert values(answer) == []


def test_one_that_waits_when_its_session_is_closed_or_begun_anew() -> None:
    """It is answered at once; Kafka leaves it waiting, and what it is given then is locked for nobody."""
    table = Table()
    peer, other = table.member(), SharePeer(table.stage.connect())
    table.produce(b"a")
    table.fetch(peer, 0)
    peer.says("share_fetch", 1, **table.request(1, (0, 0, [ACCEPT]), max_wait_ms=60_000))
    assert table.fetch(other, 0).error_code == NONE
    (answer,) = peer.hears()
    assert (answer.error_code, place(answer).acknowledge_error_code, values(answer)) == (NONE, NONE, [])
    assert table.fetch(peer, 2).error_code == SESSION_EPOCH
    peer.says("share_fetch", 1, **table.request(1, max_wait_ms=60_000))
    assert table.fetch(other, -1, topics=[]).error_code == NONE
    (answer,) = peer.hears()
    assert (answer.error_code, answer.responses) == (NONE, [])
    assert table.fetch(peer, 2).error_code == NO_SESSION
    table.produce(b"b")
    third = table.member("third")
    assert values(table.fetch(third, 0, member="third")) == [b"b"]


def test_limits_of_the_two_modes() -> None:
    table = Table()
    peer = table.member()
    table.produce(b"a", b"b", b"c")
    table.produce(b"d", b"e", b"f")
    assert values(table.fetch(peer, 0, version=2, max_records=2, share_acquire_mode=1)) == [b"a", b"b"]
    assert values(table.fetch(peer, 1, version=2, max_records=2, share_acquire_mode=0)) == [
        b"c",
        b"d",
        b"e",
        b"f",
    ]
    table.produce(b"g")
    assert values(table.fetch(peer, 2, max_records=0)) == []


def test_answers_ride_along() -> None:
    table = Table()
    peer = table.member()
    table.produce(b"a", b"b", b"c")
    table.fetch(peer, 0)
    answer = table.fetch(peer, 1, (0, 1, [ACCEPT, RELEASE]), (2, 2, [REJECT]))
    assert place(answer).acknowledge_error_code == NONE
    assert values(answer) == [b"b"], "what was released came with the answer"
    answer = table.fetch(peer, 2, (0, 0, [ACCEPT]), (2, 2, [ACCEPT]))
    assert place(answer).acknowledge_error_code == INVALID_STATE


@pytest.mark.parametrize(
    "said",
    [
        [(1, 0, [ACCEPT])],
        [(0, 0, [])],
        [(0, 2, [ACCEPT, ACCEPT])],
        [(0, 5, [ACCEPT])],
        [(9, 9, [ACCEPT])],
        [(0, 0, [5])],
        [(0, 0, [-1])],
        [(0, 0, [RENEW])],
    ],
)
def test_wrong_answers(said: list[tuple[int, int, list[int]]]) -> None:
    table = Table()
    peer = table.member()
    table.produce(b"a", b"b", b"c")
    table.fetch(peer, 0)
    answer = table.fetch(peer, 1, *said)
    assert place(answer).acknowledge_error_code == INVALID_REQUEST
    assert place(table.fetch(peer, 2, (0, 2, [ACCEPT]))).acknowledge_error_code == NONE, "nothing was changed"


def test_answers_in_any_order_but_one_for_each() -> None:
    table = Table()
    peer = table.member()
    table.produce(b"a", b"b", b"c", b"d")
    table.fetch(peer, 0)
    answer = table.fetch(peer, 1, (0, 1, [ACCEPT]), (1, 2, [ACCEPT]))
    assert place(answer).acknowledge_error_code == INVALID_STATE
    answer = table.fetch(peer, 2, (2, 3, [ACCEPT]), (0, 1, [ACCEPT]))
    assert place(answer).acknowledge_error_code == NONE


def test_sessions() -> None:
    table = Table()
    peer = table.member()
    assert table.fetch(peer, 1).error_code == NO_SESSION
    assert table.fetch(peer, -1).error_code == NO_SESSION
    assert table.fetch(peer, 0, (0, 0, [ACCEPT])).error_code == INVALID_REQUEST
    assert table.fetch(peer, 0).error_code == NONE
    assert table.fetch(peer, 2).error_code == SESSION_EPOCH
    table.produce(b"a")
    answer = table.fetch(peer, 1, topics=[])
    assert values(answer) == [b"a"], "the session knows the partition"
    forgotten = [{"topic_id": table.topic_id, "partitions": [0]}]
    table.produce(b"b")
    assert values(table.fetch(peer, 2, topics=[], forgotten_topics_data=forgotten)) == []
    assert table.fetch(peer, 0, group_id="none").error_code == GROUP_NOT_FOUND
    assert table.fetch(peer, 0, group_id=None).error_code == INVALID_REQUEST
    assert table.fetch(peer, 0, member_id="").error_code == INVALID_REQUEST


def test_the_last_request_of_a_session() -> None:
    table = Table()
    peer, other = table.member(), table.member("other")
    table.produce(b"a", b"b")
    table.fetch(peer, 0)
    answer = table.fetch(peer, -1, (0, 0, [ACCEPT]))
    assert (answer.error_code, place(answer).acknowledge_error_code) == (NONE, NONE)
    again = table.fetch(other, 0, member="other")
    assert [(run.first_offset, run.delivery_count) for run in place(again).acquired_records] == [(1, 1)]
    assert table.fetch(peer, 1).error_code == NO_SESSION


def test_a_lost_connection_releases() -> None:
    table = Table()
    peer, other = table.member(), table.member("other")
    table.produce(b"a")
    table.fetch(peer, 0)
    other.says("share_fetch", 1, **table.request(0, member="other", max_wait_ms=10_000))
    assert other.hears() == []
    peer.peer.leaves()
    (answer,) = other.hears()
    assert [(run.first_offset, run.delivery_count) for run in place(answer).acquired_records] == [(0, 2)]


def test_a_lost_connection_takes_nothing_any_more() -> None:
    table = Table()
    peer, other = table.member(), table.member("other")
    peer.says("share_fetch", 1, **table.request(0, max_wait_ms=10_000))
    peer.peer.leaves()
    table.produce(b"a")
    assert values(table.fetch(other, 0, member="other")) == [b"a"]


def test_partitions_that_are_not_there() -> None:
    table = Table()
    peer = table.member()
    assert place(table.fetch(peer, 0, partition=7)).error_code == UNKNOWN_PARTITION
    assert place(table.fetch(peer, 0, topic_id=bytes(range(16)))).error_code == UNKNOWN_TOPIC_ID


def test_a_request_that_renews() -> None:
    table = Table()
    peer, other = table.member(), table.member("other")
    table.produce(b"a")
    table.fetch(peer, 0)
    assert table.fetch(peer, 1, (0, 0, [RENEW]), version=2, is_renew_ack=True).error_code == INVALID_REQUEST
    table.stage.wait(20_000)
    nothing = {"max_bytes": 0, "min_bytes": 0, "max_records": 0, "max_wait_ms": 0}
    answer = table.fetch(peer, 1, (0, 0, [RENEW]), version=2, is_renew_ack=True, **nothing)
    assert place(answer).acknowledge_error_code == NONE
    table.stage.wait(20_000)
    assert values(table.fetch(other, 0, member="other")) == []
    table.stage.wait(10_000)
    assert values(table.fetch(other, 0, member="other")) == [b"a"]


def test_records_of_another_protocol_are_plain_ones() -> None:
    table = Table()
    peer = table.member()
    access = table.stage.broker.access(Principal("guest", ["administrator"]), "/", all_rights())
    route = access.route("", "t")
    access.publish(route, Record(b"from a queue", route.address), None)
    table.stage.turn()
    answer = table.fetch(peer, 0)
    assert values(answer) == [b"from a queue"]
    assert place(answer).records[12:16] == bytes(4), "the leader's epoch"
