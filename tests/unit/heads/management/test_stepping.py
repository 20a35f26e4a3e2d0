"""Requests in steps: others have their turns in between, what takes long is done beside them, and both ends come at any moment."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from onemq.engine.directory.policies import Policy
from onemq.engine.directory.records import UserRecord
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.heads.amqp091.words import AmqpWords
from onemq.heads.contract import Profile
from onemq.heads.management.admin.api import admin_area
from onemq.heads.management.area import Area
from onemq.heads.management.stepping import SLICE
from onemq.model.entities import ExchangeSettings, QueueSettings
from unit.heads.management.playbook import Peer, Stage
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


class Crowded(RabbitStage):
    """Both areas, and more of everything than one turn shows."""

    COUNT = SLICE + 50

    def areas(self, stage: Stage) -> Sequence[Area]:
        admin = admin_area(AmqpWords(), self.peers_shown, self.node, stage.worker)
        return [*super().areas(stage), admin]

    def __init__(self) -> None:
        super().__init__()
        access = self.access
        directory = self.broker.directory
        for number in range(self.COUNT):
            name = f"n{number:04}"
            access.queues.declare(f"q{name}", QueueSettings())
            access.exchanges.declare(f"e{name}", ExchangeSettings("direct"))
            access.exchanges.bind_queue(f"q{name}", f"e{name}", name, {})
            access.topics.create(f"t{name}", 1, {})
            access.groups.commit(f"g{name}", Membership(), [Commit(f"t{name}", 0, 0)], False)
            directory.users.store(UserRecord(name, "", []))
            directory.permissions.grant(name, "/", "", "", "")
            directory.set_policy(Policy("/", name, f"^x{name}$", {"max-length": 1}))
            self.peers_shown.add(Profile("AMQP 0-9-1", name, "/"), 1000 + number)
        self.turn()


@pytest.fixture(scope="module")
def crowded() -> Crowded:
    return Crowded()


@pytest.mark.parametrize(
    ("path", "least"),
    [
        ("/v1/queues", Crowded.COUNT),
        ("/v1/exchanges", Crowded.COUNT),
        ("/v1/bindings", Crowded.COUNT),
        ("/v1/topics", Crowded.COUNT),
        ("/v1/groups", Crowded.COUNT),
        ("/v1/users", Crowded.COUNT),
        ("/v1/permissions", Crowded.COUNT),
        ("/v1/policies", Crowded.COUNT),
        ("/v1/connections", Crowded.COUNT),
        ("/v1/namespaces", 1),
        ("/v1/overview", 1),
        ("/v1/definitions", 1),
        ("/api/definitions", 1),
        ("/api/definitions/%2F", 1),
        ("/api/overview", 1),
        ("/api/vhosts", 1),
        ("/api/vhosts/%2F", 1),
        ("/api/exchanges", Crowded.COUNT),
        ("/api/bindings", Crowded.COUNT),
        ("/api/users", Crowded.COUNT),
        ("/api/permissions", Crowded.COUNT),
    ],
)
def test_what_shows_very_many_takes_several_turns(crowded: Crowded, path: str, least: int) -> None:
    peer = crowded.connect()
    peer.feeds(peer.encoded("GET", path))
    assert peer.hears() == [], "all of it was made in one turn"
    crowded.turn()
    (answer,) = peer.hears()
    assert answer.status == 200 and len(answer.json) >= least


def test_definitions_name_everything_in_several_turns(crowded: Crowded) -> None:
    peer = crowded.connect()
    ours = peer.gets("/v1/definitions")
    assert {name: len(ours[name]) for name in ("queues", "topics", "exchanges", "bindings", "policies")} == {
        "queues": Crowded.COUNT,
        "topics": Crowded.COUNT,
        "exchanges": Crowded.COUNT,
        "bindings": Crowded.COUNT,
        "policies": Crowded.COUNT,
    }
    theirs = peer.gets("/api/definitions")
    assert len(theirs["bindings"]) == len(theirs["exchanges"]) == len(theirs["policies"]) == Crowded.COUNT


@pytest.mark.parametrize("path", ["/v1/definitions", "/api/definitions"])
def test_what_goes_while_definitions_are_written_is_nowhere_in_them(path: str) -> None:
    stage = Crowded()
    peer = stage.connect()
    peer.feeds(peer.encoded("GET", path))
    last = f"n{Crowded.COUNT - 1:04}"
    stage.access.exchanges.delete("en0000")
    stage.access.queues.delete(f"q{last}")
    # Where others were shown already, and this one not yet.
    stage.access.queues.declare("qaaa", QueueSettings())
    stage.access.exchanges.bind_queue("qaaa", f"e{last}", "late", {})
    stage.turn()
    (answer,) = peer.hears()
    found = answer.json
    exchanges = {each["name"] for each in found["exchanges"]}
    queues = {each["name"] for each in found["queues"]}
    assert "en0000" not in exchanges and f"q{last}" not in queues and "qaaa" not in queues
    assert all(each["source"] in exchanges and each["destination"] in queues for each in found["bindings"])
    assert len(found["bindings"]) == Crowded.COUNT - 2


@pytest.mark.parametrize("path", ["/v1/exchanges", "/v1/bindings", "/api/exchanges", "/api/bindings"])
def test_a_list_leaves_out_what_goes_meanwhile(path: str) -> None:
    stage = Crowded()
    peer = stage.connect()
    peer.feeds(peer.encoded("GET", path))
    stage.access.exchanges.delete(f"en{Crowded.COUNT - 1:04}")
    stage.turn()
    (answer,) = peer.hears()
    assert answer.status == 200 and f"en{Crowded.COUNT - 1:04}" not in answer.body.decode()
