"""status, hash-password: what they say, and how they end. doctor and bench have tests of their own."""

from __future__ import annotations

from clients.cli.conftest import Cli
from onemq.model.passwords import parse_hash


def test_status(onemq: Cli) -> None:
    found = onemq.json("status")
    ports = {each["protocol"]: each["port"] for each in found["listeners"]}
    assert {name: ports[name] for name in ("amqp", "kafka", "aws", "http")} == onemq.broker.ports
    text = onemq.text("status")
    assert f"process {onemq.broker.pid}" in text and "alarms" in text


def test_hashes(onemq: Cli) -> None:
    text = onemq.text("hash-password", "--stdin", input="secret\n").strip()
    assert parse_hash(text).matches("secret")
    assert parse_hash(onemq.json("hash-password", "--stdin", input="secret\n")["password_hash"]).matches(
        "secret"
    )
    assert "an empty password" in onemq.fails("hash-password", "--stdin", status=2)
