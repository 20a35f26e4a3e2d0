"""The contract of /v1/: every request and every answer is held against the document that the broker itself gives."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote, urlencode

from jsonschema import Draft202012Validator

from onemq.heads.amqp091.words import AmqpWords
from onemq.heads.contract import Peers, PeerView, Profile
from onemq.heads.management.admin.api import admin_area
from onemq.heads.management.area import Area
from onemq.heads.management.rabbitmq.ports import Listening, NodeFacts
from onemq.model.principal import Peer as PeerAddress
from unit.heads.management.playbook import GUEST, Answer, Peer, Stage


class StagePeers(Peers):
    """One application is connected."""

    def __init__(self) -> None:
        super().__init__()
        self.closed: list[tuple[int, str]] = []
        profile = Profile("AMQP 0-9-1", "guest", "/", "an app")
        self.view = PeerView(7, "amqp", PeerAddress("127.0.0.1", 50001), profile, 1, 2, 3, 4)

    def views(self) -> list[PeerView]:
        return [] if self.closed else [self.view]

    def close(self, number: int, reason: str) -> bool:
        self.closed.append((number, reason))
        return True


class StageNode:
    name = "onemq@stage"
    version = "1.2.3"

    def facts(self) -> NodeFacts:
        return NodeFacts()

    def listening(self) -> list[Listening]:
        return [Listening("amqp", "127.0.0.1", 5672, False)]

    def certificate_ends_ms(self) -> int:
        return 0


class Contract:
    """A broker on a stage and one operator. `used`: operations that were answered as promised."""

    def __init__(self, login: str = GUEST) -> None:
        self.peers = StagePeers()
        self.stage = Stage(self._areas)
        self.peer: Peer = self.stage.connect()
        self.login = login
        self.document: dict[str, Any] = self.peer.gets("/v1/openapi.json", login=login)
        self.used: set[tuple[str, str]] = {("get", "/v1/openapi.json")}

    def _areas(self, stage: Stage) -> Sequence[Area]:
        return [admin_area(AmqpWords(), self.peers, StageNode(), stage.worker)]

    def operations(self) -> set[tuple[str, str]]:
        return {(method, path) for path, methods in self.document["paths"].items() for method in methods}

    def call(
        self,
        method: str,
        template: str,
        body: Any = None,
        *,
        query: dict[str, Any] | list[tuple[str, Any]] | None = None,
        status: int = 200,
        login: str | None = None,
        **values: str,
    ) -> Any:
        """The answer's JSON, after both sides were looked at. `/v1/` may be left out."""
        self.sends(method, template, body, query=query, login=login, **values)
        return self.hears(method, template, status)

    def sends(
        self,
        method: str,
        template: str,
        body: Any = None,
        *,
        query: dict[str, Any] | list[tuple[str, Any]] | None = None,
        login: str | None = None,
        **values: str,
    ) -> None:
        template = f"/v1/{template}"
        values.setdefault("namespace", "/")
        path = re.sub(r"\{(\w+)\}", lambda name: quote(values[name[1]], safe=""), template)
        if query:
            self._check_query(method, template, query)
            path += "?" + urlencode(query)
        self._check_body(method, template, body)
        self.peer.sends(method.upper(), path, body, login or self.login)

    def hears(self, method: str, template: str, status: int = 200) -> Any:
        answer = self.peer.hears_one()
        assert answer.status == status, answer
        self._check_answer(method, f"/v1/{template}", answer)
        return answer.json

    # The document.

    def _operation(self, method: str, template: str) -> dict[str, Any]:
        operation: dict[str, Any] = self.document["paths"][template][method]
        return operation

    def _check_query(self, method: str, template: str, query: Any) -> None:
        known = {each["name"] for each in self._operation(method, template)["parameters"]}
        names = [name for name, _ in query] if isinstance(query, list) else list(query)
        assert set(names) <= known, (template, names, known)

    def _check_body(self, method: str, template: str, body: Any) -> None:
        promised = self._operation(method, template).get("requestBody")
        if body is not None:
            assert promised is not None, f"{method} {template} takes no body"
            self._valid(body, promised["content"]["application/json"]["schema"])

    def _check_answer(self, method: str, template: str, answer: Answer) -> None:
        promised = self._operation(method, template)["responses"]
        kind = str(answer.status) if str(answer.status) in promised else "default"
        self._valid(answer.json, promised[kind]["content"]["application/json"]["schema"])
        if kind != "default":
            self.used.add((method, template))

    def _valid(self, value: Any, schema: dict[str, Any]) -> None:
        whole = {**self._closed(schema), "components": self._closed(self.document["components"])}
        Draft202012Validator(whole).validate(value)

    def _closed(self, schema: Any) -> Any:
        """The same, with members that it does not name forbidden: the document must say all that is told."""
        if isinstance(schema, list):
            return [self._closed(each) for each in schema]
        if not isinstance(schema, dict):
            return schema
        closed = {name: self._closed(each) for name, each in schema.items()}
        if closed.get("type") == "object" and "properties" in closed:
            closed.setdefault("additionalProperties", False)
        return closed
