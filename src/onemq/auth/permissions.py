"""Who may enter which namespace, with which rights: by the settings, which win, or by the directory."""

from collections.abc import Iterable, Mapping

from onemq.engine.directory.directory import Directory
from onemq.model.rights import NamePattern, Rights, no_rights


class Permission:
    """The three patterns of one user in one namespace. Raises PatternError."""

    __slots__ = ("configure", "read", "write")

    def __init__(self, configure: str, write: str, read: str) -> None:
        self.configure = NamePattern(configure)
        self.write = NamePattern(write)
        self.read = NamePattern(read)


class Permissions:
    """(user, namespace) → rights. `namespaces`, `granted`: of the settings."""

    def __init__(
        self,
        namespaces: Iterable[str],
        granted: Mapping[tuple[str, str], Permission],
        directory: Directory | None = None,
    ) -> None:
        self._namespaces = frozenset(namespaces)
        self._granted = dict(granted)
        self._directory = directory

    def has_namespace(self, namespace: str) -> bool:
        if namespace in self._namespaces:
            return True
        return self._directory is not None and self._directory.has_namespace(namespace)

    def namespaces(self) -> list[str]:
        """In order of their names."""
        made = [] if self._directory is None else self._directory.namespace_names()
        return sorted(self._namespaces.union(made))

    def rights(self, user: str, namespace: str) -> Rights | None:
        """None: this user may not enter. What the directory grants changes in place, for whoever holds it."""
        permission = self._granted.get((user, namespace))
        if permission is not None:
            return Rights(permission.configure, permission.write, permission.read)
        return None if self._directory is None else self._directory.permissions.rights(user, namespace)

    def possible_rights(self, user: str, namespace: str) -> Rights:
        """Of somebody who may enter without any: nothing, until the directory grants something."""
        directory = self._directory
        if directory is None or directory.users.find(user) is None:
            return no_rights()
        return directory.permissions.live(user, namespace).rights
