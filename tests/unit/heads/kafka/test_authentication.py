"""The login: mechanisms in both framings, what is served before, and how failures end."""

from __future__ import annotations

from typing import Any

import pytest

from onemq.heads.kafka import errors
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.refusal import WireError
from unit.heads.kafka.playbook import Peer, Stage
from unit.heads.kafka.requests import metadata

from kafka.net.sasl.scram import ScramClient  # isort: skip
from kafka.protocol.metadata import ApiVersionsRequest  # isort: skip
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest  # isort: skip

MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def handshake(peer: Peer, mechanism: str, version: int = 1) -> Any:
    return peer.asks(SaslHandshakeRequest[version](mechanism=mechanism))


def authenticate(peer: Peer, token: bytes, version: int = 2) -> Any:
    return peer.asks(SaslAuthenticateRequest[version](auth_bytes=token))


def framed(token: bytes) -> bytes:
    return len(token).to_bytes(4, "big") + token


def is_in(peer: Peer) -> bool:
    return not peer.link.closed and peer.asks(metadata(4, "t")).topics[0].error_code == errors.NONE


def test_without_users_everybody_on_this_machine_is_in() -> None:
    peer = Stage().connect()
    assert peer.link.logged and is_in(peer)
    far = Stage().connect("10.0.0.1")
    assert not far.link.logged
    far.says(metadata(4, "t"))
    assert isinstance(far.refusal, WireError) and "sasl.mechanism" in str(far.refusal)


def test_sasl_may_be_required_of_everybody() -> None:
    peer = Stage(KafkaSettings(sasl_required=True)).connect()
    peer.says(metadata(4, "t"))
    assert isinstance(peer.refusal, WireError)


@pytest.mark.parametrize("version", range(3))
def test_plain(version: int) -> None:
    peer = Stage(users=True).connect()
    assert peer.asks(ApiVersionsRequest[0]()).error_code == errors.NONE
    answer = handshake(peer, "PLAIN")
    assert (answer.error_code, list(answer.mechanisms)) == (errors.NONE, MECHANISMS)
    assert not peer.link.logged
    answer = authenticate(peer, b"\0guest\0guest", version)
    assert (answer.error_code, bytes(answer.auth_bytes)) == (errors.NONE, b"")
    assert peer.link.logged and "guest@playbook" in peer.link.log
    assert is_in(peer)


@pytest.mark.parametrize("mechanism", MECHANISMS[1:])
def test_scram(mechanism: str) -> None:
    peer = Stage(users=True).connect()
    client = ScramClient("guest", "guest", mechanism)
    assert handshake(peer, mechanism).error_code == errors.NONE
    client.process_server_first_message(bytes(authenticate(peer, client.first_message()).auth_bytes))
    answer = authenticate(peer, client.final_message())
    assert answer.error_code == errors.NONE
    client.process_server_final_message(bytes(answer.auth_bytes))
    assert is_in(peer)


@pytest.mark.parametrize("piece", [1, 1000])
def test_tokens_without_requests_around_them(piece: int) -> None:
    """SaslHandshake of version 0; the client does not wait before it goes on."""
    peer = Stage(users=True).connect()
    assert handshake(peer, "PLAIN", 0).error_code == errors.NONE
    data = framed(b"\0guest\0guest") + peer.encoded(metadata(4, "t"))
    for at in range(0, len(data), piece):
        peer.sends(data[at : at + piece])
    empty, answer = peer.frames()
    assert empty == b"" and len(answer) > 20


def test_scram_tokens_without_requests_around_them() -> None:
    peer = Stage(users=True).connect()
    client = ScramClient("guest", "guest", "SCRAM-SHA-256")
    handshake(peer, "SCRAM-SHA-256", 0)
    peer.sends(framed(client.first_message()))
    client.process_server_first_message(peer.frames()[0])
    peer.sends(framed(client.final_message()))
    client.process_server_final_message(peer.frames()[0])
    assert is_in(peer)


@pytest.mark.parametrize("raw", [False, True])
def test_a_password_is_derived_beside_the_turns(raw: bool) -> None:
    stage = Stage(users=True)
    stage.worker.rests = True
    peer, other = stage.connect(), stage.connect()
    client = ScramClient("guest", "guest", "SCRAM-SHA-512")
    handshake(peer, "SCRAM-SHA-512", 0 if raw else 1)
    first = client.first_message()
    if raw:
        peer.sends(framed(first))
    else:
        peer.says(SaslAuthenticateRequest[2](auth_bytes=first))
    peer.hears_nothing()
    handshake(other, "PLAIN")
    assert authenticate(other, b"\0guest\0guest").error_code == errors.NONE, "nobody else waits for it"
    stage.worker.rests = False
    stage.turn()
    if raw:
        client.process_server_first_message(peer.frames()[0])
        peer.sends(framed(client.final_message()))
        client.process_server_final_message(peer.frames()[0])
    else:
        (answer,) = peer.hears()
        client.process_server_first_message(bytes(answer.auth_bytes))
        client.process_server_final_message(bytes(authenticate(peer, client.final_message()).auth_bytes))
    assert is_in(peer)
    assert stage.worker.done == 1
    again = stage.connect()
    handshake(again, "SCRAM-SHA-512")
    assert authenticate(again, first).error_code == errors.NONE
    assert stage.worker.done == 1


