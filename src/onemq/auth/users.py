"""Users, and a look-up that tells nobody what exists: those of the settings, and those of the directory.

Must not: change any; the directory does (engine/directory).
"""

from collections.abc import Mapping

from onemq.auth.scram import ScramPassword
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.records import GUEST, UserRecord
from onemq.model.passwords import SALT_BYTES, BadHash, PasswordHash, hash_password, parse_hash
from onemq.model.principal import Principal


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
    """All users by name. `users`: those of the settings, which win; `directory`: those made at run time."""

    def __init__(self, users: Mapping[str, User], directory: Directory | None = None) -> None:
        self._users = dict(users)
        self._by_access_key = {key: user for user in users.values() for key in user.access_keys}
        self._nobody = hash_password("", bytes(SALT_BYTES))
        self._directory = directory
        self._made: dict[str, tuple[UserRecord, User]] = {}

    def find(self, name: str) -> User | None:
        found = self._users.get(name)
        if found is not None or self._directory is None:
            return found
        record = self._directory.users.find(name)
        if record is None:
            self._made.pop(name, None)
            return None
        made = self._made.get(name)
        if made is not None and made[0] is record:
            return made[1]
        user = _user_of(record)
        self._made[name] = (record, user)
        return user

    def has_default_guest(self) -> bool:
        """Whether guest is there with the password that everybody knows: whoever may log in so needs no login."""
        if self._users or self._directory is None:
            return False
        guest = self.find(GUEST)
        return guest is not None and guest.scram is not None

    def find_access_key(self, access_key: str) -> tuple[User, str] | None:
        """Whose key it is, and its secret."""
        user = self._by_access_key.get(access_key)
        if user is None and self._directory is not None:
            owner = self._directory.users.key_owner(access_key)
            user = self.find(owner) if owner else None
            if user is not None and access_key not in user.access_keys:
                return None
        return None if user is None else (user, user.access_keys[access_key])

    def authenticate(self, name: str, password: str) -> User | None:
        """The user whose password this is, or None. An empty password never fits (as in RabbitMQ)."""
        user = self.find(name)
        expected = self._nobody if user is None or user.password is None else user.password
        # Computed for unknown names too, so that the time taken does not tell which users exist.
        fits = expected.matches(password)
        if user is None or user.password is None or not password or not fits:
            return None
        return user


def _user_of(record: UserRecord) -> User:
    try:
        password = parse_hash(record.password_hash) if record.password_hash else None
    except BadHash:
        password = None
    scram: ScramPassword | None = None
    if record.name == GUEST and password is not None and password.matches(GUEST):
        scram = ScramPassword(GUEST)
    return User(record.name, record.tags, password, record.name == GUEST, scram, record.access_keys)
