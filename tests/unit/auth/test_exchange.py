"""Logins of several steps through the gate: who gets in, and that an unknown user looks like a wrong password."""

from __future__ import annotations

import pytest

from onemq.auth.exchange import SaslExchange
from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.scram import SCRAM_SHA_256, SCRAM_SHA_512, ScramPassword, credential_of, salted_password
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.settings import EngineSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer, Principal
from onemq.model.refusal import Reason, Refusal
from onemq.storage.memory_store import MemoryStore

aiokafka = pytest.importorskip("aiokafka.conn")

LOCAL = Peer("127.0.0.1", 1)
REMOTE = Peer("10.0.0.5", 1)


def step(exchange: SaslExchange, response: bytes) -> bytes:
    """With the work that it takes."""
    answer = exchange.step(response)
    if exchange.work is None:
        return answer
    assert answer == b""
    exchange.work()
    return exchange.resume()


class World:
    def __init__(self, anonymous: str = "") -> None:
        self.count = 0
        self.broker = Broker(MemoryStore(lambda: None), EngineSettings(), self.entropy)
        self.broker.begin_turn(1)
        self.broker.recover()
        users = {
            "guest": User(
                "guest",
                [],
                hash_password("guest", b"salt"),
                loopback_only=True,
                scram=ScramPassword("guest"),
            ),
            "alice": User("alice", ["administrator"], hash_password("p", b"salt"), scram=ScramPassword("p")),
            "hashed": User("hashed", [], hash_password("p", b"salt")),
        }
        granted = {("alice", "/"): Permission(".*", ".*", ".*")}
        self.gate = Gate(Users(users), Permissions(["/"], granted), self.broker, anonymous)

    def entropy(self, size: int) -> bytes:
        self.count += 1
        return self.count.to_bytes(size, "big")

    def login(self, mechanism: str, user: str, password: str, peer: Peer = LOCAL) -> Principal:
        exchange = self.gate.sasl_exchange(mechanism, peer)
        client = aiokafka.ScramAuthenticator(
            loop=None, sasl_plain_password=password, sasl_plain_username=user, sasl_mechanism=mechanism
        )
        steps = client.authenticator_scram()
        final, _ = steps.send(step(exchange, next(steps)[0]))
        assert not exchange.done
        answer = exchange.step(final)
        with pytest.raises(StopIteration):
            steps.send(answer)
        assert exchange.done and exchange.principal is not None
        return exchange.principal

    def refused(self, mechanism: str, user: str, password: str, peer: Peer = LOCAL) -> str:
        with pytest.raises(Refusal) as caught:
            self.login(mechanism, user, password, peer)
        assert caught.value.reason == Reason.AUTHENTICATION_FAILED
        return caught.value.detail


def refused(exchange: SaslExchange, response: bytes) -> str:
    with pytest.raises(Refusal) as caught:
        exchange.step(response)
    assert caught.value.reason == Reason.AUTHENTICATION_FAILED
    assert not exchange.done
    return caught.value.detail


@pytest.mark.parametrize("mechanism", [SCRAM_SHA_256, SCRAM_SHA_512])
def test_scram_with_a_password_from_the_settings(mechanism: str) -> None:
    world = World()
    assert world.login(mechanism, "alice", "p").tags == ["administrator"]
    assert world.login(mechanism, "alice", "p", REMOTE).name == "alice"
    assert "invalid credentials" in world.refused(mechanism, "alice", "q")
    assert world.login(mechanism, "guest", "guest").name == "guest"
    assert "via localhost" in world.refused(mechanism, "guest", "guest", REMOTE)


def test_a_settings_password_is_derived_by_whoever_asks_first_and_not_here() -> None:
    world = World()
    first, second = (world.gate.sasl_exchange(SCRAM_SHA_256, LOCAL) for _ in range(2))
    for exchange in (first, second):
        assert exchange.step(b"n,,n=alice,r=x") == b"" and exchange.work is not None
    with pytest.raises(AssertionError):
        first.resume()
    for exchange in (second, first):
        assert exchange.work is not None
        exchange.work()
    # What two have asked for at the same time is derived once.
    assert first.resume().split(b",")[1:] == second.resume().split(b",")[1:]
    assert first.work is None
    with pytest.raises(AssertionError):
        first.resume()
    third = world.gate.sasl_exchange(SCRAM_SHA_256, LOCAL)
    assert third.step(b"n,,n=alice,r=x") and third.work is None
    assert world.gate.sasl_exchange(SCRAM_SHA_512, LOCAL).step(b"n,,n=alice,r=x") == b"", (
        "one for each mechanism"
    )
    world.login(SCRAM_SHA_256, "alice", "p")


