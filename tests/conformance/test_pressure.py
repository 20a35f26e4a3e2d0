"""Memory stays bounded whatever clients send or fail to read: slow readers, alarms, crowds."""

from __future__ import annotations

import os
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from broker_process import BrokerProcess
from conformance.conftest import Connect, Named, Start
from conformance.driver import (
    WITHIN_SECONDS,
    Client,
    Denied,
    Driver,
    Gone,
    Light,
    Queue,
    Word,
    needs,
    read_all,
    resident_bytes,
    until,
    without,
)

MEBI = 1024 * 1024
SMALL_MEMORY = """
[memory]
tail_bytes_max = "4MiB"

[limits]
outbox_bytes_max = "256KiB"
"""


@needs(Word.PUSH)
def test_a_reader_that_does_not_read_costs_bounded_memory_and_loses_nothing(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start(configuration=SMALL_MEMORY)
    body = b"x" * 128 * 1024
    count = 400  # 50 MiB
    publisher, slow, other = connect(broker), connect(broker), connect(broker)
    publisher.declare(Queue("slow"))
    other.declare(Queue("others"))
    slow.consume("slow")
    before = resident_bytes(broker.pid)
    for number in range(count):
        publisher.publish("slow", number.to_bytes(4, "big") + body)
        if number % 50 == 0:
            other.publish("others", b"%d" % number)
            assert other.drain("others") == [b"%d" % number]
    grown = resident_bytes(broker.pid) - before
    assert grown < 32 * MEBI, f"{grown // MEBI} MiB more"
    messages = slow.collect(count, within_seconds=40)
    assert [int.from_bytes(message.body[:4], "big") for message in messages] == list(range(count))
    assert all(message.body[4:] == body and not message.redelivered for message in messages)


@without(Word.PUSH, "test_a_reader_that_does_not_read_costs_bounded_memory_and_loses_nothing")
def test_questions_whose_answers_nobody_reads_cost_bounded_memory(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start(configuration=SMALL_MEMORY)
    count = 120  # 15 MiB
    client, other = connect(broker), connect(broker)
    client.declare(Queue("slow", lease_seconds=600))
    other.declare(Queue("others"))
    for number in range(count):
        client.publish("slow", b"%08d" % number + b"x" * 128 * 1024)
    before = resident_bytes(broker.pid)
    with socket.create_connection((broker.host, broker.ports[driver.listener]), WITHIN_SECONDS) as slow:
        slow.setblocking(False)
        unsent = b"".join(driver.large_questions("slow", count))
        for _ in range(10):
            with suppress(BlockingIOError):
                unsent = unsent[slow.send(unsent) :]
            other.publish("others", b"meanwhile")
            assert other.drain("others") == [b"meanwhile"]
        grown = resident_bytes(broker.pid) - before
        assert grown < 8 * MEBI, f"{grown // MEBI} MiB more"
        slow.setblocking(True)
        slow.settimeout(WITHIN_SECONDS)
        sender = threading.Thread(target=slow.sendall, args=(unsent,), daemon=True)
        sender.start()
        told = b""
        end = b"x" * 1024
        while told.count(end) < count * 128:
            data = slow.recv(1 << 20)
            assert data, "closed before all was answered"
            told += data
        assert [number for number in range(count) if b"%08dxxxx" % number not in told] == []
        sender.join(WITHIN_SECONDS)


class Publishing:
    """Publishes numbers in a thread of its own until told to stop. `done` were confirmed; `ended`: the broker left."""

    def __init__(self, client: Client, queue: str, filling: bytes) -> None:
        self.done: list[int] = []
        self.ended: Denied | Gone | None = None
        self._client = client
        self._queue = queue
        self._filling = filling
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def ask_to_stop(self) -> None:
        """After the publish that is under way."""
        self._stop.set()

    def stopped(self) -> bool:
        return not self._thread.is_alive()

    def _run(self) -> None:
        number = 0
        while not self._stop.is_set():
            try:
                self._client.publish(self._queue, b"%08d" % number + self._filling)
            except (Denied, Gone) as ended:
                self.ended = ended
                return
            self.done.append(number)
            number += 1


@needs(Word.FREES)
def test_the_memory_alarm_holds_publishers_until_consumers_have_taken_enough(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start(memory=True, configuration='[memory]\nalarm_bytes = "2MiB"\n')
    consumer, second = connect(broker), connect(broker)
    consumer.declare(Queue("filling"))
    second.publish("filling", b"00000000small")  # a publisher, so that it is told
    publishing = Publishing(connect(broker), "filling", b"x" * 64 * 1024)
    if Word.BLOCKED in driver.speaks:
        until(second.blocked, "no alarm")
    # 2 MiB hold 32 of them; one more may have been on its way to the alarm.
    until(lambda: len(publishing.done) >= 30, "publishing did not come to the alarm")
    consumer.sync()
    assert len(publishing.done) <= 34
    # Consumers are served all the same, and what they take lets the publishers go on.
    seen: list[int] = []

    def beyond_the_alarm() -> bool:
        message = consumer.take("filling")
        if message is not None:
            consumer.accept(message)
            if not message.body.endswith(b"small"):
                seen.append(int(message.body[:8]))
        return len(seen) >= 120

    until(beyond_the_alarm, "publishers did not go on")
    publishing.ask_to_stop()
    # It may be held up once more: consuming goes on until it is through.
    until(lambda: beyond_the_alarm() and publishing.stopped(), "a publish is still held up")
    until(lambda: beyond_the_alarm() and len(seen) == len(publishing.done), "confirmed messages are missing")
    assert seen == list(range(len(seen)))
    if Word.BLOCKED in driver.speaks:
        until(lambda: not second.blocked(), "still blocked")
    second.publish("filling", b"00000000small")


def test_under_the_memory_alarm_publishers_wait_and_consumers_are_served(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start(memory=True, configuration='[memory]\nalarm_bytes = "2MiB"\n')
    consumer = connect(broker)
    consumer.declare(Queue("filling"))
    publishing = Publishing(connect(broker), "filling", b"x" * 64 * 1024)
    until(lambda: len(publishing.done) >= 30, "publishing did not come to the alarm")
    for number in range(3):
        assert int(consumer.take_within("filling").body[:8]) == number
    assert len(publishing.done) <= 34
    broker.kill9()
    until(publishing.stopped, "a publish is still held up")
    assert publishing.ended is not None


def test_the_disk_alarm_holds_publishers_but_not_consumers(
    driver: Driver, start: Start, connect: Connect
) -> None:
    broker = start(configuration="")
    client = connect(broker)
    client.declare(Queue("kept"))
    client.publish("kept", b"before")
    client.close()
    broker.terminate()
    disk = os.statvfs(broker.directory)
    free_bytes_min = disk.f_bavail * disk.f_frsize * 4
    (broker.directory / "onemq.toml").write_text(f"[disk]\nfree_bytes_min = {free_bytes_min}\n")
    broker.start()
    consumer = connect(broker)
    assert consumer.drain("kept") == [b"before"]
    publishing = Publishing(connect(broker), "kept", b"more")
    watcher = connect(broker)
    until(lambda: "disk alarm" in broker.log(), "no alarm in the log")
    watcher.sync()
    assert publishing.done == [] and consumer.take("kept") is None
    broker.kill9()
    until(publishing.stopped, "a publish is still held up")
    assert publishing.done == [] and publishing.ended is not None


def test_five_hundred_connections_are_served(
    driver: Driver, broker: BrokerProcess, connect: Connect, named: Named
) -> None:
    reader = connect(broker)
    queue = named("crowd")
    reader.declare(Queue(queue))
    count = 500

    def one(number: int) -> Light:
        client = driver.light(broker)
        client.publish(queue, b"%d" % number)
        return client

    with ThreadPoolExecutor(8) as pool:
        crowd = list(pool.map(one, range(count)))
    assert sorted(int(body) for body in reader.drain(queue)) == list(range(count))
    # All at once, and every one of them is still served.
    for client in crowd:
        client.sync()
    for client in crowd[::2]:
        client.drop()
    for client in crowd[1::2]:
        client.close()
    reader.sync()


def test_connections_over_the_limit_are_turned_away_and_room_is_given_back(
    driver: Driver, start: Start
) -> None:
    broker = start(memory=True, configuration="[limits]\nconnections_max = 5\n")
    clients = [driver.light(broker) for _ in range(5)]

    def turned_away() -> bool:
        try:
            return not driver.serves(broker)
        except (Denied, Gone):
            return True

    assert turned_away()
    for client in clients:
        client.sync()
    clients[0].close()
    until(lambda: not turned_away(), "a closed connection still counts")
    with socket.create_connection((broker.host, broker.port)):
        pass  # neither does one that never said a word
    clients[1].drop()
    until(lambda: not turned_away(), "a dropped connection still counts")
    for client in clients[2:]:
        client.close()


@without(Word.SILENCE, "test_half_a_frame_and_silence_is_given_up")
def test_half_a_frame_from_the_beginning_of_the_tests_is_given_up(
    driver: Driver, silent: dict[str, socket.socket], broker: BrokerProcess
) -> None:
    read_all(silent[driver.name])
