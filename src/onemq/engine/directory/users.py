"""Users that were made at run time: name, password hash, tags, access keys; durable. Those of the settings stand beside them and win.

Must not: decide who may change them (access.py), or check a password (auth does).
Spec: RabbitMQ, "Access Control" (users, tags), "Credentials and Passwords".
"""

from typing import Final

from onemq.engine.core import Core
from onemq.engine.directory.records import GUEST, UserRecord
from onemq.engine.parts import PART_USERS, Part
from onemq.model.refusal import Reason, Refusal

USERS_MAX: Final = 100_000


class Users(Part):
    """See the module. Whoever changes them has asked whether that is allowed."""

    def __init__(self, core: Core) -> None:
        self.number = PART_USERS
        self._core = core
        self._users: dict[str, UserRecord] = {}
        self._configured: dict[str, UserRecord] = {}
        self._key_owners: dict[str, str] = {}
        self.guest_dismissed = False
        """Somebody has deleted guest: it does not come back by itself."""

    def configure(self, users: list[UserRecord]) -> None:
        """Those of the settings. Once, before anybody asks."""
        self._configured = {user.name: user for user in users}

    def find(self, name: str) -> UserRecord | None:
        found = self._configured.get(name)
        return self._users.get(name) if found is None else found

    def find_added(self, name: str) -> UserRecord | None:
        """Of those made at run time only; what the settings name is not among them."""
        return None if name in self._configured else self._users.get(name)

    def all(self) -> list[UserRecord]:
        """By name."""
        names = sorted(self._configured.keys() | self._users.keys())
        found: list[UserRecord] = []
        for name in names:
            user = self.find(name)
            if user is not None:
                found.append(user)
        return found

    def has_any(self) -> bool:
        return bool(self._configured) or bool(self._users)

    def has_configured(self) -> bool:
        return bool(self._configured)

    def key_owner(self, access_key: str) -> str:
        """Name of the user made at run time who has this access key, or ""."""
        return self._key_owners.get(access_key, "")

    def is_configured_key(self, access_key: str) -> bool:
        for user in self._configured.values():
            if access_key in user.access_keys:
                return True
        return False

    def store(self, user: UserRecord) -> None:
        """Makes or replaces it. Refusal LIMIT ("user")."""
        if user.name not in self._users and len(self._users) >= USERS_MAX:
            raise Refusal(Reason.LIMIT, "user", user.name, f"there are {USERS_MAX} users already")
        self._note(_to_plain(user))

    def remove(self, name: str, dismissed: bool = True) -> None:
        """One that is there. dismissed: of guest: it is not to come back."""
        self._note({"op": "user-", "name": name, "dismissed": dismissed and name == GUEST})

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        name = change["name"]
        assert isinstance(name, str)
        before = self._users.pop(name, None)
        if before is not None:
            for access_key in before.access_keys:
                self._key_owners.pop(access_key, None)
        if change["op"] == "user-":
            if before is not None:
                before.tags.clear()
            if change["dismissed"]:
                self.guest_dismissed = True
            return
        tags = change["tags"]
        keys = change["keys"]
        assert isinstance(tags, (list, tuple)) and isinstance(keys, dict)
        held = list(tags)
        if before is not None:
            # Principals hold this list: new tags are those of who is connected, too.
            before.tags[:] = held
            held = before.tags
        user = UserRecord(name, str(change["hash"]), held, dict(keys), False, bool(change["seeded"]))
        self._users[name] = user
        for access_key in user.access_keys:
            self._key_owners[access_key] = name

    def changes(self) -> list[dict[str, object]]:
        found = [_to_plain(user) for user in self._users.values()]
        if self.guest_dismissed:
            found.insert(0, {"op": "user-", "name": GUEST, "dismissed": True})
        return found


def _to_plain(user: UserRecord) -> dict[str, object]:
    return {
        "op": "user",
        "name": user.name,
        "hash": user.password_hash,
        "tags": user.tags,
        "keys": user.access_keys,
        "seeded": user.seeded,
    }