def test_a_user_with_a_hash_only_is_told_what_to_do_in_the_log() -> None:
    world = World()
    text = world.refused(SCRAM_SHA_256, "hashed", "p")
    assert "password_hash" in text and "PLAIN" in text


def test_stored_credentials_make_a_user_without_permissions() -> None:
    world = World()
    stored = world.broker.catalog.administration.credentials
    salted = salted_password(SCRAM_SHA_512, b"s", b"salt", 4096)
    stored.store("bob", SCRAM_SHA_512, credential_of(SCRAM_SHA_512, salted, b"salt", 4096))
    principal = world.login(SCRAM_SHA_512, "bob", "s")
    assert (principal.name, principal.tags) == ("bob", [])
    assert "no SCRAM-SHA-256 credentials" in world.refused(SCRAM_SHA_256, "bob", "s")
    access = world.gate.enter_ruled(principal, "/", REMOTE)
    assert access.authority.host == "10.0.0.5"
    assert not access.topics.may_read("t") and not access.topics.may_write("t")
    with pytest.raises(Refusal) as caught:
        world.gate.enter(principal, "/")
    assert caught.value.reason == Reason.NAMESPACE_DENIED
    stored.remove("bob", SCRAM_SHA_512)
    world.refused(SCRAM_SHA_512, "bob", "s")


def test_stored_credentials_go_before_the_settings_password() -> None:
    world = World()
    salted = salted_password(SCRAM_SHA_256, b"new", b"salt", 4096)
    world.broker.catalog.administration.credentials.store(
        "alice", SCRAM_SHA_256, credential_of(SCRAM_SHA_256, salted, b"salt", 4096)
    )
    assert world.login(SCRAM_SHA_256, "alice", "new").tags == ["administrator"]
    world.refused(SCRAM_SHA_256, "alice", "p")


def test_an_unknown_user_is_challenged_like_a_known_one() -> None:
    world = World()

    def challenge(user: bytes) -> tuple[bytes, bytes]:
        fields = step(world.gate.sasl_exchange(SCRAM_SHA_256, LOCAL), b"n,,n=" + user + b",r=x").split(b",")
        return fields[1], fields[2]

    salt, iterations = challenge(b"nobody")
    assert challenge(b"nobody") == (salt, iterations)
    assert challenge(b"nobody2")[0] != salt
    known_salt, known_iterations = challenge(b"alice")
    assert iterations == known_iterations and len(salt) == len(known_salt)
    assert "no SCRAM-SHA-256 credentials" in world.refused(SCRAM_SHA_256, "nobody", "p")


def test_plain() -> None:
    world = World()
    exchange = world.gate.sasl_exchange("PLAIN", LOCAL)
    assert exchange.step(b"\0alice\0p") == b""
    assert exchange.principal is not None and exchange.principal.name == "alice"
    with pytest.raises(Refusal):
        exchange.step(b"\0alice\0p")
    assert "invalid credentials" in refused(world.gate.sasl_exchange("PLAIN", LOCAL), b"\0alice\0q")
    assert "NUL" in refused(world.gate.sasl_exchange("PLAIN", LOCAL), b"alice")


def test_nothing_follows_a_failure() -> None:
    world = World()
    exchange = world.gate.sasl_exchange(SCRAM_SHA_256, LOCAL)
    refused(exchange, b"nonsense")
    assert "over" in refused(exchange, b"n,,n=alice,r=x")
    with pytest.raises(Refusal):
        world.gate.sasl_exchange("GSSAPI", LOCAL)


def test_who_need_not_log_in() -> None:
    assert World("guest").gate.anonymous(LOCAL).name == "guest"
    for gate, peer in ((World("guest").gate, REMOTE), (World().gate, LOCAL)):
        with pytest.raises(Refusal) as caught:
            gate.anonymous(peer)
        assert caught.value.reason == Reason.AUTHENTICATION_FAILED
