"""Users and their passwords: salted hashes as RabbitMQ makes and exports them, and a look-up that tells nobody what exists.

A hash is base64 of a 4-byte salt followed by SHA-256 or SHA-512 of salt and password (RabbitMQ: "Credentials and
Passwords", section "This is the algorithm"); which of the two it is shows in its length. No file, no randomness here:
the salt is an argument.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from typing import Final

from onemq.auth.scram import ScramPassword
from onemq.model.principal import Principal

SALT_BYTES: Final = 4
_SHA256_BYTES: Final = 32
_SHA512_BYTES: Final = 64


class BadHash(ValueError):
    """Not a password hash as RabbitMQ exports them."""


class PasswordHash:
    """Salt and digest of one password."""

    __slots__ = ("_digest", "_salt")

    def __init__(self, salt: bytes, digest: bytes) -> None:
        self._salt = salt
        self._digest = digest

    def matches(self, password: str) -> bool:
        candidate = _digest(self._salt, password, len(self._digest))
        return hmac.compare_digest(candidate, self._digest)

    def encoded(self) -> str:
        return base64.b64encode(self._salt + self._digest).decode("ascii")


def hash_password(password: str, salt: bytes) -> PasswordHash:
    """SHA-256, the algorithm RabbitMQ uses by default. salt: SALT_BYTES of randomness."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"a salt has {SALT_BYTES} bytes, not {len(salt)}")
    return PasswordHash(salt, _digest(salt, password, _SHA256_BYTES))


def parse_hash(encoded: str) -> PasswordHash:
    """Raises BadHash."""
    try:
        raw = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadHash(f"not base64: {error}") from None
    if len(raw) - SALT_BYTES not in (_SHA256_BYTES, _SHA512_BYTES):
        sizes = f"{SALT_BYTES + _SHA256_BYTES} (SHA-256) or {SALT_BYTES + _SHA512_BYTES} (SHA-512)"
        raise BadHash(f"{len(raw)} bytes instead of {sizes}")
    return PasswordHash(raw[:SALT_BYTES], raw[SALT_BYTES:])


def _digest(salt: bytes, password: str, digest_bytes: int) -> bytes:
    algorithm = hashlib.sha512 if digest_bytes == _SHA512_BYTES else hashlib.sha256
    return algorithm(salt + password.encode("utf-8", "surrogatepass")).digest()


class User:
    """One user. `password` None: cannot log in with a password (only with a certificate).

    `scram`: the same password for SCRAM, None when only its hash is known. `access_keys`: id → secret, for signatures.
    """

    __slots__ = ("access_keys", "loopback_only", "password", "principal", "scram")

    def __init__(
        self,
        name: str,
        tags: list[str],
        password: PasswordHash | None,
        loopback_only: bool = False,
        scram: ScramPassword | None = None,
        access_keys: Mapping[str, str] | None = None,
    ) -> None:
        self.principal = Principal(name, tags)
        self.password = password
        self.loopback_only = loopback_only
        self.scram = scram
        self.access_keys = dict(access_keys or {})


class Users:
    """All users by name."""

    def __init__(self, users: Mapping[str, User]) -> None:
        self._users = dict(users)
        self._by_access_key = {key: user for user in users.values() for key in user.access_keys}
        self._nobody = hash_password("", bytes(SALT_BYTES))

    def find(self, name: str) -> User | None:
        return self._users.get(name)

    def find_access_key(self, access_key: str) -> tuple[User, str] | None:
        """Whose key it is, and its secret."""
        user = self._by_access_key.get(access_key)
        return None if user is None else (user, user.access_keys[access_key])

    def authenticate(self, name: str, password: str) -> User | None:
        """The user whose password this is, or None. An empty password never fits (as in RabbitMQ)."""
        user = self._users.get(name)
        expected = self._nobody if user is None or user.password is None else user.password
        # Computed for unknown names too, so that the time taken does not tell which users exist.
        fits = expected.matches(password)
        if user is None or user.password is None or not password or not fits:
            return None
        return user
