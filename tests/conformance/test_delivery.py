"""What becomes of messages: order, redelivery, poison, delay, expiry, restarts."""

from __future__ import annotations

from broker_process import BrokerProcess
from conformance.conftest import Connect, Named, Start
from conformance.driver import Death, Denied, Driver, Gone, Message, Queue, Word, needs, until


def numbered(count: int) -> list[bytes]:
    return [f"{number}:".encode() + b"x" * (number * 37 % 3000) for number in range(count)]


def test_publish_restart_consume(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    bodies = numbered(30)
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


@needs(Word.PUSH, Word.LEASE_OF_CONNECTION, Word.REDELIVERED)
def test_messages_in_flight_at_a_disconnect_come_again_in_order(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    watcher, client = connect(broker), connect(broker)
    queue = named("flight")
    client.declare(Queue(queue))
    bodies = numbered(20)
    for body in bodies:
        client.publish(queue, body)
    client.consume(queue, prefetch=10)
    first = client.collect(10)
    assert [message.body for message in first] == bodies[:10]
    assert client.received() == []
    client.accept(first[0])
    client.accept(first[4])
    client.sync()
    client.drop()
    expected = bodies[1:4] + bodies[5:]
    again = [watcher.take_within(queue) for _ in expected]
    assert [message.body for message in again] == expected
    assert [message.redelivered for message in again] == [True] * 10 + [False] * 8


def test_messages_taken_and_not_settled_come_again_to_another_client(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client, watcher = connect(broker), connect(broker)
    queue = named("taken")
    client.declare(Queue(queue, lease_seconds=1))
    bodies = numbered(8)
    for body in bodies:
        client.publish(queue, body)
    taken = [client.take_within(queue) for _ in range(5)]
    assert [message.body for message in taken] == bodies[:5]
    client.accept(taken[0])
    client.accept(taken[1])
    client.drop()
    # Leases with a time of their own end one by one: what is ready meanwhile is taken before them.
    again = [watcher.take_within(queue) for _ in bodies[2:]]
    assert sorted(message.body for message in again) == sorted(bodies[2:])
    if Word.REDELIVERED in driver.speaks:
        assert {message.body for message in again if message.redelivered} == set(bodies[2:5])
    if Word.LEASE_OF_CONNECTION in driver.speaks or Word.SINGLY not in driver.speaks:
        assert [message.body for message in again] == bodies[2:]
    for message in again:
        watcher.accept(message)
    assert watcher.take(queue) is None


@needs(Word.SINGLY)
def test_what_is_given_back_returns_to_its_place(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client = connect(broker)
    queue = named("places")
    client.declare(Queue(queue))
    bodies = numbered(9)
    for body in bodies:
        client.publish(queue, body)
    taken = [client.take_within(queue) for _ in range(6)]
    for position in (4, 0, 2):
        client.release(taken[position])
    client.accept(taken[1])
    client.sync()
    assert client.drain(queue) == [bodies[0], bodies[2], bodies[4], *bodies[6:]]


def test_the_order_of_each_key_is_kept_with_redelivery(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client = connect(broker)
    queue = named("keys")
    client.declare(Queue(queue, keyed=True))
    published = [(f"key{number % 3}", f"key{number % 3}:{number}".encode()) for number in range(12)]
    for key, body in published:
        client.publish(queue, body, key=key)
    seen: dict[bytes, int] = {}
    done: list[bytes] = []
    for _ in range(2 * len(published)):
        message = client.take_within(queue)
        times = seen[message.body] = seen.get(message.body, 0) + 1
        if times == 1 and int(message.body.partition(b":")[2]) % 2:
            client.fail(message)  # every other one fails at the first try
            continue
        client.accept(message)
        done.append(message.body)
        if len(done) == len(published):
            break
    for key in ("key0", "key1", "key2"):
        wanted = [body for other, body in published if other == key]
        assert [body for body in done if body.startswith(key.encode())] == wanted
    assert client.take(queue) is None


@needs(Word.ATTEMPTS)
def test_poison_goes_to_the_dead_letter_queue_with_its_history(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client = connect(broker)
    dead, poisoned = named("dead"), named("poisoned")
    client.declare(Queue(dead))
    client.declare(Queue(poisoned, dead_letter_to=dead, attempts_max=3))
    client.publish(poisoned, b"poison")
    client.publish(poisoned, b"wholesome")
    for attempt in range(3):
        message = client.take_within(poisoned)
        assert (message.body, message.redelivered) == (b"poison", attempt > 0)
        client.fail(message)
    # Some look at the limit when the message would be given out once more.
    assert client.drain(poisoned) == [b"wholesome"]
    found = client.take_within(dead)
    assert found.body == b"poison"
    assert found.history == [death(driver, poisoned, "delivery_limit")]
    client.accept(found)
    assert client.take(dead) is None and client.take(poisoned) is None


def death(driver: Driver, queue: str, reason: str) -> Death:
    return Death(queue, reason, 1) if Word.REASONS in driver.speaks else Death(queue)


@needs(Word.ATTEMPTS)
def test_poison_that_ends_its_consumers(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    watcher = connect(broker)
    graves, crashing = named("graves"), named("crashing")
    watcher.declare(Queue(graves))
    watcher.declare(Queue(crashing, dead_letter_to=graves, attempts_max=2, lease_seconds=1))
    watcher.publish(crashing, b"poison")
    for _ in range(2):
        victim = connect(broker)
        assert victim.take_within(crashing).body == b"poison"
        victim.drop()

    def buried() -> Message | None:
        assert watcher.take(crashing) is None
        return watcher.take(graves)

    found = until(buried, "not among the dead")
    assert found is not None and found.history == [death(driver, crashing, "delivery_limit")]


@needs(Word.DELAY)
def test_delays_decide_the_order(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    client = connect(broker)
    queue = named("delayed")
    client.declare(Queue(queue))
    client.publish(queue, b"last", delay_ms=2000)
    client.publish(queue, b"first", delay_ms=1000)
    client.publish(queue, b"at once")
    assert [client.take_within(queue).body for _ in range(3)] == [b"at once", b"first", b"last"]


@needs(Word.DELAY)
def test_a_delayed_message_survives_a_crash(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    client = connect(broker)
    client.declare(Queue("delayed"))
    client.publish("delayed", b"far", delay_ms=900_000)
    client.publish("delayed", b"near", delay_ms=2000)
    assert client.take("delayed") is None
    broker.kill9()
    broker.restart()
    client = connect(broker)
    assert client.take_within("delayed").body == b"near"
    assert client.take("delayed") is None


@needs(Word.EXPIRY)
def test_expired_messages_go_to_the_dead_letter_queue(
    driver: Driver, broker: BrokerProcess, connect: Connect
) -> None:
    client = connect(broker)
    client.declare(Queue("expired"))
    client.declare(Queue("brief", dead_letter_to="expired"))
    client.publish("brief", b"brief", expires_ms=100)
    client.publish("brief", b"lasting")
    found = client.take_within("expired")
    assert (found.body, found.history) == (b"brief", [Death("brief", "expired", 1)])
    assert client.drain("brief") == [b"lasting"]


@needs(Word.EXPIRY)
def test_what_expires_while_the_broker_is_down_does_not_come_back(
    driver: Driver, start: Start, connect: Connect
) -> None:
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


def test_killed_between_publish_and_confirm(driver: Driver, start: Start, connect: Connect) -> None:
    broker = start()
    client = connect(broker)
    client.declare(Queue("promised"))
    pipeline = driver.pipeline(broker, "promised")
    published = 0
    try:
        while published < 500_000:
            for _ in range(20):
                pipeline.publish(published)
                published += 1
            pipeline.pump(0)
            if len(pipeline.confirmed) >= 100 and broker.running:
                broker.kill9()  # with some on their way, if the client sends without waiting
    except (Denied, Gone):
        pass
    pipeline.close()
    assert len(pipeline.confirmed) >= 100
    broker.start()
    kept = [int(body) for body in connect(broker).drain("promised")]
    assert kept == sorted(set(kept)), "twice, or out of order"
    assert pipeline.confirmed <= set(kept), "confirmed, and lost"
    assert kept[-1] < published
