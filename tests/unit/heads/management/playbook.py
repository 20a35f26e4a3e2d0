"""Playbooks: operators' requests in and answers out, over the real engine and a store in memory.

h11 is the independent reader. Nothing here decides what is right.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Sequence
from typing import Any

import h11

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.ports import Store
from onemq.engine.settings import EngineSettings
from onemq.heads.amqp091.native_reader import AmqpNativeReader
from onemq.heads.amqp091.settings import PREDECLARED_EXCHANGES
from onemq.heads.contract import Link
from onemq.heads.management.area import Area
from onemq.heads.management.head import ManagementHead
from onemq.heads.management.pages import LaterPage, Page, PageRequest
from onemq.heads.management.settings import ManagementSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer as PeerAddress
from onemq.model.record import NATIVE_AMQP091
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.storage.memory_store import MemoryStore
from unit.heads.stage_worker import StageWorker

START_MS = 1_700_000_000_000
GUEST = "guest:guest"
USERS = {
    "guest": ["administrator"],
    "monitor": ["monitoring"],
    "policies": ["policymaker"],
    "manager": ["management"],
    "plain": [],
}
"""Each with its name as its password."""


class StageLink(Link):
    """A connection without a socket; `log` keeps what the conversation asked for."""

    def __init__(self, outbox: ParkingOutbox, host: str) -> None:
        super().__init__(outbox, PeerAddress(host, 50000, "127.0.0.1", 15672))
        self.closed = False
        self.resuming = False
        self.held = False
        self.log: list[str] = []

    def touch(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        assert (send_ms, heartbeat) == (0, b"")

    def logged_in(self) -> None:
        pass

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        self.log.append(f"{user}@{client}" if client else user)

    def publishes(self) -> None:
        pass

    def again(self) -> None:
        self.resuming = True

    def hold_reading(self, hold: bool) -> None:
        assert hold != self.held, "said twice"
        self.held = hold

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        self.log.append(f"{reason}: {text}")


def no_areas(stage: Stage) -> Sequence[Area]:
    return ()


def live_page(request: PageRequest) -> Page | None:
    return Page(200, b"live\n") if request.path == "/health/live" else None


def late_page(request: PageRequest) -> LaterPage | None:
    """Completed by the test: `LATE` has those that wait."""
    if request.path != "/late":
        return None
    LATE.append(LaterPage())
    return LATE[-1]


LATE: list[LaterPage] = []


class Stage:
    """One broker. Time stands still until `wait`. areas: what the head serves, made over this stage."""

    def __init__(
        self,
        areas: Callable[[Stage], Sequence[Area]] = no_areas,
        *,
        settings: ManagementSettings | None = None,
        store: Store | None = None,
        directory: bool = False,
    ) -> None:
        """directory: its guest is the only user; USERS otherwise."""
        self.store: Store = store or MemoryStore(lambda: None)
        self._counter = 0
        engine = EngineSettings(
            namespaces=["/"] if directory else ["/", "other"],
            predeclared=list(PREDECLARED_EXCHANGES),
            directory=DirectorySettings(guest=True) if directory else None,
        )
        self.broker = Broker(self.store, engine, self._entropy)
        self.broker.catalog.natives.register(NATIVE_AMQP091, AmqpNativeReader())
        self.durability = Durability()
        self.now_ms = START_MS
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        users = {
            name: User(name, tags, hash_password(name, b"salt"), loopback_only=name == "guest")
            for name, tags in USERS.items()
        }
        everything = Permission(".*", ".*", ".*")
        granted = {
            ("guest", "/"): everything,
            ("guest", "other"): everything,
            ("manager", "/"): Permission("^$", "^open", "^(open|read)"),
            ("policies", "/"): everything,
            ("plain", "/"): everything,
        }
        self.gate = Gate(Users(users), Permissions(["/", "other"], granted), self.broker, "guest")
        if directory:
            known = self.broker.directory
            self.gate = Gate(Users({}, known), Permissions(["/"], {}, known), self.broker)
        self.head = ManagementHead(
            self.gate, settings or ManagementSettings(), [live_page, late_page], lambda: areas(self)
        )
        self.peers: list[Peer] = []
        self.worker = StageWorker()

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
            more = more or any(peer.link.resuming for peer in self.peers)
            more = more or self.worker.is_busy()

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.now_ms += milliseconds
        self.broker.tick(self.now_ms)
        self.turn()

    def connect(self, host: str = "127.0.0.1") -> Peer:
        peer = Peer(self, host)
        self.peers.append(peer)
        return peer


class Answer:
    """One response. `body`: as it came; `json`: what it has to be."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/json", self.body
        return json.loads(self.body)

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body!r}"


