"""Password hashes: RabbitMQ's own vector, both algorithms, and what is refused."""

from __future__ import annotations

import base64
import hashlib

import pytest

from onemq.model.passwords import SHA256, SHA512, BadHash, hash_password, parse_hash


def test_rabbitmq_example() -> None:
    # The worked example of RabbitMQ's page on passwords: salt 908D C60A, password test12.
    encoded = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    assert hash_password("test12", bytes.fromhex("908DC60A")).encoded() == encoded
    assert parse_hash(encoded).matches("test12")
    assert not parse_hash(encoded).matches("test13")
    assert parse_hash(encoded).algorithm() == SHA256


def test_sha512_is_recognised_by_its_length() -> None:
    salt = b"\1\2\3\4"
    encoded = base64.b64encode(salt + hashlib.sha512(salt + "pässword".encode()).digest()).decode()
    assert parse_hash(encoded).matches("pässword")
    assert not parse_hash(encoded).matches("password")
    assert parse_hash(encoded).algorithm() == SHA512


@pytest.mark.parametrize("text", ["", "!!!", "AAAA", base64.b64encode(bytes(35)).decode()])
def test_other_texts_are_no_hashes(text: str) -> None:
    with pytest.raises(BadHash):
        parse_hash(text)
