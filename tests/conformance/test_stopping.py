"""SIGTERM: goodbyes, what was confirmed is kept, and the end comes soon whatever the clients do."""

from __future__ import annotations

import os
import signal
import socket

import pytest

from conformance.conftest import Connect, Start
from conformance.driver import WITHIN_SECONDS, Denied, Driver, Gone, Queue, Word, needs, read_all, until


def test_stopping_under_load_loses_nothing_that_was_confirmed(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start()
    client, idle = connect(broker), connect(broker)
    client.declare(Queue("load"))
    pipeline = driver.pipeline(broker, "load")
    published = 0
    asked = False
    told: Denied | None = None
    try:
        while published < 500_000:
            for _ in range(50):
                pipeline.publish(published)
                published += 1
            pipeline.pump(0)
            if not asked and len(pipeline.confirmed) >= 200:
                asked = True
                os.kill(broker.pid, signal.SIGTERM)
    except Denied as denied:
        told = denied
    except Gone:
        pass
    assert asked, "no confirms"
    until(lambda: not broker.running, "no end")
    assert broker.terminate() == 0
    pipeline.close()
    if Word.GOODBYE in driver.speaks:
        assert told is None or driver.is_code("stopping", told.code)
        # A client that only reads hears why.
        with pytest.raises(Denied) as caught:
            idle.idle(WITHIN_SECONDS)
        assert driver.is_code("stopping", caught.value.code) and caught.value.fatal
    broker.start()
    kept = [int(body) for body in connect(broker).drain("load")]
    assert kept == sorted(set(kept)), "twice, or out of order"
    assert pipeline.confirmed <= set(kept), "confirmed, and lost"
    assert 200 <= len(kept) <= published


@needs(Word.PUSH)
def test_stopping_with_messages_in_flight(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    client = connect(broker)
    client.declare(Queue("flight"))
    for number in range(4):
        client.publish("flight", b"%d" % number)
    client.consume("flight", prefetch=2)
    held = client.collect(2)
    client.accept(held[1])
    client.sync()
    assert broker.terminate() == 0
    broker.start()
    fresh = connect(broker)
    messages = [fresh.take_within("flight") for _ in range(3)]
    assert [(message.body, message.redelivered) for message in messages] == [
        (b"0", True),
        (b"2", messages[1].redelivered),
        (b"3", messages[2].redelivered),
    ]


def test_stopping_with_messages_taken(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    client = connect(broker)
    client.declare(Queue("taken", lease_seconds=2))
    for number in range(4):
        client.publish("taken", b"%d" % number)
    first, _second = client.take_within("taken"), client.take_within("taken")
    client.accept(first)
    assert broker.terminate() == 0
    broker.start()
    fresh = connect(broker)
    messages = [fresh.take_within("taken") for _ in range(3)]
    assert sorted(message.body for message in messages) == [b"1", b"2", b"3"]
    if Word.REDELIVERED in driver.speaks:
        assert next(message for message in messages if message.body == b"1").redelivered


def test_stopping_waits_for_nobody_for_long(driver: Driver, start: Start) -> None:
    broker = start(memory=True, configuration="[server]\ndrain_seconds = 1\n")
    address = (broker.host, broker.ports[driver.listener])
    with (
        socket.create_connection(address, WITHIN_SECONDS) as silent,
        socket.create_connection(address, WITHIN_SECONDS) as greeting,
        socket.create_connection(address, WITHIN_SECONDS) as logged_in,
    ):
        driver.greeted(greeting)
        driver.log_in(logged_in, 0)
        assert broker.terminate() == 0
        for peer in (silent, greeting, logged_in):
            read_all(peer)
