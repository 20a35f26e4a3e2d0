"""Byte quotas: the answer says for how long, and that long the peer's next request waits."""

from __future__ import annotations

from onemq.engine.quotas import entity_of
from unit.heads.kafka.playbook import Peer, Stage, batch, values
from unit.heads.kafka.requests import fetch, make_topic, metadata, produce


def limit(stage: Stage, kind: str, bytes_per_second: float) -> None:
    quotas = stage.broker.catalog.administration.quotas
    quotas.alter(entity_of([("user", "guest")]), kind, bytes_per_second)


def waits(stage: Stage, peer: Peer, throttle_ms: int) -> None:
    """The peer's next request is answered after the time and not before."""
    assert throttle_ms > 1
    peer.says(metadata(4, "t"))
    stage.wait(throttle_ms - 1)
    peer.hears_nothing()
    stage.wait(1)
    assert len(peer.hears()) == 1


def test_a_producer_above_its_rate_is_held_up() -> None:
    stage = Stage()
    peer = stage.connect()
    make_topic(peer, "t")
    limit(stage, "producer_byte_rate", 1000.0)
    throttle_ms = 0
    for _ in range(5):
        throttle_ms = peer.asks(produce(9, "t", batch(bytes(20_000)))).throttle_time_ms
        if throttle_ms:
            break
    waits(stage, peer, throttle_ms)
    assert [line[:46] for line in peer.link.log] == ["throttled: went above its quota: no request is"]


def test_a_consumer_above_its_rate_is_held_up() -> None:
    stage = Stage()
    peer = stage.connect()
    make_topic(peer, "t")
    for _ in range(5):
        peer.asks(produce(9, "t", batch(bytes(20_000))))
    limit(stage, "consumer_byte_rate", 1000.0)
    answer = peer.asks(fetch(11, "t", 0))
    assert len(values(answer.responses[0].partitions[0].records)) == 5
    waits(stage, peer, answer.throttle_time_ms)


def test_without_a_quota_nothing_waits() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    assert peer.asks(produce(9, "t", batch(bytes(500_000)))).throttle_time_ms == 0
