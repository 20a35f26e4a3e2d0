"""The publishing half of the load: whole pre-encoded publishes in chunks, confirms counted exactly.

Must not encode anything per message, nor publish past its windows: unconfirmed messages when confirms are on,
and always messages that no consumer has received yet, so that no broker's queue grows without bound.
"""

import select
import socket
import struct
import time
from typing import Final

from bench.amqp_wire import CHANNEL, LoadError, describe_method, publish
from bench.shared_counters import LAST_CONSUMED_NS, SharedCounters

STALL_SECONDS_MAX: Final = 30.0
ACK_BYTES: Final = 21
ACK_START: Final = struct.pack(">BHIHH", 1, CHANNEL, 13, 60, 80)
UNBOUNDED: Final = 1 << 62


class Confirms:
    """Which publishes a broker has confirmed, from basic.ack frames in any order, multiple or not.

    Raises LoadError for anything else: a nack, a second confirm of one tag, a tag never published, a close.
    """

    def __init__(self) -> None:
        self.floor = 0
        self.above: set[int] = set()
        self._partial = b""

    def confirmed(self) -> int:
        return self.floor + len(self.above)

    def feed(self, received: bytes, published: int) -> None:
        for tag, multiple in self.acks(received):
            self.settle(tag, multiple, published)

    def acks(self, received: bytes) -> list[tuple[int, bool]]:
        """The whole acks in what was received, as tag and whether it is for all before it too."""
        data = self._partial + received
        count = len(data) // ACK_BYTES
        end = count * ACK_BYTES
        self._partial = data[end:]
        if data.count(ACK_START, 0, end) != count:
            raise LoadError(f"{_first_other_method(data)} where confirms were due")
        fields = struct.unpack_from(">" + "11xQBx" * count, data)
        return [(tag, bool(bits)) for tag, bits in zip(fields[::2], fields[1::2], strict=True)]

    def settle(self, tag: int, multiple: bool, published: int) -> list[int]:
        """Count one ack; the tags that it newly confirms."""
        if tag > published or tag <= self.floor or (not multiple and tag in self.above):
            raise LoadError(f"confirm of {tag} when {self.floor} of {published} were confirmed")
        newly = [tag]
        if multiple:
            newly = [each for each in range(self.floor + 1, tag + 1) if each not in self.above]
            self.above = {each for each in self.above if each > tag} if self.above else self.above
            self.floor = tag
        elif tag == self.floor + 1:
            self.floor = tag
        else:
            self.above.add(tag)
        while self.above and self.floor + 1 in self.above:
            self.floor += 1
            self.above.remove(self.floor)
        return newly


class ThroughputConfirms(Confirms):
    """The same count without a list of tags: at a million a second the load must not be the limit."""

    def feed(self, received: bytes, published: int) -> None:
        acks = self.acks(received)
        if not acks:
            return
        first = self.floor + 1
        last = first + len(acks) - 1
        plain = not self.above and last <= published and acks[-1] == (last, False)
        if plain and acks == list(zip(range(first, last + 1), [False] * len(acks), strict=True)):
            self.floor = last
            return
        for tag, multiple in acks:
            if multiple and not self.above and self.floor < tag <= published:
                self.floor = tag
            else:
                self.settle(tag, multiple, published)


class PublisherSettings:
    """One publisher connection: its queues take turns in each chunk."""

    def __init__(
        self,
        queues: list[str],
        body_bytes: int,
        persistent: bool,
        confirms: bool,
        chunk_messages: int,
        unconfirmed_max: int,
        unconsumed_max: int,
    ) -> None:
        self.queues = queues
        self.body_bytes = body_bytes
        self.persistent = persistent
        self.confirms = confirms
        self.chunk_messages = chunk_messages
        self.unconfirmed_max = unconfirmed_max if confirms else UNBOUNDED
        self.unconsumed_max = unconsumed_max