class Peer:
    """One connection: what a client says and hears."""

    def __init__(self, stage: Stage, host: str = "127.0.0.1") -> None:
        self.stage = stage
        self.outbox = ParkingOutbox(stage.durability)
        self.link = StageLink(self.outbox, host)
        self.conversation = stage.head.open(self.link)
        self.refusal: Exception | None = None
        self._http = h11.Connection(h11.CLIENT)
        self._open: list[str] = []

    # Saying.

    def feeds(self, data: bytes) -> None:
        """Bytes, without ending the turn; an error of the conversation is answered as the net does."""
        if self.link.closed:
            return
        try:
            self.conversation.received(data)
        except Exception as error:
            self._failed(error)

    def encoded(
        self,
        method: str,
        target: str,
        body: Any = None,
        login: str = GUEST,
        headers: dict[str, str] | None = None,
    ) -> bytes:
        """A request; its answer will be expected. body: octets, or what becomes JSON; None: none."""
        self._open.append(method)
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        fields = {"Host": "h", "Content-Length": str(len(content))}
        if login:
            fields["Authorization"] = "Basic " + base64.b64encode(login.encode()).decode()
        fields.update(headers or {})
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + content

    def sends(
        self,
        method: str,
        target: str,
        body: Any = None,
        login: str = GUEST,
        headers: dict[str, str] | None = None,
    ) -> None:
        """A request whose answer may come later."""
        self.feeds(self.encoded(method, target, body, login, headers))
        self.stage.turn()

    def asks(
        self,
        method: str,
        target: str,
        body: Any = None,
        login: str = GUEST,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        self.sends(method, target, body, login, headers)
        return self.hears_one()

    def gets(self, target: str, login: str = GUEST) -> Any:
        """JSON of a GET that succeeds."""
        answer = self.asks("GET", target, login=login)
        assert answer.status == 200, answer
        return answer.json

    def resumes(self) -> None:
        if self.link.resuming:
            self.link.resuming = False
            if self.link.closed:
                return
            try:
                self.conversation.resumed()
            except Exception as error:
                self._failed(error)

    def leaves(self) -> None:
        """The connection breaks."""
        self.link.closed = True
        self.conversation.lost()
        self.stage.peers.remove(self)
        self.stage.turn()

    def _failed(self, error: Exception) -> None:
        self.refusal = error
        self.conversation.refused(error)
        self.link.close()

    # Hearing.

    def hears(self) -> list[Answer]:
        """The answers that have come since the last call, in order."""
        data = self.outbox.take()
        answers: list[Answer] = []
        while data or self._http.trailing_data[0]:
            if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE:
                self._http.start_next_cycle()
            if self._http.our_state is h11.IDLE:
                method = self._open.pop(0) if self._open else "GET"
                self._http.send(h11.Request(method=method, target="/", headers=[("Host", "h")]))
                self._http.send(h11.EndOfMessage())
            if data:
                self._http.receive_data(data)
                data = b""
            event = self._http.next_event()
            assert isinstance(event, h11.Response), event
            body = b""
            while isinstance(part := self._http.next_event(), h11.Data):
                body += bytes(part.data)
            assert isinstance(part, h11.EndOfMessage), part
            headers = {name.decode(): value.decode() for name, value in event.headers}
            answers.append(Answer(event.status_code, headers, body))
            if self._http.their_state is h11.MUST_CLOSE:
                break
        return answers

    def hears_one(self) -> Answer:
        answers = self.hears()
        assert len(answers) == 1, (answers, self.refusal, self.link.log)
        return answers[0]
