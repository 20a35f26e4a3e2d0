"""What becomes of messages: order, redelivery, poison, delay, expiry, restarts."""

from __future__ import annotations

from broker_process import BrokerProcess
from conformance.conftest import Connect, Start
from conformance.driver import Death, Driver, Queue, until


def numbered(count: int) -> list[bytes]:
    return [f"{number}:".encode() + b"x" * (number * 37 % 3000) for number in range(count)]


def test_publish_restart_consume(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    bodies = numbered(60)
    for kill in (False, True):
        client = connect(broker)
        client.declare(Queue("kept"))
        for body in bodies:
            client.publish("kept", body)
        if kill:
            broker.kill9()
        else:
            client.close()
        broker.restart()
        client = connect(broker)
        assert client.drain("kept") == bodies
        client.close()
        # What was accepted stays away, too.
        broker.restart()
        client = connect(broker)
        assert client.take("kept") is None


def test_messages_in_flight_at_a_disconnect_come_again_in_order(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    watcher, client = connect(broker), connect(broker)
    client.declare(Queue("flight"))
    bodies = numbered(20)
    for body in bodies:
        client.publish("flight", body)
    client.consume("flight", prefetch=10)
    first = client.collect(10)
    assert [message.body for message in first] == bodies[:10]
    assert client.received() == []
    client.accept(first[0])
    client.accept(first[4])
    client.sync()
    client.drop()
    expected = bodies[1:4] + bodies[5:]
    again = [watcher.take_within("flight") for _ in expected]
    assert [message.body for message in again] == expected
    assert [message.redelivered for message in again] == [True] * 10 + [False] * 8


def test_what_is_given_back_returns_to_its_place(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    client = connect(broker)
    client.declare(Queue("places"))
    bodies = numbered(9)
    for body in bodies:
        client.publish("places", body)
    taken = [client.take_within("places") for _ in range(6)]
    for position in (4, 0, 2):
        client.release(taken[position])
    client.accept(taken[1])
    client.sync()
    assert client.drain("places") == [bodies[0], bodies[2], bodies[4], *bodies[6:]]


def test_poison_goes_to_the_dead_letter_queue_with_its_history(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    driver.needs("attempts")
    client = connect(broker)
    client.declare(Queue("dead"))
    client.declare(Queue("poisoned", dead_letter_to="dead", attempts_max=3))
    client.publish("poisoned", b"poison")
    client.publish("poisoned", b"wholesome")
    for attempt in range(3):
        message = client.take_within("poisoned")
        assert (message.body, message.redelivered) == (b"poison", attempt > 0)
        client.fail(message)
    found = client.take_within("dead")
    assert found.body == b"poison"
    assert found.history == [Death("poisoned", "delivery_limit", 1)]
    client.accept(found)
    assert client.drain("poisoned") == [b"wholesome"]
    assert client.take("dead") is None


def test_poison_that_ends_its_consumers(driver: Driver, broker: BrokerProcess, connect: Connect) -> None:
    driver.needs("attempts")
    watcher = connect(broker)
    watcher.declare(Queue("graves"))
    watcher.declare(Queue("crashing", dead_letter_to="graves", attempts_max=2))
    watcher.publish("crashing", b"poison")
    for _ in range(2):
        victim = connect(broker)
        assert victim.take_within("crashing").body == b"poison"
        victim.drop()
    assert watcher.take_within("graves").history == [Death("crashing", "delivery_limit", 1)]


def test_delays_decide_the_order(driver: Driver, broker: BrokerProcess, connect: Connect) -> None:
    driver.needs("delay")
    client = connect(broker)
    client.declare(Queue("delayed"))
    client.publish("delayed", b"last", delay_ms=700)
    client.publish("delayed", b"first", delay_ms=350)
    client.publish("delayed", b"at once")
    client.consume("delayed")
    assert [message.body for message in client.collect(3)] == [b"at once", b"first", b"last"]


def test_a_delayed_message_survives_a_crash(driver: Driver, start: Start, connect: Connect) -> None:
    driver.needs("delay")
    broker = start()
    client = connect(broker)
    client.declare(Queue("delayed"))
    client.publish("delayed", b"far", delay_ms=3_600_000)
    client.publish("delayed", b"near", delay_ms=1200)
    assert client.take("delayed") is None
    broker.kill9()
    broker.restart()
    client = connect(broker)
    assert client.take_within("delayed").body == b"near"
    assert client.take("delayed") is None


def test_expired_messages_go_to_the_dead_letter_queue(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    driver.needs("expiry")
    client = connect(broker)
    client.declare(Queue("expired"))
    client.declare(Queue("brief", dead_letter_to="expired"))
    client.publish("brief", b"brief", expires_ms=100)
    client.publish("brief", b"lasting")
    found = client.take_within("expired")
    assert (found.body, found.history) == (b"brief", [Death("brief", "expired", 1)])
    assert client.drain("brief") == [b"lasting"]


def test_what_expires_while_the_broker_is_down_does_not_come_back(
    driver: Driver, start: Start, connect: Connect
) -> None:
    driver.needs("expiry")
    broker = start()
    client = connect(broker)
    client.declare(Queue("graves"))
    client.declare(Queue("brief", dead_letter_to="graves"))
    client.publish("brief", b"brief", expires_ms=500)
    client.publish("brief", b"lasting")
    broker.kill9()
    broker.restart()
    client = connect(broker)
    assert until(lambda: client.take("graves"), "nothing expired").body == b"brief"  # type: ignore[union-attr]
    assert client.drain("brief") == [b"lasting"]
