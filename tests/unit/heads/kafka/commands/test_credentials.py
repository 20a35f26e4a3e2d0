"""SCRAM credentials over the wire, and a login with them."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from kafka.net.sasl.scram import ScramClient
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

from unit.heads.kafka.admin_requests import guest, log_in, made
from unit.heads.kafka.playbook import Peer, Stage

SHA_256, SHA_512 = 1, 2


def upsert(name: str, mechanism: int = SHA_256, password: bytes = b"p", **more: Any) -> dict[str, Any]:
    algorithm = "sha256" if mechanism == SHA_256 else "sha512"
    salted = hashlib.pbkdf2_hmac(algorithm, password, b"salt", 4096)
    return {
        "name": name,
        "mechanism": mechanism,
        "iterations": 4096,
        "salt": b"salt",
        "salted_password": salted,
        **more,
    }


def delete(name: str, mechanism: int = SHA_256) -> dict[str, Any]:
    return {"name": name, "mechanism": mechanism}


def alters(peer: Peer, upsertions: Any = (), deletions: Any = ()) -> dict[str, int]:
    request = made("AlterUserScramCredentials", 0, upsertions=list(upsertions), deletions=list(deletions))
    results = peer.asks(request).results
    assert all(bool(each.error_code) == bool(each.error_message) for each in results)
    return {each.user: each.error_code for each in results}


def described(peer: Peer, *names: str) -> dict[str, tuple[int, list[tuple[int, int]]]]:
    users = [{"name": name} for name in names] if names else None
    answer = peer.asks(made("DescribeUserScramCredentials", 0, users=users))
    assert (answer.error_code, answer.error_message) == (0, None)
    return {
        each.user: (each.error_code, [(info.mechanism, info.iterations) for info in each.credential_infos])
        for each in answer.results
    }


def logs_in(stage: Stage, user: str, password: str, mechanism: str) -> int:
    peer = stage.connect()
    client = ScramClient(user, password, mechanism)
    assert peer.asks(SaslHandshakeRequest[1](mechanism=mechanism)).error_code == 0
    first = peer.asks(SaslAuthenticateRequest[2](auth_bytes=client.first_message()))
    client.process_server_first_message(first.auth_bytes)
    final = peer.asks(SaslAuthenticateRequest[2](auth_bytes=client.final_message()))
    if final.error_code == 0:
        client.process_server_final_message(final.auth_bytes)
    return int(final.error_code)


def test_credentials_come_and_go() -> None:
    peer = guest()
    assert alters(peer, [upsert("u"), upsert("u", SHA_512, iterations=8192), upsert("v")]) == {"u": 0, "v": 0}
    expected = {"u": (0, [(SHA_256, 4096), (SHA_512, 8192)]), "v": (0, [(SHA_256, 4096)])}
    assert described(peer) == expected
    assert described(peer, "u", "nobody") == {"u": expected["u"], "nobody": (91, [])}
    assert described(peer, "u", "u") == {"u": (92, [])}
    assert alters(peer, deletions=[delete("v"), delete("w")]) == {"v": 0, "w": 91}
    assert described(peer) == {"u": expected["u"]}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (upsert(""), 93),
        (upsert("u", iterations=4095), 93),
        (upsert("u", iterations=16385), 93),
        (upsert("u", salt=b""), 93),
        (upsert("u", salted_password=b""), 93),
        (upsert("u", mechanism=0), 33),
        (upsert("u", mechanism=3), 33),
    ],
)
def test_what_is_refused(change: dict[str, Any], code: int) -> None:
    peer = guest()
    assert alters(peer, [change, upsert("other")]) == {change["name"]: code, "other": 0}
    assert list(described(peer)) == ["other"]


def test_a_user_is_changed_wholly_or_not_at_all() -> None:
    peer = guest()
    assert alters(peer, [upsert("u"), upsert("u", SHA_512, iterations=1)]) == {"u": 93}
    assert alters(peer, [upsert("u"), upsert("u")]) == {"u": 92}
    assert alters(peer, [upsert("u")], [delete("u")]) == {"u": 92}
    assert described(peer) == {}


@pytest.mark.parametrize(("number", "mechanism"), [(SHA_256, "SCRAM-SHA-256"), (SHA_512, "SCRAM-SHA-512")])
def test_a_login(number: int, mechanism: str) -> None:
    stage = Stage(users=True)
    assert logs_in(stage, "new", "p", mechanism) == 58
    alters(log_in(stage, "guest"), [upsert("new", number)])
    assert logs_in(stage, "new", "p", mechanism) == 0
    assert logs_in(stage, "new", "q", mechanism) == 58


def test_rights() -> None:
    stage = Stage(users=True)
    reader = log_in(stage, "reader")
    assert alters(reader, [upsert("reader")], [delete("guest")]) == {"reader": 31, "guest": 31}
    assert reader.asks(made("DescribeUserScramCredentials", 0, users=None)).error_code == 31
    assert stage.broker.catalog.administration.credentials.users() == []
