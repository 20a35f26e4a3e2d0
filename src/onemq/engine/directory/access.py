"""One principal's way to the directory: users, permissions, namespaces. It authorises by tags, checks names, and notes what is done.

Every method raises Refusal ACCESS_DENIED with the missing tag as `wanted`; NOT_FOUND ("user", "namespace", "permission");
INVALID with a text for people as `detail`; NOT_SUPPORTED for what stands in the settings, which win.
Must not: know a protocol; keep anything.
Spec: RabbitMQ, "Management Plugin" (table of permissions and tags), "Access Control".
"""

from typing import Final

from onemq.engine.auditing import Audit
from onemq.engine.credentials import NewPassword
from onemq.engine.directory.directory import EVERYTHING, Directory
from onemq.engine.directory.limit_access import LimitAccess
from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.engine.directory.parameter_access import ParameterAccess
from onemq.engine.directory.permissions import TopicPermissionRecord
from onemq.engine.directory.policy_access import PolicyAccess
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.engine.directory.standing import Standing, check_name, configured
from onemq.model.passwords import BadHash, parse_hash
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal

QUEUE_TYPES: Final = ("", "classic", "quorum", "stream")
TAGS_MAX: Final = 100
ACCESS_KEYS_MAX: Final = 100


class DirectoryAccess:
    """See the module. Records that it returns are never changed later; callers must not change them either.

    `standing`: what the principal may. `limits`, `policies`, `parameters`: its ways to those.
    """

    def __init__(self, directory: Directory, principal: Principal, audit: Audit) -> None:
        self._directory = directory
        self._principal = principal
        self._audit = audit
        standing = Standing(directory, principal)
        self.standing = standing
        self.limits = LimitAccess(directory, standing, audit)
        self.policies = PolicyAccess(directory, standing, audit)
        self.parameters = ParameterAccess(directory, standing, audit, self.policies, self.limits)

    # Users.

    def users(self) -> list[UserRecord]:
        """By name."""
        self.standing.demand_administrator()
        return self._directory.users.all()

    def user(self, name: str) -> UserRecord:
        self.standing.demand_administrator()
        found = self._directory.users.find(name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "user", name)
        return found

    def new_password(self, password: str) -> NewPassword:
        """For `put_user`: derive it on another thread first, where clients would wait."""
        return self._directory.new_password(password)

    def put_user(
        self,
        name: str,
        tags: list[str],
        password: NewPassword | None = None,
        password_hash: str | None = None,
    ) -> bool:
        """Makes a user, or changes one; True: it was made. Without password and hash: a new one has none, another keeps what it has.

        password_hash: as RabbitMQ exports it; "": no password fits. Refusal INVALID, LIMIT, NOT_SUPPORTED.
        """
        directory = self._directory
        before = directory.users.find(name)
        action = "create" if before is None else "alter"
        with self._audit.doing(action, "user", name, f"tags {','.join(tags)}"):
            self.standing.demand_administrator()
            self._check_user(name, before)
            if len(tags) > TAGS_MAX:
                raise Refusal(Reason.INVALID, "user", name, f"more than {TAGS_MAX} tags")
            if password is not None and password_hash is not None:
                raise Refusal(Reason.INVALID, "user", name, "either password or password_hash, not both")
            keys = {} if before is None else dict(before.access_keys)
            user = UserRecord(name, "" if before is None else before.password_hash, list(tags), keys)
            if password is not None:
                directory.store_password(user, password)
            elif password_hash is not None:
                if password_hash:
                    try:
                        parse_hash(password_hash)
                    except BadHash as error:
                        raise Refusal(Reason.INVALID, "user", name, f"bad password_hash: {error}") from None
                user.password_hash = password_hash
                directory.store_hash(user)
            else:
                directory.users.store(user)
            return before is None

    def delete_user(self, name: str) -> None:
        """With all that it was granted; its connections are closed."""
        with self._audit.doing("delete", "user", name):
            self.standing.demand_administrator()
            self._changeable_user(name)
            self._directory.remove_user(name)

    def set_access_key(self, name: str, access_key: str, secret: str) -> None:
        """For signed requests (AWS). Refusal INVALID, ALREADY_EXISTS (another user has this key)."""
        with self._audit.doing("alter", "user", name, f"access key {access_key}"):
            self.standing.demand_administrator()
            user = self._changeable_user(name)
            users = self._directory.users
            if not access_key or not secret or len(access_key) > 128 or len(secret) > 1024:
                raise Refusal(Reason.INVALID, "user", name, "an access key takes an id and a secret")
            if users.key_owner(access_key) not in ("", name) or users.is_configured_key(access_key):
                raise Refusal(Reason.ALREADY_EXISTS, "access key", access_key)
            keys = dict(user.access_keys)
            keys[access_key] = secret
            if len(keys) > ACCESS_KEYS_MAX:
                raise Refusal(Reason.LIMIT, "user", name, f"{ACCESS_KEYS_MAX} access keys")
            users.store(UserRecord(name, user.password_hash, user.tags, keys))

    def remove_access_key(self, name: str, access_key: str) -> None:
        """Refusal NOT_FOUND ("access key")."""
        with self._audit.doing("alter", "user", name, f"without access key {access_key}"):
            self.standing.demand_administrator()
            user = self._changeable_user(name)
            keys = dict(user.access_keys)
            if keys.pop(access_key, None) is None:
                raise Refusal(Reason.NOT_FOUND, "access key", access_key)
            self._directory.users.store(UserRecord(name, user.password_hash, user.tags, keys))

    def _check_user(self, name: str, before: UserRecord | None) -> None:
        check_name("user", name)
        if before is not None and before.configured:
            raise configured("user", name)

    def _changeable_user(self, name: str) -> UserRecord:
        found = self._directory.users.find(name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "user", name)
        if found.configured:
            raise configured("user", name)
        return found

    # Permissions.

    def permissions(self, namespace: str = "", user: str = "") -> list[PermissionRecord]:
        """By namespace, then by user; "" stands for all. NOT_FOUND for a name that is not there. One's own: without any tag."""
        if not self.standing.is_self(user):
            self.standing.demand_administrator()
        self.standing.demand_known(namespace, user)
        found: list[PermissionRecord] = []
        for record in self._directory.permissions.all():
            if (not namespace or record.namespace == namespace) and (not user or record.user == user):
                found.append(record)
        return found

    def permission(self, namespace: str, user: str) -> PermissionRecord:
        self.standing.demand_administrator()
        self.standing.demand_known(namespace, user)
        found = self._directory.permissions.find(user, namespace)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "permission", user)
        return found

    def set_permission(self, namespace: str, user: str, configure: str, write: str, read: str) -> bool:
        """True: there was none before. They hold for who is connected from now on. Refusal INVALID: no regular expression."""
        detail = f"in {namespace}: configure '{configure}' write '{write}' read '{read}'"
        with self._audit.doing("alter", "permission", user, detail):
            self.standing.demand_administrator()
            self.standing.demand_known(namespace, user)
            before = self._changeable_permission(namespace, user)
            self._directory.permissions.grant(user, namespace, configure, write, read)
            self._directory.changed()
            return before is None

    def clear_permission(self, namespace: str, user: str) -> None:
        with self._audit.doing("delete", "permission", user, f"in {namespace}"):
            self.standing.demand_administrator()
            self.standing.demand_known(namespace, user)
            if self._changeable_permission(namespace, user) is None:
                raise Refusal(Reason.NOT_FOUND, "permission", user)
            self._directory.permissions.revoke(user, namespace)
            self._directory.changed()

    def _changeable_permission(self, namespace: str, user: str) -> PermissionRecord | None:
        found = self._directory.permissions.find(user, namespace)
        if found is not None and found.configured:
            raise configured("permission", user)
        return found

    def topic_permissions(self, namespace: str = "", user: str = "") -> list[TopicPermissionRecord]:
        """As `permissions`."""
        if not self.standing.is_self(user):
            self.standing.demand_administrator()
        self.standing.demand_known(namespace, user)
        found: list[TopicPermissionRecord] = []
        for record in self._directory.permissions.all_topics():
            if (not namespace or record.namespace == namespace) and (not user or record.user == user):
                found.append(record)
        return found

    def set_topic_permission(self, namespace: str, user: str, exchange: str, write: str, read: str) -> bool:
        """Over routing keys of one topic exchange. True: there was none before. Refusal INVALID."""
        detail = f"in {namespace} at '{exchange}': write '{write}' read '{read}'"
        with self._audit.doing("alter", "topic permission", user, detail):
            self.standing.demand_administrator()
            self.standing.demand_known(namespace, user)
            permissions = self._directory.permissions
            before = permissions.live(user, namespace).topics.get(exchange)
            permissions.grant_topic(user, namespace, exchange, write, read)
            self._directory.changed()
            return before is None

    def clear_topic_permissions(self, namespace: str, user: str, exchange: str | None = None) -> None:
        """Of one exchange, or (None) of all."""
        detail = f"in {namespace}" if exchange is None else f"in {namespace} at '{exchange}'"
        with self._audit.doing("delete", "topic permission", user, detail):
            self.standing.demand_administrator()
            self.standing.demand_known(namespace, user)
            permissions = self._directory.permissions
            topics = permissions.live(user, namespace).topics
            names = list(topics) if exchange is None else [name for name in topics if name == exchange]
            if not names:
                raise Refusal(Reason.NOT_FOUND, "topic permission", user)
            for name in names:
                permissions.revoke_topic(user, namespace, name)
            self._directory.changed()

    # Namespaces.

    def namespaces(self) -> list[NamespaceRecord]:
        """Those that this user is shown, by name."""
        found: list[NamespaceRecord] = []
        for name in self._directory.namespace_names():
            if self.standing.sees(name):
                found.append(self._directory.namespace(name))
        return found

    def namespace(self, name: str) -> NamespaceRecord:
        if not self._directory.has_namespace(name):
            raise Refusal(Reason.NOT_FOUND, "namespace", name)
        self.standing.demand_seen(name)
        return self._directory.namespace(name)

    def put_namespace(
        self,
        name: str,
        description: str = "",
        tags: list[str] | None = None,
        default_queue_type: str = "",
        metadata: dict[str, object] | None = None,
    ) -> bool:
        """Makes it, or changes what is said about it; True: it was made, and this user may do everything in it (as in RabbitMQ).

        default_queue_type: of queues declared without one; "" or "undefined" (RabbitMQ's word): classic. Refusal INVALID.
        """
        directory = self._directory
        known = directory.has_namespace(name)
        with self._audit.doing("alter" if known else "create", "namespace", name):
            self.standing.demand_administrator()
            check_name("namespace", name)
            if tags is not None and len(tags) > TAGS_MAX:
                raise Refusal(Reason.INVALID, "namespace", name, f"more than {TAGS_MAX} tags")
            if default_queue_type == "undefined":
                default_queue_type = ""
            if default_queue_type not in QUEUE_TYPES:
                text = f"there is no queue type '{default_queue_type}'"
                raise Refusal(Reason.INVALID, "namespace", name, text)
            directory.add_namespace(NamespaceRecord(name, description, tags, default_queue_type, metadata))
            me = self._principal.name
            if not known and directory.users.find(me) is not None:
                directory.permissions.grant(me, name, EVERYTHING, EVERYTHING, EVERYTHING)
            return not known

    def delete_namespace(self, name: str) -> None:
        """With its queues, exchanges, topics and groups and all that was granted in it; its connections are closed."""
        with self._audit.doing("delete", "namespace", name):
            self.standing.demand_administrator()
            self.standing.demand_known(name, "")
            if not name or self._directory.is_configured_namespace(name):
                raise configured("namespace", name)
            self._directory.remove_namespace(name)
