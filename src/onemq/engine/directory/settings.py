"""What the settings say of users and permissions: the directory shows it, lets it win, and never changes it."""

from onemq.engine.directory.records import PermissionRecord, UserRecord


class DirectorySettings:
    """users, permissions: as the settings have them. guest: a broker without any user makes guest (password guest) at its start."""

    __slots__ = ("guest", "permissions", "users")

    def __init__(
        self,
        users: list[UserRecord] | None = None,
        permissions: list[PermissionRecord] | None = None,
        guest: bool = False,
    ) -> None:
        self.users: list[UserRecord] = [] if users is None else users
        self.permissions: list[PermissionRecord] = [] if permissions is None else permissions
        self.guest = guest
