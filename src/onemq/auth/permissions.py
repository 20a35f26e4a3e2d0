"""Who may enter which namespace, with which rights. Every pattern is compiled once, when the settings are read."""

from collections.abc import Iterable, Mapping

from onemq.model.rights import NamePattern, Rights


class Permission:
    """The three patterns of one user in one namespace. Raises re.error."""

    __slots__ = ("configure", "read", "write")

    def __init__(self, configure: str, write: str, read: str) -> None:
        self.configure = NamePattern(configure)
        self.write = NamePattern(write)
        self.read = NamePattern(read)


class Permissions:
    """(user, namespace) → rights."""

    def __init__(self, namespaces: Iterable[str], granted: Mapping[tuple[str, str], Permission]) -> None:
        self._namespaces = frozenset(namespaces)
        self._granted = dict(granted)

    def has_namespace(self, namespace: str) -> bool:
        return namespace in self._namespaces

    def namespaces(self) -> list[str]:
        """In order of their names."""
        return sorted(self._namespaces)

    def rights(self, user: str, namespace: str) -> Rights | None:
        """None: this user may not enter."""
        permission = self._granted.get((user, namespace))
        if permission is None:
            return None
        return Rights(permission.configure, permission.write, permission.read)
