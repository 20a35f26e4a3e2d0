"""Playbooks: requests in and answers out, over the real engine and a store in memory.

h11 and the standard library's XML parser are the independent readers. Nothing here decides what is right.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree

import h11

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.ports import Store
from onemq.engine.settings import EngineSettings
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sqs.native_reader import SqsNativeReader
from onemq.heads.contract import Called, Caller, Conversation, Link
from onemq.model.principal import Peer as PeerAddress
from onemq.model.record import NATIVE_SQS
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.storage.memory_store import MemoryStore

HOST = "localhost:4566"
START_MS = 1_700_000_000_000
OPERATOR_KEY = ("AKIAOPERATOR", "operator's secret")
READER_KEY = ("AKIAREADER", "reader's secret")


class StageLink(Link):
    """A connection without a socket; `log` keeps what the conversation asked for."""

    def __init__(self, outbox: ParkingOutbox, host: str, tls: bool) -> None:
        super().__init__(outbox, PeerAddress(host, 50000, "127.0.0.1", 4566, tls))
        self.closed = False
        self.publishing = False
        self.resuming = False
        self.held = False
        self.alarm = ""
        self.conversation: Conversation | None = None
        self.log: list[str] = []

    def touch(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        assert (send_ms, heartbeat) == (0, b"")
        self.idle_ms = receive_ms

    def logged_in(self) -> None:
        pass

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


class StageCaller(Caller):
    """Keeps the calls that the head asks for; the test answers them."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[tuple[str, str]], bytes, Called]] = []

    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        self.calls.append((url, headers, body, called))


class Stage:
    """One broker. Time stands still until `wait`."""

    def __init__(
        self, settings: AwsSettings | None = None, *, users: bool = False, store: Store | None = None
    ) -> None:
        """users: some are configured: everybody has to sign."""
        self.store: Store = store or MemoryStore(lambda: None)
        self._counter = 0
        self.broker = Broker(self.store, EngineSettings(namespaces=["/"]), self._entropy)
        self.broker.catalog.natives.register(NATIVE_SQS, SqsNativeReader())
        self.durability = Durability()
        self.now_ms = START_MS
        self.broker.begin_turn(self.now_ms)
        self.broker.recover()
        everything = Permission(".*", ".*", ".*")
        known = {
            "guest": User("guest", ["administrator"], None, loopback_only=True),
            "operator": User("operator", [], None, access_keys=dict([OPERATOR_KEY])),
            "reader": User("reader", [], None, access_keys=dict([READER_KEY])),
        }
        granted = {
            ("guest", "/"): everything,
            ("operator", "/"): everything,
            ("reader", "/"): Permission("^$", "^open", "^(open|read)"),
        }
        anonymous = "" if users else "guest"
        self.gate = Gate(Users(known), Permissions(["/"], granted), self.broker, anonymous)
        self.caller = StageCaller()
        self.head = AwsHead(self.gate, settings or AwsSettings(), self._entropy, self.caller)
        self.broker.notices.serve(self.head.sns.renderer, self.head.sns.courier)
        self.peers: list[Peer] = []

    def _entropy(self, size: int) -> bytes:
        self._counter += 1
        return self._counter.to_bytes(size, "big")

    def turn(self) -> None:
        """Ends the turn: what was put off, dispatch, commit, last words; as the net does it, until all is at rest."""
        more = True
        while more:
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

    def wait(self, milliseconds: int) -> None:
        """Lets time pass."""
        self.now_ms += milliseconds
        self.broker.tick(self.now_ms)
        self.turn()

    def connect(self, host: str = "127.0.0.1", tls: bool = False) -> Peer:
        peer = Peer(self, host, tls)
        self.peers.append(peer)
        return peer


class Answer:
    """One response. `body`: as it came; `json`, `xml`: as what it has to be."""

    def __init__(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        assert self.headers["content-type"] == "application/x-amz-json-1.0", self.body
        return json.loads(self.body)

    @property
    def xml(self) -> ElementTree.Element:
        assert self.headers["content-type"] == "text/xml", self.body
        root = ElementTree.fromstring(self.body)
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
        return root

    def __repr__(self) -> str:
        return f"{self.status} {self.headers} {self.body!r}"


class Failed(Exception):
    """What the service answered instead of a result: codes of both protocols."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(repr(answer))
        self.status = answer.status
        self.shape = answer.json["__type"].rpartition("#")[2]
        self.text = answer.json["message"]
        self.code = answer.headers["x-amzn-query-error"].partition(";")[0]


class Peer:
    """One connection: what a client says and hears."""

    def __init__(self, stage: Stage, host: str = "127.0.0.1", tls: bool = False) -> None:
        self.stage = stage
        self.outbox = ParkingOutbox(stage.durability)
        self.link = StageLink(self.outbox, host, tls)
        self.conversation = stage.head.open(self.link)
        self.link.conversation = self.conversation
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

    def sends(self, data: bytes) -> None:
        """Bytes, in one turn."""
        self.feeds(data)
        self.stage.turn()

    def encoded(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        host: str = HOST,
    ) -> bytes:
        """A request; its answer will be expected."""
        self._open.append(method)
        fields = {"Host": host, "Content-Length": str(len(body)), **(headers or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode() + body

    def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        host: str = HOST,
    ) -> Answer:
        self.sends(self.encoded(method, target, body, headers, host))
        return self.hears_one()

    def json_request(self, operation: str, **parameters: Any) -> bytes:
        headers = {
            "X-Amz-Target": f"AmazonSQS.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "x-amzn-query-mode": "true",
        }
        return self.encoded("POST", "/", json.dumps(parameters).encode(), headers)

    def says(self, operation: str, **parameters: Any) -> None:
        """A JSON request to SQS, whose answer may come later."""
        self.sends(self.json_request(operation, **parameters))

    def sqs(self, operation: str, **parameters: Any) -> Any:
        """A JSON request to SQS and its result. Raises Failed."""
        self.says(operation, **parameters)
        return self.result()

    def result(self) -> Any:
        """The result in the one answer that has come. Raises Failed."""
        answer = self.hears_one()
        if answer.status != 200:
            raise Failed(answer)
        return answer.json

    def query(self, action: str, path: str = "/", version: str = "2012-11-05", **parameters: str) -> Answer:
        """A Query request: `Attribute_1_Name="..."` for Attribute.1.Name."""
        form = {name.replace("_", "."): value for name, value in parameters.items()}
        body = urlencode({"Action": action, "Version": version, **form}).encode()
        return self.request("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})

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

    def hears_nothing(self) -> None:
        assert self.outbox.take() == b""
