"""ShareAcknowledge over the real engine; what both ways of answering have in common is in test_share_fetch.py."""

from __future__ import annotations

from typing import Any

import pytest

from unit.heads.kafka.commands.test_share_fetch import Table, values
from unit.heads.kafka.share_requests import SharePeer, Told

NONE, UNKNOWN_PARTITION, INVALID_REQUEST, UNKNOWN_TOPIC_ID = 0, 3, 42, 100
INVALID_STATE, NO_SESSION, SESSION_EPOCH = 121, 122, 123
ACCEPT, RELEASE, REJECT, RENEW = 1, 2, 3, 4


def acknowledge(
    table: Table,
    peer: SharePeer,
    epoch: int,
    *said: tuple[int, int, list[int]],
    version: int = 1,
    **more: Any,
) -> Told:
    request = table.request(epoch, *said, **more)
    for fetching in ("max_wait_ms", "min_bytes", "max_bytes", "max_records", "batch_size"):
        del request[fetching]
    return peer.asks("share_acknowledge", version, **request)


def code(answer: Told) -> int:
    assert answer.error_code == NONE
    ((found,),) = [topic.partitions for topic in answer.responses]
    return int(found.error_code)


@pytest.fixture
def table() -> Table:
    made = Table()
    made.produce(b"a", b"b", b"c")
    return made


@pytest.fixture
def peer(table: Table) -> SharePeer:
    """It has acquired the three records; the next epoch of its session is 1."""
    made = table.member()
    assert values(table.fetch(made, 0)) == [b"a", b"b", b"c"]
    return made


@pytest.mark.parametrize("version", [1, 2])
def test_accept_release_and_reject(table: Table, peer: SharePeer, version: int) -> None:
    answer = acknowledge(table, peer, 1, (0, 2, [ACCEPT, RELEASE, REJECT]), version=version)
    assert code(answer) == NONE
    if version == 2:
        assert answer.acquisition_lock_timeout_ms == 30_000
    assert values(table.fetch(peer, 2)) == [b"b"]
    assert code(acknowledge(table, peer, 3, (0, 0, [ACCEPT]), version=version)) == NONE, "long done with"
    assert code(acknowledge(table, peer, 4, (2, 2, [ACCEPT]), version=version)) == INVALID_STATE


def test_sessions(table: Table, peer: SharePeer) -> None:
    assert acknowledge(table, peer, 0, (0, 0, [ACCEPT])).error_code == SESSION_EPOCH
    assert acknowledge(table, peer, 2, (0, 0, [ACCEPT])).error_code == SESSION_EPOCH
    assert acknowledge(table, peer, 1, (0, 0, [ACCEPT]), member="other").error_code == NO_SESSION
    assert acknowledge(table, peer, 1, (0, 0, [ACCEPT]), member_id="").error_code == INVALID_REQUEST
    assert acknowledge(table, peer, 1, (0, 0, [ACCEPT]), group_id="").error_code == INVALID_REQUEST
    assert code(acknowledge(table, peer, 1, (0, 0, [ACCEPT]))) == NONE


def test_the_last_one_releases_the_rest(table: Table, peer: SharePeer) -> None:
    assert code(acknowledge(table, peer, -1, (1, 1, [ACCEPT]))) == NONE
    other = table.member("other")
    assert values(table.fetch(other, 0, member="other")) == [b"a", b"c"]
    assert acknowledge(table, peer, 1, (0, 0, [ACCEPT])).error_code == NO_SESSION


def test_another_members_records(table: Table, peer: SharePeer) -> None:
    other = table.member("other")
    table.fetch(other, 0, member="other")
    assert code(acknowledge(table, other, 1, (0, 0, [ACCEPT]), member="other")) == INVALID_STATE


def test_partitions_that_are_not_there(table: Table, peer: SharePeer) -> None:
    assert code(acknowledge(table, peer, 1, (0, 0, [ACCEPT]), partition=9)) == UNKNOWN_PARTITION
    assert code(acknowledge(table, peer, 2, (0, 0, [ACCEPT]), topic_id=bytes(range(16)))) == UNKNOWN_TOPIC_ID


def test_renewing(table: Table, peer: SharePeer) -> None:
    assert code(acknowledge(table, peer, 1, (0, 2, [RENEW]), version=2)) == INVALID_REQUEST
    table.stage.wait(20_000)
    assert code(acknowledge(table, peer, 2, (0, 2, [RENEW]), version=2, is_renew_ack=True)) == NONE
    table.stage.wait(20_000)
    assert values(table.fetch(table.member("other"), 0, member="other")) == []


def test_the_answer_waits_for_the_disk(table: Table, peer: SharePeer) -> None:
    position = table.stage.broker.durable_position
    assert code(acknowledge(table, peer, 1, (0, 0, [ACCEPT]))) == NONE
    assert table.stage.broker.durable_position > position
