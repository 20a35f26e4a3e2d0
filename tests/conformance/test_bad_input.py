"""Bytes that no client would send, on bare sockets: each gets the protocol's own end, and nobody else notices."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from contextlib import contextmanager

import pytest

from broker_process import BrokerProcess
from conformance.conftest import Connect, Named, Start
from conformance.driver import WITHIN_SECONDS, Denied, Driver, Queue, Word, needs, read_all

LOGIN_SECONDS = 1.0  # as the shared broker is configured


@contextmanager
def connected(driver: Driver, broker: BrokerProcess) -> Generator[socket.socket, None, None]:
    address = (broker.host, broker.ports[driver.listener])
    with socket.create_connection(address, timeout=WITHIN_SECONDS) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield peer


def test_strangers_are_closed(driver: Driver, broker: BrokerProcess) -> None:
    for beginning, answer in driver.strangers:
        with connected(driver, broker) as peer:
            peer.sendall(beginning)
            told = read_all(peer)
            assert told.startswith(answer) and bool(told) == bool(answer), (beginning, told)
    assert driver.serves(broker)


def test_a_greeting_byte_by_byte(driver: Driver, broker: BrokerProcess) -> None:
    with connected(driver, broker) as peer:
        for byte in driver.greeting:
            peer.sendall(bytes([byte]))
        assert peer.recv(1)


@needs(Word.LOGIN)
@pytest.mark.parametrize("beginning", ["nothing", "half a greeting", "a greeting"])
def test_who_does_not_log_in_is_closed_at_the_limit(
    driver: Driver, broker: BrokerProcess, beginning: str
) -> None:
    with connected(driver, broker) as peer:
        began = time.monotonic()
        if beginning == "half a greeting":
            peer.sendall(driver.greeting[:5])
        if beginning == "a greeting":
            driver.greeted(peer)
        assert read_all(peer) == b""
        assert time.monotonic() - began >= LOGIN_SECONDS * 0.9
    assert driver.serves(broker)


def test_a_frame_above_every_limit_is_refused_before_it_is_collected(
    driver: Driver, broker: BrokerProcess
) -> None:
    for logged_in in (False, True):
        with connected(driver, broker) as peer:
            if logged_in:
                driver.log_in(peer, 0)
            else:
                driver.greeted(peer)
            peer.sendall(driver.frame_too_large)
            read_all(peer)
    assert driver.serves(broker)


def test_garbage_after_the_login_ends_the_connection_with_the_protocols_error(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    bystander = connect(broker)
    garbage, goodbye = driver.garbage_after_login()
    with connected(driver, broker) as peer:
        driver.log_in(peer, 0)
        peer.sendall(garbage)
        assert goodbye in read_all(peer)
    bystander.sync()


@needs(Word.SILENCE)
def test_half_a_frame_and_silence_is_given_up(driver: Driver, start: Start) -> None:
    broker = start(memory=True, configuration=driver.settings)
    with connected(driver, broker) as peer:
        driver.log_in(peer, 1)
        peer.sendall(driver.half_a_frame())
        read_all(peer)  # keep-alives until then
    assert driver.serves(broker)


@needs(Word.KEEPALIVE)
def test_an_idle_client_that_keeps_alive_is_kept(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    client = connect(broker, idle_seconds=1)
    client.idle(2.6)  # two intervals without a byte are given up
    client.sync()


def test_an_idle_client_below_the_limit_is_served_again(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    client = driver.light(broker)
    client.sync()
    time.sleep(LOGIN_SECONDS * 1.5)  # the limit of the login is not one of silence
    client.sync()
    client.close()


def test_a_message_above_the_limit_is_refused_and_one_at_the_limit_is_not(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client = connect(broker)
    queue = named("sizes")
    client.declare(Queue(queue))
    largest = b"x" * driver.body_bytes_max
    client.publish(queue, largest)
    with pytest.raises(Denied) as caught:
        client.publish(queue, largest + b"x")
    assert driver.is_code("too large", caught.value.code) and not caught.value.fatal
    client.publish(queue, b"after")
    assert client.drain(queue) == [largest, b"after"]


@needs(Word.EMPTY)
def test_an_empty_message(driver: Driver, broker: BrokerProcess, connect: Connect, named: Named) -> None:
    client = connect(broker)
    queue = named("empty")
    client.declare(Queue(queue))
    client.publish(queue, b"")
    assert client.take_within(queue).body == b""
