"""Requests in steps: others have their turns in between, what takes long is done beside them, and both ends come at any moment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onemq.heads.management.stepping import SLICE
from unit.heads.management.playbook import Peer
from unit.heads.management.rabbitmq_stage import RabbitStage


@pytest.fixture
def stage() -> RabbitStage:
    return RabbitStage()


@pytest.fixture
def peer(stage: RabbitStage) -> Peer:
    return stage.connect()


def users(names: Sequence[str]) -> dict[str, object]:
    return {"users": [{"name": name, "password": name, "tags": "management"} for name in names]}


def test_passwords_of_an_import_are_derived_beside_the_turns(stage: RabbitStage, peer: Peer) -> None:
    stage.worker.rests = True
    peer.sends("POST", "/api/definitions", users(["a", "b"]))
    directory = stage.broker.directory
    assert len(stage.worker.waiting) == 1 and directory.users.find("a") is None
    # Somebody else is served meanwhile.
    other = stage.connect()
    assert other.asks("PUT", "/api/queues/%2F/q", {"durable": True}).status == 201
    stage.worker.rests = False
    stage.turn()
    assert [answer.status for answer in peer.hears()] == [204]
    assert stage.worker.done == 2
    assert other.asks("GET", "/api/whoami", login="b:b").status == 200


def test_so_is_the_password_of_one_user(stage: RabbitStage, peer: Peer) -> None:
    path = "/api/users/a"
    stage.worker.rests = True
    peer.sends("PUT", path, {"password": "p", "tags": "management"})
    assert peer.hears() == [] and len(stage.worker.waiting) == 1
    stage.worker.rests = False
    stage.turn()
    assert [answer.status for answer in peer.hears()] == [201]
    assert peer.asks("GET", "/api/whoami", login="a:p").status == 200
    # A hash needs no work.
    assert peer.asks("PUT", path, {"password_hash": "", "tags": ""}).status == 204
    assert stage.worker.done == 1


def test_a_long_import_leaves_turns_to_others(stage: RabbitStage, peer: Peer) -> None:
    names = [f"q{number:04}" for number in range(3 * SLICE)]
    queues = [{"name": name, "vhost": "/", "durable": True} for name in names]
    peer.feeds(peer.encoded("POST", "/api/definitions", {"queues": queues}))
    made = stage.broker.catalog.namespaces["/"].queues
    assert len(made) == SLICE
    stage.turn()
    assert len(made) == len(names) and [answer.status for answer in peer.hears()] == [204]


def test_an_import_ends_with_its_connection(stage: RabbitStage, peer: Peer) -> None:
    stage.worker.rests = True
    peer.sends("POST", "/api/definitions", users(["a", "b"]))
    peer.leaves()
    stage.worker.rests = False
    stage.turn()
    assert stage.broker.directory.users.find("a") is None


def test_an_import_is_told_that_the_broker_stops(stage: RabbitStage, peer: Peer) -> None:
    stage.worker.rests = True
    peer.sends("POST", "/api/definitions", users(["a", "b"]))
    peer.conversation.drain("stopping")
    stage.worker.rests = False
    stage.turn()
    assert [answer.status for answer in peer.hears()] == [503]
    assert stage.broker.directory.users.find("a") is None


def test_a_refusal_after_some_turns_is_answered(stage: RabbitStage, peer: Peer) -> None:
    body = {**users(["a"]), "permissions": [{"user": "a", "vhost": "nowhere"}]}
    answer = peer.asks("POST", "/api/definitions", body)
    assert answer.status == 400 and stage.broker.directory.users.find("a") is not None
