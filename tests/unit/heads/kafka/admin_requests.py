"""Administrators' requests as kafka-python's objects, from plain maps."""

from __future__ import annotations

from typing import Any

from kafka.protocol import admin

from unit.heads.kafka.playbook import Peer, Stage


def made(name: str, version: int, **values: Any) -> Any:
    """The request of that name; maps in lists become its structures."""
    kind = getattr(admin, f"{name}Request")
    return kind[version](**_arguments(kind._struct, values))


def _arguments(struct: Any, values: dict[str, Any]) -> dict[str, Any]:
    return {name: _argument(struct.fields[name], value) for name, value in values.items()}


def _argument(field: Any, value: Any) -> Any:
    if isinstance(value, list):
        return [_argument(field, each) for each in value]
    if isinstance(value, dict):
        return field.data_class(**_arguments(field, value))
    return value


def guest(**settings: Any) -> Peer:
    return Stage(**settings).connect()


def create(peer: Peer, name: str, partitions: int = 1, **configs: str) -> Any:
    """Makes a topic; configs with _ for dots. The topic's part of the answer."""
    wanted = [{"name": key.replace("_", "."), "value": value} for key, value in configs.items()]
    topic = {
        "name": name,
        "num_partitions": partitions,
        "replication_factor": 1,
        "assignments": [],
        "configs": wanted,
    }
    return peer.asks(made("CreateTopics", 7, topics=[topic], timeout_ms=1000, validate_only=False)).topics[0]


def log_in(stage: Stage, user: str, password: str = "guest") -> Peer:
    """A peer that has authenticated with PLAIN, on a stage with users."""
    from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

    peer = stage.connect()
    assert peer.asks(SaslHandshakeRequest[1](mechanism="PLAIN")).error_code == 0
    answer = peer.asks(SaslAuthenticateRequest[1](auth_bytes=f"\0{user}\0{password}".encode()))
    assert answer.error_code == 0, answer.error_message
    return peer
