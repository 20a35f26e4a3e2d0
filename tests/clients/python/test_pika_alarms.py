"""connection.blocked and what is held up under an alarm, with pika."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from http.client import HTTPConnection
from pathlib import Path

import pika
import pytest
from broker_settings import login, running
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection
from pika.exceptions import ConnectionBlockedTimeout
from pika_session import Collector, fetch, parameters, wait_until

from broker_process import BrokerProcess

WITHIN_SECONDS = 10.0
ALARM_BYTES = 1024 * 1024
CONFIGURATION = f"[memory]\nalarm_bytes = {ALARM_BYTES}\n"


@pytest.fixture
def small(tmp_path: Path) -> Generator[BrokerProcess, None, None]:
    with running(tmp_path, memory=True, configuration=CONFIGURATION) as process:
        yield process


class Told:
    """What a connection was told of alarms, in order: a reason, or None when it is over."""

    def __init__(self, connection: BlockingConnection) -> None:
        self.words: list[str | None] = []
        self._connection = connection
        connection.add_on_connection_blocked_callback(
            lambda _c, frame: self.words.append(frame.method.reason)
        )
        connection.add_on_connection_unblocked_callback(lambda _c, _frame: self.words.append(None))

    def wait(self, words: list[str | None]) -> None:
        deadline = time.monotonic() + WITHIN_SECONDS
        while self.words != words and time.monotonic() < deadline:
            self._connection.process_data_events(time_limit=0.01)
        assert self.words == words


def ready(broker: BrokerProcess) -> tuple[int, bytes]:
    http = HTTPConnection(broker.host, broker.ports["http"], timeout=WITHIN_SECONDS)
    http.request("GET", "/health/ready")
    answer = http.getresponse()
    found = answer.status, answer.read()
    http.close()
    return found


def fill(channel: BlockingChannel, queue: str) -> int:
    """Publishes enough for the alarm, without confirms. Returns how many messages that took."""
    count = ALARM_BYTES // 32768
    for _ in range(count):
        channel.basic_publish("", queue, b"x" * 32768)
    return count


def test_publishers_hear_of_the_alarm_and_of_its_end(small: BrokerProcess) -> None:
    publishing, consuming = login(small, "guest", "guest"), login(small, "guest", "guest")
    told, untold = Told(publishing), Told(consuming)
    consumer = consuming.channel()
    consumer.queue_declare("filling")
    channel = publishing.channel()
    count = fill(channel, "filling")
    told.wait(["low on memory"])
    assert ready(small)[0] == 503
    # The blocked connection is not read from: what it sends now arrives when the alarm is over.
    channel.basic_publish("", "filling", b"held up")
    collector = Collector(consumer, acknowledge=True).consume("filling")
    collector.wait(count + 1)
    assert collector.bodies[-1] == b"held up"
    told.wait(["low on memory", None])
    assert untold.words == []  # who has not published is none of it
    assert ready(small)[0] == 200


def test_who_begins_to_publish_under_the_alarm_is_told_at_once(small: BrokerProcess) -> None:
    first, late = login(small, "guest", "guest"), login(small, "guest", "guest")
    channel = first.channel()
    channel.queue_declare("filling")
    fill(channel, "filling")
    Told(first).wait(["low on memory"])
    told = Told(late)
    late_channel = late.channel()
    assert late_channel.queue_declare("filling", passive=True).method.message_count > 0  # not held up yet
    late_channel.basic_publish("", "filling", b"late")
    told.wait(["low on memory"])
    watcher = login(small, "guest", "guest").channel()
    watcher.queue_purge("filling")
    told.wait(["low on memory", None])


def test_a_client_that_does_not_know_the_word_is_held_up_without_it(small: BrokerProcess) -> None:
    connection = login(small, "guest", "guest", client_properties={"capabilities": {}})
    told = Told(connection)
    channel = connection.channel()
    channel.queue_declare("filling", durable=True)
    fill(channel, "filling")
    wait(lambda: ready(small)[0] == 503)
    channel.basic_publish("", "filling", b"held up")
    watcher = login(small, "guest", "guest").channel()
    watcher.queue_purge("filling")
    assert fetch(watcher, "filling").body == b"held up"  # it goes on by itself
    channel.queue_declare("", exclusive=True)
    assert told.words == []


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_held_up_publisher_is_not_given_up_for_its_silence(tmp_path: Path) -> None:
    """Heartbeats of a connection that is not read from cannot be seen: it must outlive two intervals."""
    with running(tmp_path, memory=True, configuration=CONFIGURATION) as broker:
        publishing = login(broker, "guest", "guest", heartbeat=1)
        channel = publishing.channel()
        channel.queue_declare("filling")
        fill(channel, "filling")
        told = Told(publishing)
        told.wait(["low on memory"])
        publishing.sleep(2.6)
        login(broker, "guest", "guest").channel().queue_purge("filling")
        told.wait(["low on memory", None])
        assert channel.queue_declare("filling", passive=True).method.message_count == 0


def test_low_on_disk(tmp_path: Path) -> None:
    disk = os.statvfs(tmp_path)
    free_bytes_min = disk.f_bavail * disk.f_frsize * 4
    with running(tmp_path, arguments=["--set", f"disk.free_bytes_min={free_bytes_min}"]) as broker:
        status, answer = ready(broker)
        assert status == 503 and b"low on disk" in answer
        connection = login(broker, "guest", "guest")
        told = Told(connection)
        channel = connection.channel()
        channel.queue_declare("work", durable=True)  # only publishing is held up
        channel.basic_publish("", "work", b"held up")
        told.wait(["low on disk"])
        # That publish made a publisher of the connection; the next ones are not read.
        channel.basic_publish("", "work", b"held up")
        watcher = login(broker, "guest", "guest").channel()
        for _ in range(20):
            assert watcher.queue_declare("work", passive=True).method.message_count <= 1


def test_pika_gives_up_a_connection_that_is_blocked_too_long(small: BrokerProcess) -> None:
    connection = pika.BlockingConnection(parameters(small.url, blocked_connection_timeout=0.3))
    channel = connection.channel()
    channel.queue_declare("filling")
    with pytest.raises(ConnectionBlockedTimeout):
        fill(channel, "filling")
        wait_until(channel, lambda: False)
    # Its socket is gone; nothing of it stays behind in the alarm's list.
    login(small, "guest", "guest").channel().queue_purge("filling")
    wait(lambda: ready(small)[0] == 200)
