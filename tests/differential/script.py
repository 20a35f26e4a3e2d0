"""Scripts: lists of operations, and running one against a broker into a trace of all that could be seen.

A name that begins with % is the script's own: it gets a prefix no other run has, and the trace shows it with % again.
Every step waits until its answer has come and the broker has been quiet for a while; what came is sorted so that only
orders that a broker promises are compared. Must not know which of two brokers is right.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any

from differential.wire import Connection, Event, content_frames, encode_table, method_frame
from onemq.heads.amqp091 import methods
from onemq.heads.amqp091.methods import METHODS, ChannelCloseOk, ChannelOpen, ConnectionCloseOk, Method
from onemq.heads.amqp091.properties import BasicProperties, encode_properties, replace_headers

Operation = tuple[int, int, str, dict[str, Any]]
"""Connection (0, 1), channel, what to do (a method's class, "publish", "raw", "sleep", "lose"), its arguments."""
Step = list[Operation]
"""Sent in one go, to one connection."""
Trace = list[list[str]]

SHUT = ("channel.close", "connection.close", "socket closed")
POOL_QUEUES = tuple(f"%q{index}" for index in range(1, 5))
POOL_EXCHANGES = tuple(f"%e{index}" for index in range(1, 5))
ANSWER_SECONDS_MAX = 3.0


class Names:
    """The script's names and the run's: every text goes through here on its way."""

    def __init__(self) -> None:
        self.prefix = "d" + uuid.uuid4().hex[:9] + "."
        self._generated: dict[str, str] = {}

    def out(self, value: Any) -> Any:
        if isinstance(value, str):
            return self.prefix + value[1:] if value.startswith("%") else value
        if isinstance(value, bytes):
            return value.replace(b"%%%%%%%%%%%", self.prefix.encode())
        if isinstance(value, list):
            return [self.out(item) for item in value]
        if isinstance(value, tuple):
            return tuple(self.out(item) for item in value)
        if isinstance(value, dict):
            return {name: self.out(item) for name, item in value.items()}
        return value

    def back(self, text: str) -> str:
        text = text.replace(self.prefix, "%")
        for mark in ("amq.gen-", "amq.ctag-"):
            at = text.find(mark)
            while at >= 0:
                end = at + len(mark)
                while end < len(text) and (text[end].isalnum() or text[end] in "-_"):
                    end += 1
                made = text[at:end]
                known = self._generated.setdefault(made, f"<{mark}{len(self._generated)}>")
                text = text.replace(made, known)
                at = text.find(mark, at + len(known))
        return text


class Run:
    """One script against one broker."""

    def __init__(self, port: int, quiet_seconds: float) -> None:
        self.port = port
        self.quiet_seconds = quiet_seconds
        self.names = Names()
        self.connections: dict[int, Connection] = {}
        self.trace: Trace = []

    def play(self, script: list[Step]) -> Trace:
        try:
            for step in script:
                self._step(step)
        finally:
            self._clean()
        return self.trace

    def _step(self, step: Step) -> None:
        number, _, what, arguments = step[0]
        if what == "sleep":
            time.sleep(arguments["seconds"])
            self._collect(set())
            return
        connection = self._connection(number)
        if what == "lose":
            connection.socket.close()
            connection.dead = True
            del self.connections[number]
            self._collect(set())
            return
        data = b""
        awaited: set[tuple[int, int]] = set()
        for _, channel, what, arguments in step:
            if channel not in connection.open_channels and channel < 50:
                connection.open_channels.add(channel)
                data += method_frame(channel, ChannelOpen())
            frames, answered = self._frames(channel, what, arguments)
            data += frames
            if answered:
                awaited.add((number, channel))
        connection.send(data)
        self._collect(awaited)

    def _connection(self, number: int) -> Connection:
        found = self.connections.get(number)
        if found is None or found.dead:
            found = Connection(self.port)
            self.connections[number] = found
        return found

    def _frames(self, channel: int, what: str, arguments: dict[str, Any]) -> tuple[bytes, bool]:
        """The bytes of one operation, and whether an answer is due."""
        given = self.names.out(arguments)
        if what == "publish":
            return self._publish(channel, given), False
        if what == "raw":
            return given["data"], True
        method: Method = getattr(methods, what)(**given)
        payload = method.encode()
        spec = METHODS[int.from_bytes(payload[:4], "big")]
        waits = bool(spec.replies) and not given.get("no_wait", False)
        return method_frame(channel, method), waits

    def _publish(self, channel: int, given: dict[str, Any]) -> bytes:
        method = methods.BasicPublish(
            given.get("exchange", ""),
            given.get("routing_key", ""),
            given.get("mandatory", False),
            given.get("immediate", False),
        )
        properties = encode_properties(BasicProperties(**given.get("properties", {})))
        if "headers" in given:
            properties = replace_headers(properties, encode_table(given["headers"]))
        return method_frame(channel, method) + content_frames(channel, properties, given.get("body", b""))

    # What comes back.

    def _collect(self, awaited: set[tuple[int, int]]) -> None:
        seen: list[tuple[int, Event]] = []
        start = quiet_since = time.monotonic()
        while True:
            now = time.monotonic()
            if (not awaited or now - start > ANSWER_SECONDS_MAX) and now - quiet_since >= self.quiet_seconds:
                break
            for number, event in self._events():
                quiet_since = time.monotonic()
                seen.append((number, event))
                awaited -= self._answered(number, event)
        self.trace.append(self._sorted(seen))

    def _answered(self, number: int, event: Event) -> set[tuple[int, int]]:
        if event.name in ("connection.close", "socket closed"):
            return {(number, channel) for channel in range(1 << 7)}
        if event.name in ("basic.deliver", "basic.ack", "basic.nack", "basic.return", "channel.open-ok"):
            return set()
        return {(number, event.channel)}

    def _events(self) -> Iterator[tuple[int, Event]]:
        wait = 0.002
        live = [(number, found) for number, found in self.connections.items() if not found.dead]
        if not live:
            time.sleep(wait)
        for number, connection in live:
            for event in connection.receive(wait):
                self._respond(connection, event)
                yield number, event

    def _respond(self, connection: Connection, event: Event) -> None:
        if event.name == "channel.close":
            connection.open_channels.discard(event.channel)
            connection.send_method(event.channel, ChannelCloseOk())
        elif event.name == "channel.close-ok":
            connection.open_channels.discard(event.channel)
        elif event.name == "connection.close":
            connection.send_method(0, ConnectionCloseOk())
            connection.dead = True
            connection.socket.close()

    def _sorted(self, seen: list[tuple[int, Event]]) -> list[str]:
        """Per connection and channel: answers in order, then each consumer's deliveries in order, then confirms."""
        answers: dict[str, list[str]] = {}
        for number, event in seen:
            place = f"{number}.{event.channel}"
            if event.name == "channel.open-ok":
                continue
            if event.name in ("basic.ack", "basic.nack"):
                lane = f"{place} c"
            elif event.name == "basic.deliver":
                lane = f"{place} d {self.names.back(str(getattr(event.method, 'consumer_tag', '')))}"
            elif event.name == "basic.cancel":
                lane = f"{place} e {self.names.back(str(getattr(event.method, 'consumer_tag', '')))}"
            elif event.name in ("basic.return", "basic.consume-ok"):
                # RabbitMQ's queues answer basic.consume themselves, so other answers may overtake it.
                lane = f"{place} {event.name}"
            else:
                lane = f"{place} a"
            answers.setdefault(lane, []).append(self._shown(number, event))
        lines: list[str] = []
        for lane in sorted(answers):
            found = answers[lane]
            lines.extend(_confirms(found) if lane.endswith(" c") else found)
        return lines

    def _shown(self, number: int, event: Event) -> str:
        parts = [f"{number}.{event.channel} {event.name}"]
        method = event.method
        if method is not None:
            # A compiled class keeps its attributes' names elsewhere.
            kind = type(method)
            slots = tuple(getattr(kind, "__slots__", None) or kind.__mypyc_attrs__)  # type: ignore[attr-defined]
            for name in slots:
                parts.append(f"{name}={getattr(method, name)!r}")
        if event.properties or event.body or event.name in ("basic.deliver", "basic.get-ok", "basic.return"):
            parts.append(f"body={event.body!r}")
            for key, value in event.properties:
                parts.append(f"headers={self._headers(value)}" if key == "headers" else f"{key}={value!r}")
        return self.names.back(" ".join(parts))

    def _headers(self, fields: list[tuple[str, Any]]) -> str:
        return "{" + ", ".join(sorted(f"{name}: {_value(value)}" for name, value in fields)) + "}"

    def _clean(self) -> None:
        for connection in self.connections.values():
            connection.close()
        connection = Connection(self.port)
        connection.send_method(1, ChannelOpen())
        for name in POOL_QUEUES:
            connection.send_method(1, methods.QueueDelete(self.names.out(name)))
        for name in POOL_EXCHANGES:
            connection.send_method(1, methods.ExchangeDelete(self.names.out(name)))
        connection.close()


def _value(value: tuple[str, Any]) -> str:
    letter, held = value
    if letter == "T":
        # Whatever the broker stamps; what clients send is small.
        return f"T:{held if held < 1_000_000_000 else 'now'}"
    if letter == "F":
        return "{" + ", ".join(sorted(f"{name}: {_value(item)}" for name, item in held)) + "}"
    if letter == "A":
        return "[" + ", ".join(_value(item) for item in held) + "]"
    return f"{letter}:{held!r}"


def _confirms(lines: list[str]) -> list[str]:
    """Single confirms out of cumulative ones; they may come in any order."""
    single: dict[int, str] = {}
    for line in lines:
        place, name = line.split(" ")[:2]
        fields = dict(part.split("=") for part in line.split(" ")[2:])
        tag = int(fields["delivery_tag"])
        # What a cumulative one covers besides is known only from those before it: up to the highest one seen.
        single[tag] = (
            f"{place} {name} up to {tag}" if fields["multiple"] == "True" else f"{place} {name} {tag}"
        )
    nacked = [line for line in single.values() if "basic.nack" in line]
    last = max(single)
    return [*nacked, f"{lines[0].split(' ')[0]} confirmed up to {last}"]
