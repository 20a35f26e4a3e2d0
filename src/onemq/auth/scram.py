"""SCRAM-SHA-256 and SCRAM-SHA-512, the server's side: challenge and proof, without ever seeing the password.

Job: run one exchange's two steps.
Must not: look anybody up; have randomness of its own (the nonce is an argument).
Spec: RFC 5802 (messages, algorithms), RFC 7677 (SHA-256). Passwords are taken as UTF-8 without SASLprep, as Kafka does.
No channel binding.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from onemq.auth.sasl import BadResponse
from onemq.engine.credentials import (
    HASHES,
    ITERATIONS,
    SALT_BYTES,
    SCRAM_SHA_256,
    SCRAM_SHA_512,
    ScramCredential,
    credential_of,
    salted_password,
)

__all__ = [
    "HASHES",
    "ITERATIONS",
    "ITERATIONS_MAX",
    "ITERATIONS_MIN",
    "NONCE_BYTES",
    "SALT_BYTES",
    "SCRAM_SHA_256",
    "SCRAM_SHA_512",
    "Derivation",
    "ScramExchange",
    "ScramPassword",
    "credential_of",
    "salted_password",
]

ITERATIONS_MIN: Final = 4096
ITERATIONS_MAX: Final = 16384
"""Kafka's bounds for credentials that a client sends."""
NONCE_BYTES: Final = 18


class ScramPassword:
    """A password from the settings: its credentials are derived when they are first asked for, so that the start does not wait.
    That takes some milliseconds: whoever has others to serve lets another thread do it (`Derivation`)."""

    __slots__ = ("_derived", "_password")

    def __init__(self, password: str) -> None:
        self._password = password.encode("utf-8", "surrogatepass")
        self._derived: dict[str, ScramCredential] = {}

    def derived(self, mechanism: str) -> ScramCredential | None:
        return self._derived.get(mechanism)

    def derive(self, mechanism: str, salt: bytes) -> None:
        """salt: used the first time only."""
        if mechanism not in self._derived:
            salted = salted_password(mechanism, self._password, salt, ITERATIONS)
            self._derived[mechanism] = credential_of(mechanism, salted, salt, ITERATIONS)


class Derivation:
    """A credential that a login waits for."""

    __slots__ = ("_mechanism", "_password", "_salt")

    def __init__(self, password: ScramPassword, mechanism: str, salt: bytes) -> None:
        self._password = password
        self._mechanism = mechanism
        self._salt = salt

    def work(self) -> None:
        """Takes long, on whatever thread; one such at a time."""
        self._password.derive(self._mechanism, self._salt)

    def credential(self) -> ScramCredential:
        """After `work`."""
        found = self._password.derived(self._mechanism)
        assert found is not None, "the credential has not been derived yet"
        return found


class ScramExchange:
    """One login: `first` takes the client's first message, `final` its proof.

    Attributes:
        user: who the client says it is, after `first`. proved: whether the proof fitted, after `final`.
    """

    def __init__(self, mechanism: str, nonce: str) -> None:
        """nonce: NONCE_BYTES of randomness as printable text without commas."""
        self.user = ""
        self.proved = False
        self._mechanism = mechanism
        self._nonce = nonce
        self._channel = ""
        self._first_bare = ""
        self._server_first = ""

    def first(self, message: bytes) -> str:
        """Takes the client's first message; returns the user. Raises BadResponse."""
        text = _text_of(message)
        binding, _, rest = text.partition(",")
        if binding not in ("n", "y"):
            raise BadResponse("SCRAM: channel binding is not offered")
        identity, comma, bare = rest.partition(",")
        if not comma or (identity and not identity.startswith("a=")):
            raise BadResponse("SCRAM: the first message has no GS2 header")
        self._channel = f"{binding},{identity},"
        fields = bare.split(",")
        if len(fields) < 2 or not fields[0].startswith("n=") or not fields[1].startswith("r="):
            raise BadResponse("SCRAM: the first message takes n=user,r=nonce")
        user = _name_of(fields[0][2:])
        if identity and _name_of(identity[2:]) != user:
            raise BadResponse(f"SCRAM: {user!r} may not act as another")
        if any(extension.lower() == "tokenauth=true" for extension in fields[2:]):
            raise BadResponse("SCRAM: delegation tokens are not offered")
        client_nonce = fields[1][2:]
        if not user or not client_nonce or not client_nonce.isascii() or not client_nonce.isprintable():
            raise BadResponse("SCRAM: the first message takes a user and a nonce")
        self.user = user
        self._first_bare = bare
        self._nonce = client_nonce + self._nonce
        return user

    def challenge(self, salt: bytes, iterations: int) -> bytes:
        """The server's first message."""
        encoded = base64.b64encode(salt).decode("ascii")
        self._server_first = f"r={self._nonce},s={encoded},i={iterations}"
        return self._server_first.encode("utf-8", "surrogatepass")

    def final(self, message: bytes, credential: ScramCredential) -> bytes:
        """Takes the proof; returns the server's own. `proved` says whether it fitted. Raises BadResponse."""
        text = _text_of(message)
        without_proof, separator, encoded = text.rpartition(",p=")
        fields = without_proof.split(",")
        if not separator or len(fields) < 2:
            raise BadResponse("SCRAM: the final message takes c=...,r=nonce,p=proof")
        if fields[0] != "c=" + base64.b64encode(self._channel.encode("utf-8")).decode("ascii"):
            raise BadResponse("SCRAM: the final message repeats another GS2 header")
        if fields[1] != "r=" + self._nonce:
            raise BadResponse("SCRAM: the final message has another nonce")
        try:
            proof = base64.b64decode(encoded, validate=True)
        except (binascii.Error, ValueError):
            raise BadResponse("SCRAM: the proof is not base64") from None
        name = HASHES[self._mechanism]
        signed = f"{self._first_bare},{self._server_first},{without_proof}".encode()
        signature = hmac.digest(credential.stored_key, signed, name)
        if len(proof) != len(signature):
            raise BadResponse(f"SCRAM: a proof of {len(proof)} bytes")
        client_key = bytes(left ^ right for left, right in zip(proof, signature, strict=True))
        self.proved = hmac.compare_digest(hashlib.new(name, client_key).digest(), credential.stored_key)
        server = hmac.digest(credential.server_key, signed, name)
        return b"v=" + base64.b64encode(server)


def _text_of(message: bytes) -> str:
    try:
        return message.decode("utf-8")
    except UnicodeDecodeError:
        raise BadResponse("SCRAM takes UTF-8") from None


def _name_of(encoded: str) -> str:
    """A name with its =2C and =3D taken back. Raises BadResponse."""
    name = encoded.replace("=2C", ",").replace("=3D", "\0")
    if "\0" in encoded or "=" in name:
        raise BadResponse("SCRAM: a bare = in a name")
    return name.replace("\0", "=")
