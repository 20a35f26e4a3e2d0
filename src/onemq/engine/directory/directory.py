"""The directory: users, permissions, namespaces, limits, parameters and policies that were made at run time, as one.

Job: hold the parts, carry out changes that concern several of them, make guest, and tell who has to know.
Must not: decide who may do that (access.py), or check a password (auth does).
Spec: RabbitMQ, "Access Control", "Virtual Hosts".
"""

from abc import abstractmethod
from typing import Final

from mypy_extensions import mypyc_attr

from onemq.engine.catalog import Catalog
from onemq.engine.core import Core
from onemq.engine.credentials import HASHES, SALT_BYTES, NewPassword
from onemq.engine.directory.limits import Limits
from onemq.engine.directory.namespaces import NamespaceRecord, NamespaceRecords
from onemq.engine.directory.parameters import Parameters
from onemq.engine.directory.permissions import DirectoryPermissions
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.records import GUEST, UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.directory.users import Users
from onemq.engine.parts import Part
from onemq.model.passwords import SALT_BYTES as HASH_SALT_BYTES
from onemq.model.passwords import hash_password

ADMINISTRATOR: Final = "administrator"
EVERYTHING: Final = ".*"


@mypyc_attr(allow_interpreted_subclasses=True)
class DirectoryListener:
    """Somebody who has to know who has gone. Called in the turn in which it happened, never while a restart replays."""

    @abstractmethod
    def user_removed(self, name: str) -> None:
        """Whoever is connected as this user must not stay."""

    @abstractmethod
    def namespace_removed(self, name: str) -> None:
        """Whoever is in this namespace must not stay."""


class Directory:
    """See the module."""

    def __init__(self, core: Core, catalog: Catalog, settings: DirectorySettings) -> None:
        self._core = core
        self._catalog = catalog
        self._settings = settings
        self.users = Users(core)
        self.permissions = DirectoryPermissions(core)
        self.namespaces = NamespaceRecords(core)
        self.limits = Limits(core)
        self.parameters = Parameters(core)
        self.policies = catalog.policies
        self.listeners: list[DirectoryListener] = []
        self.users.configure(settings.users)
        self.permissions.configure(settings.permissions)

    def parts(self) -> list[Part]:
        """Those that are not the catalog's own."""
        return [self.users, self.permissions, self.namespaces, self.limits, self.parameters]

    def begin(self) -> None:
        """Once, after recovery: a broker that has no user and never dismissed guest gets it; users in the settings replace it."""
        users = self.users
        if users.has_configured():
            if self._has_first_guest():
                users.remove(GUEST, dismissed=False)
                self.permissions.remove_user(GUEST)
        elif self._settings.guest and not users.has_any() and not users.guest_dismissed:
            encoded = hash_password(GUEST, self._core.entropy(HASH_SALT_BYTES)).encoded()
            users.store(UserRecord(GUEST, encoded, [ADMINISTRATOR], seeded=True))
            if "/" in self._catalog.namespaces:
                self.permissions.grant(GUEST, "/", EVERYTHING, EVERYTHING, EVERYTHING)

    def _has_first_guest(self) -> bool:
        """Whether guest is there as it was made: nobody has changed it, or taken from it."""
        guest = self.users.find_added(GUEST)
        if guest is None or not guest.seeded:
            return False
        granted = self.permissions.find(GUEST, "/")
        if granted is None:
            return "/" not in self._catalog.namespaces
        return granted.configure == granted.write == granted.read == EVERYTHING

    def changed(self) -> None:
        """Somebody's rights are others now: routes that were resolved under them are resolved again."""
        self._catalog.generation += 1

    def set_policy(self, policy: Policy) -> None:
        """Refusal LIMIT. In force with the end of this turn, or, where it concerns very many queues, of one of the next."""
        self.policies.set(policy)
        self._catalog.policing.policies_changed(policy.namespace)

    def remove_policy(self, namespace: str, name: str, operator: bool) -> None:
        """One that is there."""
        self.policies.remove(namespace, name, operator)
        self._catalog.policing.policies_changed(namespace)

    # Users.

    def new_password(self, password: str) -> NewPassword:
        """With salts; `store_password` derives what is stored of it, unless that was done elsewhere meanwhile."""
        entropy = self._core.entropy
        hash_salt = entropy(HASH_SALT_BYTES)
        return NewPassword(password, hash_salt, {mechanism: entropy(SALT_BYTES) for mechanism in HASHES})

    def store_password(self, user: UserRecord, password: NewPassword) -> None:
        """Stores the user with a hash of this password, and credentials for SCRAM."""
        password.derive()
        user.password_hash = password.encoded_hash
        self.users.store(user)
        for mechanism, credential in password.credentials.items():
            self._catalog.administration.credentials.store(user.name, mechanism, credential)

    def store_hash(self, user: UserRecord) -> None:
        """Stores the user with the hash that it has: credentials for SCRAM cannot be made of it, and old ones must not outlive it."""
        self.users.store(user)
        self._catalog.administration.credentials.remove_user(user.name)

    def remove_user(self, name: str) -> None:
        """One that was made at run time; what it was granted and its credentials go with it. Its connections are closed."""
        self.users.remove(name)
        self.permissions.remove_user(name)
        self.limits.remove_user(name)
        self._catalog.administration.credentials.remove_user(name)
        self.changed()
        for listener in self.listeners:
            listener.user_removed(name)

    # Namespaces.

    def has_namespace(self, name: str) -> bool:
        return name in self._catalog.namespaces

    def namespace_names(self) -> list[str]:
        return sorted(self._catalog.namespaces)

    def is_configured_namespace(self, name: str) -> bool:
        return name in self._core.settings.namespaces

    def namespace(self, name: str) -> NamespaceRecord:
        """Of one that is there."""
        found = self.namespaces.find(name)
        found.configured = self.is_configured_namespace(name)
        return found

    def remove_namespace(self, name: str) -> None:
        """One that is there, with everything in it and about it. Its connections are closed."""
        for part in self._catalog.parts.values():
            part.clear_namespace(name)
        self._catalog.remove_namespace(name)
        for listener in self.listeners:
            listener.namespace_removed(name)

    def add_namespace(self, record: NamespaceRecord) -> None:
        """Makes it, or changes what is said about it."""
        self._catalog.add_namespace(record.name)
        self.namespaces.store(record)
