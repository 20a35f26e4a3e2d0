"""The latency load: a paced publisher that never waits for the broker, and a consumer that reads the stamps.

Both clocks are CLOCK_MONOTONIC of this machine. Must not skip a tick when the broker is slow: what a full
socket holds back keeps its stamp and is sent later (no coordinated omission).
"""

import select
import struct
import time
from array import array
from typing import Final

from bench.amqp_consumer import ConsumerConnection, Delivery, run_consumers
from bench.amqp_load import LoadShape, declare_queues
from bench.amqp_publisher import Confirms
from bench.amqp_wire import Connection, LoadError, publish
from bench.load_processes import READY, RESULT, LoadProcesses, Pipe, tell, wait_for_end
from bench.shared_counters import FIRST_SLOT, SharedCounters

TICK_NS: Final = 1_000_000
DRAIN_SECONDS_MAX: Final = 30.0
RATE_MIN_FRACTION: Final = 0.98


class LatencyResult:
    """Milliseconds: median, 99th percentile, maximum of each way; how late the publisher itself was."""

    def __init__(self, deliver: list[float], confirm: list[float], late_p99: float) -> None:
        self.deliver = deliver
        self.confirm = confirm
        self.late_p99 = late_p99


class StampedConsumer(ConsumerConnection):
    """Reads the stamp at the start of each body."""

    def __init__(self, connected: Connection, ack_every: int, skip: int) -> None:
        super().__init__(connected.socket, ack_every, bytes(connected.received))
        self.waits_ns = array("q")
        self.same_bodies = False
        self._skip = skip

    def on_deliveries(self, data: memoryview, whole: int, delivery: Delivery) -> None:
        now_ns = time.monotonic_ns()
        for index in range(whole):
            if self.count + index >= self._skip:
                (stamp,) = struct.unpack_from(">Q", data, index * delivery.size + delivery.body_at)
                self.waits_ns.append(now_ns - stamp)


class PacedPublisher:
    """Sends `per_tick` stamped messages each millisecond and times every confirm."""

    def __init__(self, connected: Connection, shape: LoadShape, per_tick: int, skip: int) -> None:
        self.socket = connected.socket
        self.socket.setblocking(False)
        self.confirms = Confirms()
        self.waits_ns = array("q")
        self.late_ns = array("q")
        self.stamps = array("q", [0])
        message = publish(shape.queues(0)[0], bytes(shape.body_bytes), shape.persistent)
        self._stamp_at = [
            index * len(message) + len(message) - 1 - shape.body_bytes for index in range(per_tick)
        ]
        self._tick = bytearray(message * per_tick)
        self._unsent = b""
        self._skip = skip

    def run(self, ticks: int, counters: SharedCounters) -> None:
        start_ns = time.monotonic_ns() + TICK_NS
        for tick in range(ticks):
            due_ns = start_ns + tick * TICK_NS
            while (left_ns := due_ns - time.monotonic_ns()) > 0:
                self._wait(left_ns / 1e9)
            self._publish(due_ns)
        published = len(self.stamps) - 1
        deadline = time.monotonic() + DRAIN_SECONDS_MAX
        while self._unsent or self.confirms.confirmed() < published or counters.words[FIRST_SLOT] < published:
            if time.monotonic() > deadline:
                confirmed, consumed = self.confirms.confirmed(), counters.words[FIRST_SLOT]
                raise LoadError(f"{published} published, {confirmed} confirmed, {consumed} consumed")
            self._wait(0.005)

    def _publish(self, due_ns: int) -> None:
        now_ns = time.monotonic_ns()
        self.late_ns.append(now_ns - due_ns)
        # A tick that the publisher itself began late is stamped when it is sent; one that the broker holds
        # back waits in `_unsent` with its stamp.
        for at in self._stamp_at:
            struct.pack_into(">Q", self._tick, at, now_ns)
            self.stamps.append(now_ns)
        self._unsent += self._tick
        self._send()

    def _send(self) -> None:
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return

    def _wait(self, seconds: float) -> None:
        """select, because its timeout is not rounded to milliseconds as epoll's is."""
        writers = [self.socket] if self._unsent else []
        readable, writable, _ = select.select([self.socket], writers, [], seconds)
        if writable:
            self._send()
        if readable:
            data = self.socket.recv(65536)
            now_ns = time.monotonic_ns()
            if not data:
                raise LoadError("broker closed the publisher's connection")
            published = len(self.stamps) - 1
            for tag, multiple in self.confirms.acks(data):
                for each in self.confirms.settle(tag, multiple, published):
                    if each > self._skip:
                        self.waits_ns.append(now_ns - self.stamps[each])


def percentiles(waits_ns: "array[int]") -> list[float]:
    """Median, 99th percentile and maximum, in milliseconds."""
    if not waits_ns:
        raise LoadError("no message was measured")
    ordered = sorted(waits_ns)
    last = len(ordered) - 1
    return [ordered[round(last * part)] / 1e6 for part in (0.5, 0.99, 1.0)]


def run_latency(port: int, rate: int, warm_seconds: float, seconds: float) -> LatencyResult:
    """Persistent 100-byte messages with confirms, prefetch 500, an ack for each 100, at `rate` a second."""
    shape = LoadShape(100, persistent=True, confirms=True, prefetch=500, ack_every=100)
    declare_queues(port, shape)
    counters = SharedCounters(1)
    per_tick = max(1, rate * TICK_NS // 1_000_000_000)
    warm_ticks = int(warm_seconds * 1e9) // TICK_NS
    ticks = warm_ticks + int(seconds * 1e9) // TICK_NS
    skip = warm_ticks * per_tick

    def publisher(pipe: Pipe) -> None:
        connection = Connection(port)
        connection.select_confirms()
        paced = PacedPublisher(connection, shape, per_tick, skip)
        tell(pipe, READY)
        pipe.recv()
        began = time.monotonic()
        paced.run(ticks, counters)
        took = time.monotonic() - began
        late = percentiles(paced.late_ns)
        tell(pipe, RESULT, [took, late[1], len(paced.waits_ns), *percentiles(paced.waits_ns)])
        wait_for_end(pipe)

    def consumer(pipe: Pipe) -> None:
        connection = Connection(port)
        connection.prefetch(shape.prefetch)
        connection.consume(shape.queues(0)[0], "c-latency", automatic_ack=False)
        stamped = StampedConsumer(connection, shape.ack_every, skip)
        tell(pipe, READY)
        run_consumers([stamped], FIRST_SLOT, counters)
        tell(pipe, RESULT, [len(stamped.waits_ns), *percentiles(stamped.waits_ns)])

    expected = ticks * per_tick - skip
    duration = ticks * TICK_NS / 1e9
    with LoadProcesses(publisher, consumer, counters) as processes:
        took, late_p99, confirmed, *confirm = processes.run([], duration + DRAIN_SECONDS_MAX + 10)
        consumed, *deliver = processes.stop_consumers()
    if consumed != expected or confirmed != expected:
        raise LoadError(f"{expected} published, {confirmed:.0f} confirmed, {consumed:.0f} consumed")
    if duration / took < RATE_MIN_FRACTION:
        raise LoadError(f"the rate was not held: {duration:.1f} s of messages took {took:.1f} s")
    return LatencyResult(deliver, confirm, late_p99)
