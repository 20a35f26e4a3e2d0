"""Requests and what a RabbitMQ 3.10.8 answered them with: rabbitmq_answers.json, in the order in which they were sent.

They begin with what `prepare` of tests/clients/management/test_recorded.py makes. Decides what counts as the same answer.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Final

NODE: Final = "rmq@localhost"
"""As the RabbitMQ called itself."""

DIFFERENT = {
    # RabbitMQ fails on this one.
    ("POST", "/api/queues/%2F/a/get", 500): 400,
}
"""Status where it is another one."""

WORDS_DIFFER = (
    "null_not_allowed",
    "540 ",
    "invalid exchange type",
    "if-empty flag set are not supported",
    "invalid_regexp",
    "recognised policy settings",
    "pattern should be regular expression",
    "not a valid maximum length",
    "Unrecognised terms",
)
"""Refusals that both give with the same status, in other words: where RabbitMQ shows Erlang's terms, or looks at something else first."""


class Step:
    """One request, and RabbitMQ's answer."""

    def __init__(self, number: int, row: dict[str, Any], node: str = NODE) -> None:
        self.number = number
        self.method: str = row["method"]
        self.path: str = row["path"].replace(NODE, node)
        self.login: str = row.get("login", "guest:guest")
        self.status: int = row["status"]
        self.location: str = row.get("location", "")
        self._row = row
        body = row.get("body")
        if isinstance(body, dict) and "<octets>" in body:
            self.octets: bytes | None = body["<octets>"].encode()
        else:
            self.octets = None if body is None else json.dumps(body).encode()

    def check(self, status: int, body: bytes, location: str) -> None:
        """Fails the test unless it is RabbitMQ's answer."""
        told = f"step {self.number}: {self.method} {self.path} {self.octets!r} -> {status} {body!r}"
        wanted = DIFFERENT.get((self.method, self.path, self.status), self.status)
        assert status == wanted, told
        assert normal(location) == normal(self.location), told
        if "answer" in self._row and wanted == self.status:
            compare(self._row["answer"], json.loads(body), told)


def steps(node: str = NODE) -> list[Step]:
    """All of them. node: as the broker at hand calls itself."""
    rows = json.loads((Path(__file__).parent / "rabbitmq_answers.json").read_text(encoding="utf-8"))
    return [Step(number, row, node) for number, row in enumerate(rows)]


RECORDED: Final = steps()


def normal(value: Any) -> Any:
    """Without what differs from broker to broker: hashes of passwords and arguments, versions, our two metadata keys."""
    if isinstance(value, dict):
        return {normal(key): normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return [normal(item) for item in value]
    if isinstance(value, str):
        value = re.sub(r"^[A-Za-z0-9+/]{48}$", "HASH", value)
        value = re.sub(r"^\w+@[\w.-]+$", "NODE", value)
        return re.sub(r"~[A-Za-z0-9_-]{6}$", "~HASHED", value)
    return value


def compare(recorded: Any, found: Any, told: str) -> None:
    recorded, found = normal(recorded), normal(found)
    if isinstance(recorded, dict) and "error" in recorded:
        assert found["error"] == recorded["error"], told
        if not any(words in str(recorded["reason"]) for words in WORDS_DIFFER):
            assert found["reason"] == recorded["reason"], told
        return
    if isinstance(recorded, dict):
        for key, value in recorded.items():
            if key == "message_stats":
                continue
            assert found.get(key) == value, f"{key}: {told}"
        return
    if isinstance(recorded, list):
        assert len(found) == len(recorded), told
        in_order = sorted(recorded, key=str), sorted(found, key=str)
        for one, other in zip(*in_order, strict=True):
            if isinstance(one, dict):
                for key, value in one.items():
                    if key != "properties" or value != []:
                        assert other.get(key) == value, f"{key}: {told}"
        return
    assert found == recorded, told
