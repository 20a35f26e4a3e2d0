"""SCRAM's server: the RFC's example, two clients' own implementations, and what is refused."""

from __future__ import annotations

import base64
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.auth.sasl import BadResponse
from onemq.auth.scram import (
    HASHES,
    SCRAM_SHA_256,
    SCRAM_SHA_512,
    Derivation,
    ScramExchange,
    ScramPassword,
    credential_of,
    salted_password,
)
from onemq.engine.credentials import ScramCredential

NONCE = "serverPart"


def credential(mechanism: str, password: bytes = b"pencil", iterations: int = 16) -> ScramCredential:
    salt = b"0123456789abcdef"
    return credential_of(mechanism, salted_password(mechanism, password, salt, iterations), salt, iterations)


def test_the_example_of_rfc_7677() -> None:
    salt = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ==")
    stored = credential_of(SCRAM_SHA_256, salted_password(SCRAM_SHA_256, b"pencil", salt, 4096), salt, 4096)
    exchange = ScramExchange(SCRAM_SHA_256, "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0")
    assert exchange.first(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO") == "user"
    nonce = b"rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
    assert exchange.challenge(salt, 4096) == b"r=" + nonce + b",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"
    answer = exchange.final(b"c=biws,r=" + nonce + b",p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", stored)
    assert answer == b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
    assert exchange.proved


@pytest.mark.parametrize("mechanism", list(HASHES))
@pytest.mark.parametrize("user", ["alice", "a,b=c", "=2C", "ünïcode"])
def test_aiokafkas_client(mechanism: str, user: str) -> None:
    aiokafka = pytest.importorskip("aiokafka.conn")
    client = aiokafka.ScramAuthenticator(
        loop=None, sasl_plain_password="pencil", sasl_plain_username=user, sasl_mechanism=mechanism
    )
    steps = client.authenticator_scram()
    first, _ = next(steps)
    exchange = ScramExchange(mechanism, NONCE)
    assert exchange.first(first) == user
    stored = credential(mechanism)
    final, _ = steps.send(exchange.challenge(stored.salt, stored.iterations))
    answer = exchange.final(final, stored)
    assert exchange.proved
    with pytest.raises(StopIteration):  # it is convinced: another signature would raise ValueError
        steps.send(answer)


@pytest.mark.parametrize("mechanism", list(HASHES))
def test_kafka_pythons_client(mechanism: str) -> None:
    scram = pytest.importorskip("kafka.net.sasl.scram")
    client = scram.ScramClient("alice", "pencil", mechanism)
    exchange = ScramExchange(mechanism, NONCE)
    assert exchange.first(client.first_message()) == "alice"
    stored = credential(mechanism)
    client.process_server_first_message(exchange.challenge(stored.salt, stored.iterations))
    answer = exchange.final(client.final_message(), stored)
    assert exchange.proved
    client.process_server_final_message(answer)


def test_another_password_proves_nothing() -> None:
    aiokafka = pytest.importorskip("aiokafka.conn")
    client = aiokafka.ScramAuthenticator(
        loop=None, sasl_plain_password="wrong", sasl_plain_username="alice", sasl_mechanism=SCRAM_SHA_512
    )
    steps = client.authenticator_scram()
    exchange = ScramExchange(SCRAM_SHA_512, NONCE)
    exchange.first(next(steps)[0])
    stored = credential(SCRAM_SHA_512)
    final, _ = steps.send(exchange.challenge(stored.salt, stored.iterations))
    exchange.final(final, stored)
    assert not exchange.proved


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"p=tls-unique,,n=a,r=b", "channel binding"),
        (b"n,,n=a", "n=user,r=nonce"),
        (b"n", "GS2"),
        (b"n,a=b,n=a,r=x", "may not act"),
        (b"n,,n=,r=x", "a user and a nonce"),
        (b"n,,n=a,r=", "a user and a nonce"),
        (b"n,,m=ext,n=a,r=x", "n=user,r=nonce"),
        (b"n,,n=a=b,r=x", "bare ="),
        (b"n,,n=a\0b,r=x", "bare ="),
        (b"n,,n=a,r=x,tokenauth=true", "tokens"),
        (b"n,,n=\xff,r=x", "UTF-8"),
    ],
)
def test_first_messages_that_are_refused(message: bytes, text: str) -> None:
    with pytest.raises(BadResponse, match=re.escape(text)):
        ScramExchange(SCRAM_SHA_256, NONCE).first(message)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (b"", "takes c="),
        (b"c=biws,r=xserverPart", "takes c="),
        (b"c=eSws,r=xserverPart,p=AA==", "GS2"),
        (b"c=biws,r=xotherPart,p=AA==", "nonce"),
        (b"c=biws,r=xserverPart,p=***", "base64"),
        (b"c=biws,r=xserverPart,p=AA==", "1 bytes"),
    ],
)
def test_final_messages_that_are_refused(message: bytes, text: str) -> None:
    exchange = ScramExchange(SCRAM_SHA_256, NONCE)
    exchange.first(b"n,,n=a,r=x")
    exchange.challenge(b"salt", 4096)
    with pytest.raises(BadResponse, match=re.escape(text)):
        exchange.final(message, credential(SCRAM_SHA_256))
    assert not exchange.proved


@given(st.binary(max_size=80))
def test_any_bytes_are_a_name_or_refused(message: bytes) -> None:
    exchange = ScramExchange(SCRAM_SHA_256, NONCE)
    try:
        assert exchange.first(message)
    except BadResponse:
        assert exchange.user == ""


def test_a_password_is_derived_once() -> None:
    password = ScramPassword("pencil")
    assert password.derived(SCRAM_SHA_256) is None
    password.derive(SCRAM_SHA_256, b"salt")
    first = password.derived(SCRAM_SHA_256)
    assert first is not None and (first.salt, first.iterations) == (b"salt", 4096)
    derivation = Derivation(password, SCRAM_SHA_256, b"other")
    derivation.work()
    assert derivation.credential() is first
    derivation = Derivation(password, SCRAM_SHA_512, b"other")
    with pytest.raises(AssertionError):
        derivation.credential()
    derivation.work()
    assert derivation.credential().salt == b"other"
