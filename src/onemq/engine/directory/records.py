"""One user and one permission as they stand: plain values, wherever they come from."""

from typing import Final

GUEST: Final = "guest"
"""The user that a new broker has, and its password. As in RabbitMQ it may log in from this machine only."""


class UserRecord:
    """One user as it stands; never changed in place.

    Attributes:
        password_hash: as RabbitMQ encodes it; "": no password fits.
        tags: as in RabbitMQ ("administrator", ...).
        access_keys: of AWS clients: id to secret.
        configured: it stands in the settings.
        seeded: it is guest as the broker made it.
    """

    __slots__ = ("access_keys", "configured", "name", "password_hash", "seeded", "tags")

    def __init__(
        self,
        name: str,
        password_hash: str,
        tags: list[str],
        access_keys: dict[str, str] | None = None,
        configured: bool = False,
        seeded: bool = False,
    ) -> None:
        self.name = name
        self.password_hash = password_hash
        self.tags = tags
        self.access_keys: dict[str, str] = {} if access_keys is None else access_keys
        self.configured = configured
        self.seeded = seeded


class PermissionRecord:
    """The patterns of one user in one namespace. `configured`: from the settings."""

    __slots__ = ("configure", "configured", "namespace", "read", "user", "write")

    def __init__(
        self, user: str, namespace: str, configure: str, write: str, read: str, configured: bool = False
    ) -> None:
        self.user = user
        self.namespace = namespace
        self.configure = configure
        self.write = write
        self.read = read
        self.configured = configured
