"""Password hashes as RabbitMQ makes and exports them.

A hash is base64 of a 4-byte salt followed by SHA-256 or SHA-512 of salt and password (RabbitMQ: "Credentials and
Passwords", section "This is the algorithm"); which of the two it is shows in its length. No randomness here: the salt is an
argument.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

from mypy_extensions import mypyc_attr

SALT_BYTES: Final = 4
SHA256: Final = "rabbit_password_hashing_sha256"
SHA512: Final = "rabbit_password_hashing_sha512"
_SHA256_BYTES: Final = 32
_SHA512_BYTES: Final = 64


@mypyc_attr(native_class=False)
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

    def algorithm(self) -> str:
        """As RabbitMQ names it."""
        return SHA512 if len(self._digest) == _SHA512_BYTES else SHA256

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