class PublisherConnection:
    """A non-blocking connection that sends chunks of publishes as far as its windows allow."""

    def __init__(self, connected: socket.socket, settings: PublisherSettings, slot: int) -> None:
        self.socket = connected
        self.socket.setblocking(False)
        self.settings = settings
        self.slot = slot
        self.published = 0
        self.confirms = ThroughputConfirms()
        self.write_blocked = False
        body = bytes(index & 0xFF for index in range(settings.body_bytes))
        each = [publish(queue, body, settings.persistent) for queue in settings.queues]
        self._chunk = memoryview(b"".join(each) * (settings.chunk_messages // len(each)))
        self.chunk_messages = len(each) * (settings.chunk_messages // len(each))
        self._pending = self._chunk[:0]

    def unconfirmed(self) -> int:
        return self.published - self.confirms.confirmed() if self.settings.confirms else 0

    def fill(self, consumed: int, published_max: int) -> bool:
        """Send what may be sent. True when only the consumer's progress can let it go on."""
        while True:
            if self._pending and not self._send_pending():
                return False
            if self.published + self.chunk_messages > published_max:
                return False
            if self.unconfirmed() + self.chunk_messages > self.settings.unconfirmed_max:
                return False
            if self.published - consumed + self.chunk_messages > self.settings.unconsumed_max:
                return True
            self._pending = self._chunk
            self.published += self.chunk_messages

    def _send_pending(self) -> bool:
        try:
            sent = self.socket.send(self._pending)
        except BlockingIOError:
            sent = 0
        self._pending = self._pending[sent:]
        self.write_blocked = bool(self._pending)
        return not self.write_blocked

    def receive(self) -> None:
        try:
            data = self.socket.recv(262144)
        except BlockingIOError:
            return
        if not data:
            raise LoadError("broker closed a publisher's connection")
        self.confirms.feed(data, self.published)

    def finished(self, consumed: int) -> bool:
        return not self._pending and self.unconfirmed() == 0 and consumed >= self.published


class PublishResult:
    """One phase: messages, and the time until the last of them was confirmed and consumed."""

    def __init__(self, messages: int, seconds: float) -> None:
        self.messages = messages
        self.seconds = seconds


class Publishers:
    """All publisher connections of one process."""

    def __init__(self, connections: list[PublisherConnection], counters: SharedCounters, drain: bool) -> None:
        self.connections = connections
        self.words = counters.words
        # Without a consumer (drain is False) a phase ends when all is confirmed.
        self.drain = drain
        self._poll = select.epoll()
        self._by_file = {each.socket.fileno(): each for each in connections}
        for file in self._by_file:
            self._poll.register(file, select.EPOLLIN)
        self._waiting_write: set[int] = set()

    def run(self, seconds: float, messages_max: int = UNBOUNDED) -> PublishResult:
        """Publish for `seconds` or `messages_max` on each connection, in whole chunks; then wait until all is
        confirmed and consumed. Raises LoadError.
        """
        limits = [each.published + messages_max for each in self.connections]
        before = sum(each.published for each in self.connections)
        start_ns = time.monotonic_ns()
        deadline_ns = start_ns + int(seconds * 1e9)
        last_confirm_ns = start_ns
        progress = -1
        progress_ns = start_ns
        while True:
            now_ns = time.monotonic_ns()
            publishing = now_ns < deadline_ns and any(
                each.published + each.chunk_messages <= limit
                for each, limit in zip(self.connections, limits, strict=True)
            )
            waits_for_consumer = self._fill(limits if publishing else [0] * len(limits))
            if not publishing and self._finished():
                break
            if self._receive(waits_for_consumer, publishing):
                last_confirm_ns = time.monotonic_ns()
            current = self._progress()
            if current != progress:
                progress, progress_ns = current, now_ns
            elif now_ns - progress_ns > STALL_SECONDS_MAX * 1e9:
                raise LoadError(f"stalled: {self._state()}")
        end_ns = max(last_confirm_ns, self.words[LAST_CONSUMED_NS] if self.drain else 0)
        messages = sum(each.published for each in self.connections) - before
        return PublishResult(messages, (end_ns - start_ns) / 1e9)

    def _consumed(self, connection: PublisherConnection) -> int:
        return self.words[connection.slot] if self.drain else connection.published

    def _fill(self, limits: list[int]) -> bool:
        waits = False
        for each, limit in zip(self.connections, limits, strict=True):
            waits = each.fill(self._consumed(each), limit) or waits
            file = each.socket.fileno()
            if each.write_blocked != (file in self._waiting_write):
                events = select.EPOLLIN | (select.EPOLLOUT if each.write_blocked else 0)
                self._poll.modify(file, events)
                self._waiting_write ^= {file}
        return waits

    def _receive(self, waits_for_consumer: bool, publishing: bool) -> bool:
        """Take in confirms; wait for a socket, or a moment where only the consumer can make progress."""
        only_consumer = not publishing and not any(each.unconfirmed() for each in self.connections)
        polls = waits_for_consumer or (only_consumer and not self._waiting_write)
        received = False
        for file, events in self._poll.poll(0 if polls else 0.05):
            if events & ~select.EPOLLOUT:
                self._by_file[file].receive()
                received = True
        if polls and not received:
            time.sleep(0.0002)
        return received

    def _finished(self) -> bool:
        return all(each.finished(self._consumed(each)) for each in self.connections)

    def _progress(self) -> int:
        return sum(self._consumed(each) + each.confirms.confirmed() for each in self.connections)

    def _state(self) -> str:
        published = sum(each.published for each in self.connections)
        confirmed = sum(each.confirms.confirmed() for each in self.connections)
        consumed = sum(self._consumed(each) for each in self.connections)
        return f"{published} published, {confirmed} confirmed, {consumed} consumed"


def _first_other_method(data: bytes) -> str:
    """Names the first frame that is no ack."""
    at = 0
    while data.startswith(ACK_START, at):
        at += ACK_BYTES
    return describe_method(data[at + 7 :]) if len(data) >= at + 14 else "a short frame"
