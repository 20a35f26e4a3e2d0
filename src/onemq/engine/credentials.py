"""SCRAM credentials that administrators have stored: what proves a password without being one; durable.

Job: derive them from a password, keep them by user and mechanism.
Must not: check proofs (auth does); have randomness of its own (the salt is an argument).
Spec: RFC 5802 section 3 (what a server stores); RFC 7677 (SHA-256); KIP-554.
"""

import hashlib
import hmac
from typing import Final

from onemq.engine.core import Core
from onemq.engine.parts import PART_CREDENTIALS, Part
from onemq.model.passwords import hash_password
from onemq.model.refusal import Reason, Refusal

CREDENTIALS_MAX: Final = 100_000
SCRAM_SHA_256: Final = "SCRAM-SHA-256"
SCRAM_SHA_512: Final = "SCRAM-SHA-512"
HASHES: Final = {SCRAM_SHA_256: "sha256", SCRAM_SHA_512: "sha512"}
ITERATIONS: Final = 4096
SALT_BYTES: Final = 16


class ScramCredential:
    """What a server knows of one password: enough to check a proof, and to prove that it knows."""

    __slots__ = ("iterations", "salt", "server_key", "stored_key")

    def __init__(self, salt: bytes, iterations: int, stored_key: bytes, server_key: bytes) -> None:
        self.salt = salt
        self.iterations = iterations
        self.stored_key = stored_key
        self.server_key = server_key


def salted_password(mechanism: str, password: bytes, salt: bytes, iterations: int) -> bytes:
    """Hi() of the RFC."""
    return hashlib.pbkdf2_hmac(HASHES[mechanism], password, salt, iterations)


class NewPassword:
    """A password that is to be stored. What is stored of it takes some ten milliseconds to derive: whoever has others to serve lets
    another thread do that first; nothing in here belongs to the broker."""

    __slots__ = ("_hash_salt", "_password", "_salts", "credentials", "encoded_hash")

    def __init__(self, password: str, hash_salt: bytes, salts: dict[str, bytes]) -> None:
        """salts: of each mechanism."""
        self._password = password
        self._hash_salt = hash_salt
        self._salts = salts
        self.encoded_hash = ""
        self.credentials: dict[str, ScramCredential] = {}

    def derive(self) -> None:
        """Once; more often does no harm."""
        if self.encoded_hash:
            return
        octets = self._password.encode("utf-8", "surrogatepass")
        for mechanism, salt in self._salts.items():
            salted = salted_password(mechanism, octets, salt, ITERATIONS)
            self.credentials[mechanism] = credential_of(mechanism, salted, salt, ITERATIONS)
        self.encoded_hash = hash_password(self._password, self._hash_salt).encoded()


def credential_of(mechanism: str, salted: bytes, salt: bytes, iterations: int) -> ScramCredential:
    """What to store, from the salted password."""
    name = HASHES[mechanism]
    client_key = hmac.digest(salted, b"Client Key", name)
    server_key = hmac.digest(salted, b"Server Key", name)
    return ScramCredential(salt, iterations, hashlib.new(name, client_key).digest(), server_key)


class Credentials(Part):
    """See the module. Whoever changes them has asked whether that is allowed."""

    def __init__(self, core: Core) -> None:
        self.number = PART_CREDENTIALS
        self._core = core
        self._users: dict[str, dict[str, ScramCredential]] = {}

    def users(self) -> list[str]:
        return sorted(self._users)

    def of_user(self, user: str) -> dict[str, ScramCredential]:
        """By mechanism ("SCRAM-SHA-256"); empty for a user without."""
        return dict(self._users.get(user, {}))

    def find(self, user: str, mechanism: str) -> ScramCredential | None:
        found = self._users.get(user)
        return None if found is None else found.get(mechanism)

    def store(self, user: str, mechanism: str, credential: ScramCredential) -> None:
        """Makes or replaces it. Refusal LIMIT ("user")."""
        if user not in self._users and len(self._users) >= CREDENTIALS_MAX:
            raise Refusal(Reason.LIMIT, "user", user, f"{CREDENTIALS_MAX} users have credentials already")
        change: dict[str, object] = {
            "user": user,
            "mechanism": mechanism,
            "salt": credential.salt,
            "iterations": credential.iterations,
            "stored": credential.stored_key,
            "server": credential.server_key,
        }
        self._core.note(self, change)
        self.apply(change)

    def remove(self, user: str, mechanism: str) -> None:
        """Refusal NOT_FOUND ("user")."""
        if self.find(user, mechanism) is None:
            raise Refusal(
                Reason.NOT_FOUND, "user", user, "Attempt to delete a user credential that does not exist"
            )
        change: dict[str, object] = {"user": user, "mechanism": mechanism}
        self._core.note(self, change)
        self.apply(change)

    def remove_user(self, user: str) -> None:
        """All of this user's; none is fine."""
        for mechanism in list(self._users.get(user, {})):
            self.remove(user, mechanism)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        user = change["user"]
        mechanism = change["mechanism"]
        assert isinstance(user, str) and isinstance(mechanism, str)
        if "salt" not in change:
            found = self._users.get(user)
            if found is not None:
                found.pop(mechanism, None)
                if not found:
                    del self._users[user]
            return
        salt = change["salt"]
        iterations = change["iterations"]
        stored = change["stored"]
        server = change["server"]
        assert isinstance(salt, bytes) and isinstance(iterations, int)
        assert isinstance(stored, bytes) and isinstance(server, bytes)
        self._users.setdefault(user, {})[mechanism] = ScramCredential(salt, iterations, stored, server)

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for user, credentials in self._users.items():
            for mechanism, credential in credentials.items():
                found.append(
                    {
                        "user": user,
                        "mechanism": mechanism,
                        "salt": credential.salt,
                        "iterations": credential.iterations,
                        "stored": credential.stored_key,
                        "server": credential.server_key,
                    }
                )
        return found
