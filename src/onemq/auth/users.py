"""Users, and a look-up that tells nobody what exists: those of the settings, and those of the directory.

Must not: change any; the directory does (engine/directory).
"""

from collections.abc import Mapping

from onemq.auth.scram import ScramPassword
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.users import GUEST, UserRecord
from onemq.model.passwords import SALT_BYTES, BadHash, PasswordHash, hash_password, parse_hash
from onemq.model.principal import Principal

__all__ = ["BadHash", "PasswordHash", "User", "Users", "hash_password", "parse_hash"]


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
