"""The door: mechanisms, logins, loopback, namespaces, rights. Over the real engine in memory."""

from __future__ import annotations

import pytest

from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.sasl import BadResponse, parse_plain
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.ports import REFUSED, Act, Auditor
from onemq.engine.settings import EngineSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Peer
from onemq.model.refusal import Reason, Refusal, Scope
from onemq.model.rights import CACHED_NAMES_MAX, NamePattern
from onemq.storage.memory_store import MemoryStore

LOCAL = Peer("127.0.0.1", 1)
REMOTE = Peer("10.0.0.5", 1)
CERTIFIED = Peer("10.0.0.5", 1, tls=True, certificate_name="CN=shop,O=acme")


@pytest.fixture
def gate() -> Gate:
    broker = Broker(
        MemoryStore(lambda: None), EngineSettings(namespaces=["/", "other"]), lambda count: bytes(count)
    )
    broker.begin_turn(1)
    broker.recover()
    password = hash_password("secret", b"salt")
    users = {
        "guest": User("guest", [], password, loopback_only=True),
        "alice": User("alice", ["administrator"], password),
        "CN=shop,O=acme": User("CN=shop,O=acme", [], None),
    }
    granted = {("alice", "/"): Permission("^a", ".*", "")}
    return Gate(Users(users), Permissions(["/", "other"], granted), broker)


def refused(gate: Gate, mechanism: str, response: bytes, peer: Peer) -> str:
    with pytest.raises(Refusal) as caught:
        gate.login(mechanism, response, peer)
    assert caught.value.reason == Reason.AUTHENTICATION_FAILED
    assert caught.value.scope == Scope.CONNECTION
    return caught.value.detail


def test_plain(gate: Gate) -> None:
    assert gate.login("PLAIN", b"\0alice\0secret", REMOTE).name == "alice"
    assert gate.login_plain("alice", "secret", REMOTE).tags == ["administrator"]
    assert "invalid credentials" in refused(gate, "PLAIN", b"\0alice\0wrong", REMOTE)
    assert "invalid credentials" in refused(gate, "PLAIN", b"\0nobody\0secret", REMOTE)
    assert "NUL" in refused(gate, "PLAIN", b"alice", REMOTE)
    assert "unknown mechanism" in refused(gate, "GSSAPI", b"", REMOTE)


def test_guest_comes_from_this_machine_only(gate: Gate) -> None:
    for peer in (LOCAL, Peer("::1", 1), Peer("::ffff:127.0.0.1", 1)):
        assert gate.login("PLAIN", b"\0guest\0secret", peer).name == "guest"
    assert "can only connect via localhost" in refused(gate, "PLAIN", b"\0guest\0secret", REMOTE)


def test_external_needs_a_verified_certificate_of_a_known_user(gate: Gate) -> None:
    assert gate.mechanisms(REMOTE) == ["PLAIN", "AMQPLAIN"]
    assert gate.mechanisms(CERTIFIED) == ["PLAIN", "AMQPLAIN", "EXTERNAL"]
    assert gate.login("EXTERNAL", b"", CERTIFIED).name == "CN=shop,O=acme"
    assert "without" in refused(gate, "EXTERNAL", b"alice", REMOTE)
    assert "not found" in refused(gate, "EXTERNAL", b"", Peer("10.0.0.5", 1, certificate_name="CN=other"))
    assert "invalid credentials" in refused(gate, "PLAIN", b"\0CN=shop,O=acme\0", CERTIFIED)


def test_namespaces(gate: Gate) -> None:
    alice = gate.login_plain("alice", "secret", REMOTE)
    assert gate.enter(alice, "/").namespace == "/"
    for namespace, detail in (("nope", "not found"), ("other", "access refused")):
        with pytest.raises(Refusal) as caught:
            gate.enter(alice, namespace)
        assert (caught.value.reason, caught.value.detail) == (Reason.NAMESPACE_DENIED, detail)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [("", "a", False), ("", "", False), (".*", "", True), ("^a", "ba", False), ("a", "ba", True),
     ("^amq\\.default$", "", True), ("^(a|b)$", "b", True), ("^$", "a", False)],
)  # fmt: skip
def test_patterns_are_searched_for_and_nothing_matches_nothing(
    pattern: str, name: str, expected: bool
) -> None:
    matcher = NamePattern(pattern)
    assert matcher.matches(name) is expected
    assert matcher.matches(name) is expected


def test_many_names_do_not_fill_the_memory() -> None:
    matcher = NamePattern("7$")
    for number in range(3 * CACHED_NAMES_MAX):
        assert matcher.matches(str(number)) is (number % 10 == 7)


@pytest.mark.parametrize(
    ("response", "expected"),
    [
        (b"\0a\0b", ("a", "b")),
        (b"a\0a\0b", ("a", "b")),
        ("\0ä\0ö".encode(), ("ä", "ö")),
        (b"\0a\0", ("a", "")),
    ],
)
def test_parse_plain(response: bytes, expected: tuple[str, str]) -> None:
    assert parse_plain(response) == expected


@pytest.mark.parametrize("response", [b"", b"a", b"\0a", b"\0a\0b\0c", b"\0\0b", b"\0\xff\0b", b"b\0a\0p"])
def test_parse_plain_refuses(response: bytes) -> None:
    with pytest.raises(BadResponse):
        parse_plain(response)


class Notebook(Auditor):
    def __init__(self) -> None:
        self.acts: list[Act] = []

    def note(self, act: Act) -> None:
        self.acts.append(act)


def test_logins_that_fail_are_for_the_audit_log() -> None:
    broker = Broker(MemoryStore(lambda: None), EngineSettings(), lambda count: bytes(count))
    broker.begin_turn(1)
    broker.recover()
    users = {"alice": User("alice", [], hash_password("secret", b"salt"), access_keys={"AKIA": "s"})}
    door = Gate(Users(users), Permissions(["/"], {}), broker)
    notebook = Notebook()
    broker.core.auditor = notebook
    refused(door, "PLAIN", b"\0alice\0wrong", REMOTE)
    refused(door, "EXTERNAL", b"", REMOTE)
    with pytest.raises(Refusal):
        door.login_plain("alice", "wrong", REMOTE)
    with pytest.raises(Refusal):
        door.sasl_exchange("PLAIN", REMOTE).step(b"\0alice\0wrong")
    with pytest.raises(Refusal):
        door.sasl_exchange("SCRAM-SHA-256", REMOTE).step(b"nonsense")
    principal = door.login_plain("alice", "secret", REMOTE)
    with pytest.raises(Refusal):
        door.enter(principal, "/", REMOTE)
    assert [act.user for act in notebook.acts] == ["alice", "", "alice", "alice", "", "alice"]
    assert {(act.action, act.result, act.peer) for act in notebook.acts} == {("log in", REFUSED, REMOTE)}
    assert [act.namespace for act in notebook.acts][-1] == "/"
    assert "invalid credentials" in notebook.acts[0].reason
    assert "secret" not in "".join(act.reason for act in notebook.acts)


def test_logins_are_counted(gate: Gate) -> None:
    totals = gate._broker.core.totals
    gate.login("PLAIN", b"\0alice\0secret", REMOTE)
    gate.login_plain("alice", "secret", REMOTE)
    refused(gate, "PLAIN", b"\0alice\0wrong", REMOTE)
    assert (totals.logins, totals.logins_failed) == (2, 1)
