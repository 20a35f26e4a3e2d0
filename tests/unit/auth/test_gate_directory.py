"""Users and namespaces of the directory at the door: logins of every kind, who needs one, and rights that change behind it."""

from __future__ import annotations

import pytest

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permissions
from onemq.auth.users import Users
from onemq.engine.broker import Broker
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.engine.directory.records import UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer, Principal
from onemq.model.refusal import Reason, Refusal
from onemq.storage.memory_store import MemoryStore

aiokafka = pytest.importorskip("aiokafka.conn")

LOCAL = Peer("127.0.0.1", 1)
REMOTE = Peer("10.0.0.5", 1)


class World:
    def __init__(self) -> None:
        self.count = 0
        settings = EngineSettings(directory=DirectorySettings(guest=True))
        self.broker = Broker(MemoryStore(lambda: None), settings, self.entropy)
        self.broker.begin_turn(1)
        self.broker.recover()
        self.directory: Directory = self.broker.directory
        self.gate = Gate(Users({}, self.directory), Permissions(["/"], {}, self.directory), self.broker)

    def entropy(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def scram(self, user: str, password: str, mechanism: str = "SCRAM-SHA-256") -> Principal:
        exchange = self.gate.sasl_exchange(mechanism, LOCAL)
        client = aiokafka.ScramAuthenticator(
            loop=None, sasl_plain_password=password, sasl_plain_username=user, sasl_mechanism=mechanism
        )
        steps = client.authenticator_scram()
        challenge = exchange.step(next(steps)[0])
        if exchange.work is not None:
            exchange.work()
            challenge = exchange.resume()
        final, _ = steps.send(challenge)
        exchange.step(final)
        assert exchange.principal is not None
        return exchange.principal

    def fails(self, user: str, password: str) -> None:
        with pytest.raises(Refusal) as caught:
            self.gate.login_plain(user, password, LOCAL)
        assert caught.value.reason == Reason.AUTHENTICATION_FAILED
        with pytest.raises(Refusal):
            self.scram(user, password)


def test_a_password_set_at_run_time_logs_in_by_plain_and_scram() -> None:
    world = World()
    world.fails("ann", "one")
    world.directory.store_password(UserRecord("ann", "", ["x"]), world.directory.new_password("one"))
    for password in ("one", "two"):
        world.directory.store_password(UserRecord("ann", "", ["x"]), world.directory.new_password(password))
        assert world.gate.login_plain("ann", password, REMOTE).tags == ["x"]
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            assert world.scram("ann", password, mechanism).name == "ann"
    world.fails("ann", "one")
    world.directory.remove_user("ann")
    world.fails("ann", "two")


def test_a_hash_logs_in_by_plain_only() -> None:
    world = World()
    world.directory.store_password(UserRecord("ann", "", []), world.directory.new_password("old"))
    world.directory.store_hash(UserRecord("ann", hash_password("new", b"salt").encoded(), []))
    assert world.gate.login_plain("ann", "new", REMOTE).name == "ann"
    with pytest.raises(Refusal) as caught:
        world.scram("ann", "new")
    assert "only a password_hash" in caught.value.detail
    world.fails("ann", "old")


def test_guest_logs_in_from_here_by_plain_and_scram() -> None:
    world = World()
    assert world.gate.login_plain("guest", "guest", LOCAL).tags == ["administrator"]
    assert world.scram("guest", "guest").name == "guest"
    with pytest.raises(Refusal):
        world.gate.login_plain("guest", "guest", REMOTE)


def test_nobody_needs_a_login_while_guest_has_its_first_password() -> None:
    world = World()
    gate = world.gate
    assert not gate.needs_login() and gate.anonymous(LOCAL).name == "guest"
    with pytest.raises(Refusal):
        gate.anonymous(REMOTE)
    world.directory.store_password(UserRecord("ann", "", []), world.directory.new_password("p"))
    assert not gate.needs_login() and gate.anonymous(LOCAL).name == "guest"
    world.directory.store_password(
        UserRecord("guest", "", ["administrator"]), world.directory.new_password("own")
    )
    assert gate.needs_login()
    with pytest.raises(Refusal):
        gate.anonymous(LOCAL)
    world.directory.store_password(UserRecord("guest", "", []), world.directory.new_password("guest"))
    assert not gate.needs_login()
    world.directory.remove_user("guest")
    assert gate.needs_login()
    with pytest.raises(Refusal):
        gate.anonymous(LOCAL)


def test_namespaces_and_rights_of_the_directory() -> None:
    world = World()
    gate, directory = world.gate, world.directory
    ann = Principal("ann", [])
    with pytest.raises(Refusal) as caught:
        gate.enter(ann, "shop", LOCAL)
    assert caught.value.detail == "not found"
    directory.add_namespace(NamespaceRecord("shop"))
    with pytest.raises(Refusal) as caught:
        gate.enter(ann, "shop", LOCAL)
    assert caught.value.detail == "access refused"
    directory.store_password(UserRecord("ann", "", []), directory.new_password("p"))
    # Protocols with access rules let her in without rights: those that come later are hers at once.
    ruled = gate.enter_ruled(ann, "shop", LOCAL)
    with pytest.raises(Refusal):
        ruled.queues.declare("q", QueueSettings())
    directory.permissions.grant("ann", "shop", ".*", ".*", ".*")
    ruled.queues.declare("q", QueueSettings())
    access = gate.enter(ann, "shop", LOCAL)
    access.queues.declare("q", QueueSettings())
    assert gate.namespaces_of(ann) == ["shop"]
    directory.permissions.revoke("ann", "shop")
    for each in (ruled, access):
        with pytest.raises(Refusal):
            each.queues.declare("other", QueueSettings())
    directory.remove_namespace("shop")
    with pytest.raises(Refusal) as caught:
        gate.enter(ann, "shop", LOCAL)
    assert caught.value.detail == "not found"


def test_access_keys_of_the_directory() -> None:
    world = World()
    world.directory.users.store(UserRecord("ann", "", [], {"AKIA": "secret"}))
    users = Users({}, world.directory)
    found = users.find_access_key("AKIA")
    assert found is not None and found[0].principal.name == "ann" and found[1] == "secret"
    assert users.find_access_key("OTHER") is None
