"""Playbooks: readable scripts of frames in and frames out, over the real engine and a store in memory.

A `Stage` holds one broker; each `Peer` is one connection to it. Nothing here decides what is right.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from librt.strings import BytesWriter

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.ports import Completion, Durable, Replay, Store
from onemq.engine.settings import EngineSettings
from onemq.heads.amqp091.codec import Codec, write_method_frame, write_publish
from onemq.heads.amqp091.frames import (
    BODY,
    HEADER,
    METHOD,
    NEED_DATA,
    PROTOCOL_HEADER_0_9_1,
    short_string,
)
from onemq.heads.amqp091.head import AmqpHead
from onemq.heads.amqp091.methods import (
    BasicDeliver,
    BasicGetOk,
    BasicReturn,
    ChannelOpen,
    ChannelOpenOk,
    ConnectionOpen,
    ConnectionOpenOk,
    ConnectionStart,
    ConnectionStartOk,
    ConnectionTune,
    ConnectionTuneOk,
    Method,
    decode_method,
)
from onemq.heads.amqp091.native_reader import AmqpNativeReader
from onemq.heads.amqp091.properties import BasicProperties, decode_properties, encode_properties
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES, AmqpSettings
from onemq.heads.amqp091.table import FieldValue
from onemq.heads.contract import Conversation, Link
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer as PeerAddress
from onemq.model.record import NATIVE_AMQP091
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.storage.memory_store import MemoryStore

CAPABLE: dict[str, FieldValue] = {
    "capabilities": {
        "consumer_cancel_notify": True,
        "authentication_failure_close": True,
        "connection.blocked": True,
    }
}


class SlowDisk(Store):
    """A store whose commits become durable when the script says so. Keeps nothing, spills nothing."""

    persistent = True

    def __init__(self) -> None:
        self.position = 0
        self.reported = 0
        self.syncs = True

    def recover(self, replay: Replay) -> int:
        return 0

    def append(self, facts: bytes) -> int:
        self.position += 1
        return self.position

    def pending_bytes(self) -> int:
        return 0

    def journal_bytes(self) -> int:
        return 0

    def roll(self) -> int:
        return self.position

    def checkpoint(self, ticket: int, position: int, snapshot: bytes) -> None:
        raise AssertionError("a playbook is too short for a checkpoint")

    def spill(self, ticket: int, log_id: int, batches: list[bytes]) -> None:
        raise AssertionError("a playbook is too small for a spill")

    def load(self, ticket: int, log_id: int, offset: int, bytes_max: int) -> None:
        raise AssertionError("nothing was spilled")

    def find_time(self, ticket: int, log_id: int, timestamp_ms: int) -> None:
        raise AssertionError("nothing was spilled")

    def reclaim(self, log_id: int, live: list[int], exact: bool = False) -> None:
        pass

    def drop_log(self, log_id: int) -> None:
        pass

    def retain_logs(self, log_ids: list[int]) -> None:
        pass

    def log_bytes(self, log_id: int) -> int:
        return 0

    def completions(self) -> list[Completion]:
        if not self.syncs or self.reported == self.position:
            return []
        self.reported = self.position
        return [Durable(self.position)]

    def close(self) -> None:
        pass


class StageLink(Link):
    """A connection without a socket; `log` keeps what the conversation asked for."""

    def __init__(self, stage: Stage, outbox: ParkingOutbox, host: str) -> None:
        super().__init__(outbox, PeerAddress(host, 50000))
        self.stage = stage
        self.closed = False
        self.idle: tuple[int, int] = (0, 0)
        self.publishing = False
        self.touched = False
        self.resuming = False
        self.alarm = ""
        self.log: list[str] = []

    def touch(self) -> None:
        self.touched = True

    def close(self) -> None:
        self.closed = True

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        self.idle = (send_ms, receive_ms)

    def logged_in(self) -> None:
        self.log.append("logged in")

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        self.log.append(f"{user}@{client}" if client else user)

    def publishes(self) -> None:
        self.publishing = True
        if self.alarm:
            self.conversation().blocked(self.alarm)

    def conversation(self) -> Conversation:
        return next(peer.conversation for peer in self.stage.peers if peer.link is self)

    def again(self) -> None:
        """The stage does it in its next turn."""
        self.resuming = True

    def hold_reading(self, hold: bool) -> None:
        raise AssertionError("AMQP takes everything at once")

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        self.log.append(f"{reason}: {text}")


@dataclass
class Content:
    """A method that carries a message, with it."""

    method: Method
    properties: BasicProperties
    body: bytes


@dataclass
class Heard:
    """What came on one channel, in order."""

    channel: int
    what: Method | Content


@dataclass
class _Partial:
    method: Method
    properties: BasicProperties = field(default_factory=BasicProperties)
    left: int = 0
    pieces: list[bytes] = field(default_factory=list)


class Stage:
    """One broker. Time stands still until `wait`."""

    def __init__(self, settings: AmqpSettings | None = None, store: Store | None = None) -> None:
        self._counter = 0
        self.store: Store = store or MemoryStore(lambda: None)
        self.broker = Broker(
            self.store,
            EngineSettings(namespaces=["/", "other"], predeclared=list(PREDECLARED_EXCHANGES)),
            self._entropy,
        )
        self.broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
        self.durability = Durability()
        self.now_ms = 1_700_000_000_000
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        everything = Permission(".*", ".*", ".*")
        password = hash_password("guest", b"salt")
        users = {
            "guest": User("guest", ["administrator"], password, loopback_only=True),
            "reader": User("reader", [], password, loopback_only=False),
        }
        granted = {
            ("guest", "/"): everything,
            ("guest", "other"): everything,
            ("reader", "/"): Permission("^r-", "^r-", ".*"),
        }
        directory = self.broker.directory
        permissions = Permissions(["/", "other", "closed"], granted, directory)
        self.gate = Gate(Users(users, directory), permissions, self.broker)
        self.head = AmqpHead(self.gate, settings or AmqpSettings(), self._entropy)
        self.peers: list[Peer] = []

    def _entropy(self, size: int) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(size, "big")

    def turn(self) -> None:
        """Ends the turn: dispatch, commit, last words; everything is durable at once."""
        more = True
        while more:
            for peer in self.peers:
                if peer.link.resuming:
                    peer.link.resuming = False
                    peer.conversation.resumed()
            more = self.broker.end_turn()
            for peer in self.peers:
                peer.conversation.end_turn()
            completions = self.store.completions()
            if completions:
                self.broker.complete(completions)
                self.durability.advance(self.broker.durable_position)
                more = True
            self.broker.begin_turn(self.now_ms)

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.now_ms += milliseconds
        self.broker.tick(self.now_ms)
        self.turn()

    def link(self, host: str = "127.0.0.1") -> Peer:
        """A connection on which nothing was said yet."""
        peer = Peer(self, host)
        self.peers.append(peer)
        return peer

    def connect(
        self,
        user: str = "guest",
        vhost: str = "/",
        properties: dict[str, FieldValue] | None = None,
        frame_max: int = 131072,
    ) -> Peer:
        """A connection that is open."""
        peer = self.link()
        peer.sends(PROTOCOL_HEADER_0_9_1)
        assert isinstance(peer.hears_one(0), ConnectionStart)
        response = f"\0{user}\0guest".encode()
        peer.says(0, ConnectionStartOk(CAPABLE if properties is None else properties, "PLAIN", response))
        assert isinstance(peer.hears_one(0), ConnectionTune)
        peer.says(0, ConnectionTuneOk(2047, frame_max, 60))
        peer.says(0, ConnectionOpen(vhost))
        peer.hears(0, ConnectionOpenOk())
        peer.codec.frame_bytes_max = frame_max
        return peer


class Peer:
    """One connection: what a client says and hears."""

    def __init__(self, stage: Stage, host: str) -> None:
        self.stage = stage
        self.outbox = ParkingOutbox(stage.durability)
        self.link = StageLink(stage, self.outbox, host)
        self.conversation = stage.head.open(self.link)
        self.codec = Codec(0, expect_protocol_header=False)
        self.raw = b""
        self.refusal: Exception | None = None
        self._heard: list[Heard] = []
        self._partial: dict[int, _Partial] = {}

    # Saying.

    def sends(self, data: bytes) -> None:
        """Bytes, in one turn; an error of the conversation is answered as the net does."""
        self.feeds(data)
        self.stage.turn()

    def feeds(self, data: bytes) -> None:
        """Bytes, without ending the turn."""
        if self.link.closed:
            return
        try:
            self.conversation.received(data)
        except Exception as error:
            self.refusal = error
            self.conversation.refused(error)
            self.link.close()

    def says(self, channel: int, *methods: Method) -> None:
        """Methods on one channel, in one turn."""
        self.sends(b"".join(encoded(channel, method) for method in methods))

    def publishes(
        self,
        channel: int,
        exchange: str,
        routing_key: str,
        *bodies: bytes,
        mandatory: bool = False,
        properties: BasicProperties | None = None,
    ) -> None:
        """Messages in one turn."""
        self.sends(
            b"".join(
                published(exchange, routing_key, body, channel, mandatory, properties) for body in bodies
            )
        )

    def opens(self, channel: int) -> None:
        self.says(channel, ChannelOpen())
        self.hears(channel, ChannelOpenOk())

    def leaves(self) -> None:
        """The connection breaks."""
        self.link.closed = True
        self.conversation.lost()
        self.stage.turn()

    # Hearing.

    def heard(self) -> list[Heard]:
        """Everything that has come since the last call."""
        data = self.outbox.take()
        if data.startswith(b"AMQP"):
            self.raw, data = data[:8], data[8:]
        self.codec.feed(data)
        while (kind := self.codec.next()) != NEED_DATA:
            self._frame(int(kind))
        found, self._heard = self._heard, []
        return found

    def hears(self, channel: int, *expected: Method) -> None:
        """Exactly these methods, in this order, on this channel, and nothing else."""
        found = [(heard.channel, heard.what) for heard in self.heard()]
        assert found == [(channel, method) for method in expected], found

    def hears_one(self, channel: int) -> Method | Content:
        """Exactly one thing on this channel."""
        found = self.heard()
        assert [heard.channel for heard in found] == [channel], found
        return found[0].what

    def hears_nothing(self) -> None:
        assert self.heard() == []

    def hears_contents(self, channel: int) -> list[Content]:
        """Only messages, on this channel."""
        contents = []
        for heard in self.heard():
            assert heard.channel == channel and isinstance(heard.what, Content), heard
            contents.append(heard.what)
        return contents

    def _frame(self, kind: int) -> None:
        data, start, end = self.codec.data, int(self.codec.payload_start), int(self.codec.payload_end)
        channel = int(self.codec.channel)
        if kind == METHOD:
            method = decode_method(data, start, end)
            if isinstance(method, (BasicDeliver, BasicGetOk, BasicReturn)):
                self._partial[channel] = _Partial(method)
            else:
                self._heard.append(Heard(channel, method))
            return
        partial = self._partial[channel]
        if kind == HEADER:
            partial.left = int.from_bytes(data[start + 4 : start + 12], "big")
            partial.properties = decode_properties(data[start + 12 : end])
        else:
            assert kind == BODY
            partial.pieces.append(data[start:end])
            partial.left -= end - start
        if partial.left == 0:
            del self._partial[channel]
            content = Content(partial.method, partial.properties, b"".join(partial.pieces))
            self._heard.append(Heard(channel, content))


def encoded(channel: int, method: Method) -> bytes:
    writer = BytesWriter()
    write_method_frame(writer, channel, method.encode())
    return writer.getvalue()


def published(
    exchange: str,
    routing_key: str,
    body: bytes,
    channel: int = 1,
    mandatory: bool = False,
    properties: BasicProperties | None = None,
    frame_max: int = 131072,
) -> bytes:
    """basic.publish with its content, as bytes."""
    writer = BytesWriter()
    address = short_string(exchange) + short_string(routing_key)
    raw = encode_properties(properties or BasicProperties())
    write_publish(writer, channel, address, mandatory, raw, body, frame_max)
    return writer.getvalue()