def test_a_peer_that_goes_while_its_password_is_derived() -> None:
    stage = Stage(users=True)
    stage.worker.rests = True
    peer = stage.connect()
    handshake(peer, "SCRAM-SHA-256")
    peer.says(
        SaslAuthenticateRequest[2](auth_bytes=ScramClient("guest", "guest", "SCRAM-SHA-256").first_message())
    )
    peer.leaves()
    stage.worker.rests = False
    stage.turn()
    assert stage.worker.done == 1
    peer.hears_nothing()


@pytest.mark.parametrize("token", [b"\0guest\0wrong", b"\0nobody\0guest", b"nonsense", b""])
def test_a_failed_login_is_answered_and_closes(token: bytes) -> None:
    peer = Stage(users=True).connect()
    handshake(peer, "PLAIN")
    answer = authenticate(peer, token)
    assert answer.error_code == errors.SASL_AUTHENTICATION_FAILED
    assert "nobody" not in answer.error_message and "wrong" not in answer.error_message
    assert peer.link.closed and "login_refused" in peer.link.log[-1]


def test_a_failed_login_of_version_0_just_closes() -> None:
    peer = Stage(users=True).connect()
    handshake(peer, "PLAIN", 0)
    peer.sends(framed(b"\0guest\0wrong"))
    assert isinstance(peer.refusal, WireError) and peer.frames() == []


def test_a_user_that_may_only_come_from_this_machine() -> None:
    peer = Stage(users=True).connect("10.0.0.1")
    handshake(peer, "PLAIN")
    assert authenticate(peer, b"\0guest\0guest").error_code == errors.SASL_AUTHENTICATION_FAILED


def test_an_unknown_mechanism_is_told_which_there_are() -> None:
    peer = Stage(users=True).connect()
    answer = handshake(peer, "GSSAPI")
    assert (answer.error_code, list(answer.mechanisms)) == (errors.UNSUPPORTED_SASL_MECHANISM, MECHANISMS)
    assert peer.link.closed and "GSSAPI" in peer.link.log[-1]


def test_a_login_without_handshake_is_refused() -> None:
    peer = Stage(users=True).connect()
    assert authenticate(peer, b"\0guest\0guest").error_code == errors.ILLEGAL_SASL_STATE
    assert peer.link.closed


def test_a_peer_may_log_in_again() -> None:
    stage = Stage(users=True)
    peer = stage.connect()
    for user in (b"guest", b"reader"):
        handshake(peer, "PLAIN")
        assert authenticate(peer, b"\0" + user + b"\0guest").error_code == errors.NONE
    assert peer.asks(metadata(4, "secret")).topics[0].error_code == errors.TOPIC_AUTHORIZATION_FAILED


def test_requests_before_the_login_are_small() -> None:
    stage = Stage(KafkaSettings(login_request_bytes_max=100), users=True)
    peer = stage.connect()
    handshake(peer, "PLAIN")
    peer.says(SaslAuthenticateRequest[1](auth_bytes=bytes(200)))
    assert isinstance(peer.refusal, WireError)
    other = stage.connect()
    handshake(other, "PLAIN")
    assert authenticate(other, b"\0guest\0guest").error_code == errors.NONE
    assert len(other.asks(metadata(4, "t" * 200)).topics) == 1


def test_requests_after_a_login_without_requests_around_it_are_large() -> None:
    peer = Stage(KafkaSettings(login_request_bytes_max=100), users=True).connect()
    handshake(peer, "PLAIN", 0)
    peer.sends(framed(b"\0guest\0guest"))
    assert peer.frames() == [b""]
    assert len(peer.asks(metadata(4, "t" * 200)).topics) == 1


def test_a_pipelined_request_behind_the_login_has_the_larger_limit() -> None:
    peer = Stage(KafkaSettings(login_request_bytes_max=100), users=True).connect()
    handshake(peer, "PLAIN")
    peer.says(SaslAuthenticateRequest[1](auth_bytes=b"\0guest\0guest"), metadata(4, "t" * 200))
    assert len(peer.hears()) == 2
