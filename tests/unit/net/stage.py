"""A loop, a transport, an engine and a store that do nothing by themselves, for the tests of the net."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from onemq.engine.ports import Completion, Durable
from onemq.heads.contract import Conversation, Head, Link, Outbox, Profile
from onemq.model.principal import Peer
from onemq.net.clock import Clock
from onemq.net.connection import Connection, Limits
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.net.party import Party
from onemq.net.pressure import Pressure
from onemq.net.registry import Registry
from onemq.net.turns import Turns


class QuietParty(Party):
    """Does nothing; counts its touches."""

    def __init__(self, outbox: Outbox | None = None) -> None:
        super().__init__(ParkingOutbox(Durability()) if outbox is None else outbox, Peer("127.0.0.1", 1))
        self.touches = 0

    def touch(self) -> None:
        self.touches += 1

    def close(self) -> None:
        pass

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        pass

    def logged_in(self) -> None:
        pass

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        pass

    def publishes(self) -> None:
        pass

    def again(self) -> None:
        pass

    def hold_reading(self, hold: bool) -> None:
        pass

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        pass


class FakeTimer:
    cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class FakeLoop:
    """Runs what was put in when told to."""

    def __init__(self) -> None:
        self.soon: list[Callable[[], None]] = []
        self.later: list[tuple[float, Callable[[], None], FakeTimer]] = []

    def call_soon(self, callback: Callable[[], None]) -> None:
        self.soon.append(callback)

    call_soon_threadsafe = call_soon

    def call_later(self, seconds: float, callback: Callable[[], None]) -> FakeTimer:
        timer = FakeTimer()
        self.later.append((seconds, callback, timer))
        return timer

    def run(self, passes_max: int = 10) -> None:
        for _ in range(passes_max):
            if not self.soon:
                return
            ready, self.soon = self.soon, []
            for callback in ready:
                callback()
        raise AssertionError("the turns do not come to rest")

    def ring(self) -> None:
        """Fires every timer that is set."""
        timers, self.later = self.later, []
        for _seconds, callback, timer in timers:
            if not timer.cancelled:
                callback()
        self.run()


class FakeClock(Clock):
    def __init__(self) -> None:
        super().__init__()
        self.time_ms = 1_000_000

    def now_ms(self) -> int:
        return self.time_ms


class FakeStore:
    def __init__(self) -> None:
        self.finished: list[Completion] = []
        self.pending = 0
        self.settled: list[bool] = []

    def settle_turn(self, awaited: bool) -> None:
        self.settled.append(awaited)

    def completions(self) -> list[Completion]:
        finished, self.finished = self.finished, []
        return finished

    def pending_bytes(self) -> int:
        return self.pending


class FakeEngine:
    def __init__(self) -> None:
        self.durable_position = 0
        self.log: list[str] = []
        self.more = 0
        self.memory = 0
        self.deadline_ms = 0
        self.break_at_end: Exception | None = None
        self.at_end: Callable[[], None] | None = None
        self.awaits = False

    def awaits_durable(self) -> bool:
        return self.awaits

    def begin_turn(self, now_ms: int) -> None:
        self.log.append("begin")

    def end_turn(self) -> bool:
        self.log.append("end")
        if self.break_at_end is not None:
            raise self.break_at_end
        if self.at_end is not None:
            call, self.at_end = self.at_end, None
            call()
        self.more -= 1
        return self.more >= 0

    def complete(self, completions: list[Completion]) -> None:
        for completion in completions:
            if isinstance(completion, Durable):
                self.durable_position = completion.position

    def tick(self, now_ms: int) -> None:
        self.log.append("tick")
        self.deadline_ms = 0

    def next_deadline_ms(self) -> int:
        return self.deadline_ms

    def memory_bytes(self) -> int:
        return self.memory


class FakeTransport:
    """Remembers what was done to it. `waiting` is what get_write_buffer_size answers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0
        self.reading = True
        self.eof = False
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written.append(data)

    def writelines(self, parts: list[bytes]) -> None:
        self.written.extend(parts)

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self.eof = True

    def abort(self) -> None:
        self.aborted = True


class Echo(Conversation):
    """Echoes; breaks when `fault` is set; notes what it is told."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.fault: Exception | None = None
        self.told: list[str] = []

    def received(self, data: bytes) -> None:
        if self.fault is not None:
            raise self.fault
        self.link.outbox.writer.write(data)

    def resumed(self) -> None:
        if self.fault is not None:
            raise self.fault
        self.told.append("resumed")
        self.link.outbox.writer.write(b"resumed")

    def end_turn(self) -> None:
        self.told.append("end_turn")

    def refused(self, error: Exception) -> None:
        self.told.append("refused")
        self.link.outbox.writer.write(b"goodbye")

    def drain(self, reason: str) -> None:
        self.link.outbox.park(0, 7, b"draining")

    def profile(self) -> Profile:
        return Profile("Echo", "somebody")

    def blocked(self, reason: str) -> None:
        self.told.append(reason)
        self.link.outbox.writer.write(b"blocked")

    def unblocked(self) -> None:
        self.told.append("unblocked")

    def pressed(self, full: bool) -> None:
        self.told.append("pressed" if full else "eased")

    def lost(self) -> None:
        self.told.append("lost")


class EchoHead(Head):
    def __init__(self) -> None:
        # Not in the class: a compiled one keeps its own there.
        self.name = "echo"
        self.conversations: list[Echo] = []

    def open(self, link: Link) -> Conversation:
        self.conversations.append(Echo(link))
        return self.conversations[-1]


class Stage:
    """All of it, with one connection made by `connect`."""

    def __init__(
        self,
        *,
        memory_bytes_alarm: int = 0,
        login_ms: int = 10_000,
        pending_bytes_max: int = 0,
        slow_ms: int = 0,
    ) -> None:
        self.loop = FakeLoop()
        self.clock = FakeClock()
        self.engine = FakeEngine()
        self.store = FakeStore()
        self.pressure = Pressure(memory_bytes_alarm, pending_bytes_max=pending_bytes_max)
        self.fatal: list[str] = []
        loop: Any = self.loop
        self.turns = Turns(loop, self.clock, self.engine, self.store, self.pressure, self._fatal)
        self.registry = Registry(100)
        self.limits = Limits(login_ms, 1000, 5000, 1000, slow_ms)
        self.head = EchoHead()

    def _fatal(self, reason: str, error: Exception | None) -> None:
        self.fatal.append(reason)

    def connect(self) -> tuple[Connection, Echo, FakeTransport]:
        transport = FakeTransport()
        stream: Any = transport
        connection = Connection(
            self.head, Peer("127.0.0.1", 1), stream, self.turns, self.registry, self.limits
        )
        connection.start(self.head)
        self.loop.run()
        return connection, self.head.conversations[-1], transport

    def pass_time(self, milliseconds: int) -> None:
        self.clock.time_ms += milliseconds
        self.loop.ring()
