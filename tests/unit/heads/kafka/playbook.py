"""Playbooks: requests in and answers out, over the real engine and a store in memory.

kafka-python's protocol classes, made from Kafka's own schemas, are the independent encoder and decoder. Nothing here decides
what is right.
"""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("kafka", minversion="3.0", reason="kafka-python is not installed")

from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest
from kafka.record.memory_records import MemoryRecords, MemoryRecordsBuilder

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.scram import ScramPassword
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.ports import Store
from onemq.engine.settings import EngineSettings
from onemq.heads.contract import Conversation, Link
from onemq.heads.kafka.head import KafkaHead
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer as PeerAddress
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.storage.memory_store import MemoryStore
from unit.heads.stage_worker import StageWorker

LOCAL_HOST = "127.0.0.1"
LOCAL_PORT = 9092


class StageLink(Link):
    """A connection without a socket; `log` keeps what the conversation asked for."""

    def __init__(self, outbox: ParkingOutbox, host: str) -> None:
        super().__init__(outbox, PeerAddress(host, 50000, LOCAL_HOST, LOCAL_PORT))
        self.closed = False
        self.publishing = False
        self.resuming = False
        self.held = False
        self.alarm = ""
        self.conversation: Conversation | None = None
        self.logged = False
        self.log: list[str] = []

    def touch(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        assert (send_ms, heartbeat) == (0, b""), "Kafka has no heartbeats of connections"
        self.idle_ms = receive_ms

    def logged_in(self) -> None:
        self.logged = True

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        self.log.append(f"{user}@{client}" if client else user)

    def publishes(self) -> None:
        self.publishing = True
        if self.alarm and self.conversation is not None:
            self.conversation.blocked(self.alarm)

    def again(self) -> None:
        self.resuming = True

    def hold_reading(self, hold: bool) -> None:
        assert hold != self.held, "said twice"
        self.held = hold

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        self.log.append(f"{reason}: {text}")


class Stage:
    """One broker. Time stands still until `wait`."""

    def __init__(
        self, settings: KafkaSettings | None = None, *, users: bool = False, store: Store | None = None
    ) -> None:
        """users: some are configured, so that everybody has to log in."""
        self.store: Store = store or MemoryStore(lambda: None)
        self._counter = 0
        self.broker = Broker(self.store, EngineSettings(namespaces=["/"]), self._entropy)
        self.durability = Durability()
        self.now_ms = 1_700_000_000_000
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        everything = Permission(".*", ".*", ".*")
        password = hash_password("guest", b"salt")
        known = {
            "guest": User("guest", ["administrator"], password, True, ScramPassword("guest")),
            "reader": User("reader", [], password, loopback_only=False),
        }
        granted = {
            ("guest", "/"): everything,
            ("reader", "/"): Permission("^$", "^open", "^(open|read)"),
        }
        anonymous = "" if users else "guest"
        self.gate = Gate(Users(known), Permissions(["/"], granted), self.broker, anonymous)
        self.worker = StageWorker()
        self.head = KafkaHead(self.gate, settings or KafkaSettings(), self.worker)
        self.peers: list[Peer] = []

    def _entropy(self, size: int) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(size, "big")

    def turn(self) -> None:
        """Ends the turn: what was put off, dispatch, commit, last words; as the net does it, until all is at rest."""
        more = True
        while more:
            self.worker.go_on()
            for peer in self.peers:
                peer.resumes()
            more = self.broker.end_turn()
            for peer in self.peers:
                peer.conversation.end_turn()
            completions = self.store.completions()
            if completions:
                self.broker.complete(completions)
                self.durability.advance(self.broker.durable_position)
                more = True
            self.broker.begin_turn(self.now_ms)
            more = more or self.worker.is_busy() or any(peer.link.resuming for peer in self.peers)

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.now_ms += milliseconds
        self.broker.tick(self.now_ms)
        self.turn()

    def connect(self, host: str = "127.0.0.1") -> Peer:
        peer = Peer(self, host)
        self.peers.append(peer)
        return peer


class Peer:
    """One connection: what a client says and hears. Answers are decoded by the requests that are open, in their order."""

    def __init__(self, stage: Stage, host: str = "127.0.0.1") -> None:
        self.stage = stage
        self.outbox = ParkingOutbox(stage.durability)
        self.link = StageLink(self.outbox, host)
        self.conversation = stage.head.open(self.link)
        self.link.conversation = self.conversation
        self.client_id = "playbook"
        self.refusal: Exception | None = None
        self._open: list[tuple[int, Any]] = []
        self._correlation = 0
        self._received = b""

    # Saying.

    def encoded(self, request: Any) -> bytes:
        """A kafka-python request (with its version) as a frame; its answer will be expected."""
        self._correlation += 1
        request.with_header(correlation_id=self._correlation, client_id=self.client_id)
        data = bytes(request.encode(framed=True, header=True))
        if request.expect_response():
            self._open.append((self._correlation, request.header.get_response_class()))
        return data

    def feeds(self, data: bytes) -> None:
        """Bytes, without ending the turn; an error of the conversation is answered as the net does."""
        if self.link.closed:
            return
        try:
            self.conversation.received(data)
        except Exception as error:
            self._failed(error)

    def sends(self, data: bytes) -> None:
        """Bytes, in one turn."""
        self.feeds(data)
        self.stage.turn()

    def says(self, *requests: Any) -> None:
        """Requests in one turn, in one piece."""
        self.sends(b"".join(self.encoded(request) for request in requests))

    def asks(self, request: Any) -> Any:
        """One request and its answer."""
        self.says(request)
        answers = self.hears()
        assert len(answers) == 1, (answers, self.refusal, self.link.log)
        return answers[0]

    def resumes(self) -> None:
        if self.link.resuming:
            self.link.resuming = False
            if self.link.closed:
                return
            try:
                self.conversation.resumed()
            except Exception as error:
                self._failed(error)

    def logs_in(self, user: str, password: str = "guest") -> Peer:
        """By PLAIN, as somebody."""
        assert self.asks(SaslHandshakeRequest[1](mechanism="PLAIN")).error_code == 0
        token = f"\0{user}\0{password}".encode()
        assert self.asks(SaslAuthenticateRequest[1](auth_bytes=token)).error_code == 0
        return self

    def leaves(self) -> None:
        """The connection breaks."""
        self.link.closed = True
        self.conversation.lost()
        self.stage.turn()

    def _failed(self, error: Exception) -> None:
        self.refusal = error
        self.conversation.refused(error)
        self.link.close()

    # Hearing.

    def frames(self) -> list[bytes]:
        """The whole frames that have come since the last call, without their length."""
        self._received += self.outbox.take()
        found = []
        while len(self._received) >= 4:
            size = int.from_bytes(self._received[:4], "big")
            if len(self._received) < 4 + size:
                break
            found.append(self._received[4 : 4 + size])
            self._received = self._received[4 + size :]
        return found

    def hears(self) -> list[Any]:
        """The answers that have come since the last call, in order; each has to be whole and of its request's kind."""
        answers = []
        for frame in self.frames():
            correlation_id, response_class = self._open.pop(0)
            answer = response_class.decode(frame, header=True)
            assert answer.header.correlation_id == correlation_id
            answers.append(answer)
        return answers

    def hears_nothing(self) -> None:
        assert self.frames() == []


def batch(
    *values: bytes, key: bytes | None = None, timestamp_ms: int = 1_700_000_000_000, codec: int = 0
) -> bytes:
    """A record batch as a producer makes it."""
    builder = MemoryRecordsBuilder(magic=2, compression_type=codec, batch_size=1 << 30)
    for index, value in enumerate(values):
        builder.append(timestamp=timestamp_ms + index, key=key, value=value, headers=[])
    builder.close()
    data: bytes = bytes(builder.buffer())
    return data


def values(records: bytes | None) -> list[bytes]:
    """What a consumer finds in the records of a fetch."""
    found: list[bytes] = []
    stored = MemoryRecords(records or b"")
    while stored.has_next():
        read = stored.next_batch()
        assert read is not None
        found.extend(bytes(record.value) for record in read)
    return found
