"""One principal's way to the directory. It authorises by tags, as RabbitMQ's management does, checks names, and notes what is done.

Every method raises Refusal ACCESS_DENIED with the missing tag as `wanted`; NOT_FOUND ("user", "namespace", "permission", "parameter",
"policy"); INVALID with a text for people as `detail`; NOT_SUPPORTED for what stands in the settings, which win.
Must not: know a protocol; keep anything.
Spec: RabbitMQ, "Management Plugin" (table of permissions and tags), "Access Control", "Parameters and Policies".
"""

from typing import Final

from onemq.engine.auditing import Audit, settings_text
from onemq.engine.credentials import NewPassword
from onemq.engine.directory.definitions import erlang_term
from onemq.engine.directory.directory import ADMINISTRATOR, EVERYTHING, Directory
from onemq.engine.directory.limits import NAMESPACE_LIMITS, OF_NAMESPACE, OF_USER, USER_LIMITS
from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.engine.directory.parameters import ParameterRecord
from onemq.engine.directory.permissions import TopicPermissionRecord
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.model.passwords import BadHash, parse_hash
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal

MANAGEMENT: Final = "management"
MONITORING: Final = "monitoring"
POLICYMAKER: Final = "policymaker"
QUEUE_TYPES: Final = ("", "classic", "quorum", "stream")
NAME_OCTETS_MAX: Final = 255
TAGS_MAX: Final = 100
ACCESS_KEYS_MAX: Final = 100

OPERATOR_POLICY: Final = "operator_policy"
POLICY: Final = "policy"
VHOST_LIMITS: Final = "vhost-limits"
"""Components of parameters under which RabbitMQ's tools find what has parts of its own here."""
LIMITS_NAME: Final = "limits"


class DirectoryAccess:
    """See the module. Records that it returns are never changed later; callers must not change them either."""

    def __init__(self, directory: Directory, principal: Principal, audit: Audit) -> None:
        self._directory = directory
        self._principal = principal
        self._audit = audit

    # Who may what.

    def is_administrator(self) -> bool:
        return ADMINISTRATOR in self._principal.tags

    def sees_all(self) -> bool:
        """Every namespace, not only those that the user may enter."""
        return self.is_administrator() or MONITORING in self._principal.tags

    def sees(self, namespace: str) -> bool:
        """Whether this namespace is there, and shown to this user."""
        if not self._directory.has_namespace(namespace):
            return False
        return self.sees_all() or self._may_enter(namespace)

    def _may_enter(self, namespace: str) -> bool:
        return self._directory.permissions.find(self._principal.name, namespace) is not None

    def _demand_administrator(self) -> None:
        if not self.is_administrator():
            raise _tag_missing(self._principal.name, ADMINISTRATOR)

    def _demand_policymaker(self, namespace: str = "") -> None:
        """namespace "": any."""
        if self.is_administrator():
            return
        if POLICYMAKER not in self._principal.tags:
            raise _tag_missing(self._principal.name, POLICYMAKER)
        if namespace and not self._may_enter(namespace):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", namespace, "enter")

    # Users.

    def users(self) -> list[UserRecord]:
        """By name."""
        self._demand_administrator()
        return self._directory.users.all()

    def user(self, name: str) -> UserRecord:
        self._demand_administrator()
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
            self._demand_administrator()
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
            self._demand_administrator()
            self._changeable_user(name)
            self._directory.remove_user(name)

    def set_access_key(self, name: str, access_key: str, secret: str) -> None:
        """For signed requests (AWS). Refusal INVALID, ALREADY_EXISTS (another user has this key)."""
        with self._audit.doing("alter", "user", name, f"access key {access_key}"):
            self._demand_administrator()
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
            self._demand_administrator()
            user = self._changeable_user(name)
            keys = dict(user.access_keys)
            if keys.pop(access_key, None) is None:
                raise Refusal(Reason.NOT_FOUND, "access key", access_key)
            self._directory.users.store(UserRecord(name, user.password_hash, user.tags, keys))

    def _check_user(self, name: str, before: UserRecord | None) -> None:
        _check_name("user", name)
        if before is not None and before.configured:
            raise _configured("user", name)

    def _changeable_user(self, name: str) -> UserRecord:
        found = self._directory.users.find(name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "user", name)
        if found.configured:
            raise _configured("user", name)
        return found

    # Permissions.

    def permissions(self, namespace: str = "", user: str = "") -> list[PermissionRecord]:
        """By namespace, then by user; "" stands for all. NOT_FOUND for a name that is not there. One's own: without any tag."""
        if user != self._principal.name:
            self._demand_administrator()
        self._check_known(namespace, user)
        found: list[PermissionRecord] = []
        for record in self._directory.permissions.all():
            if (not namespace or record.namespace == namespace) and (not user or record.user == user):
                found.append(record)
        return found

    def permission(self, namespace: str, user: str) -> PermissionRecord:
        self._demand_administrator()
        self._check_known(namespace, user)
        found = self._directory.permissions.find(user, namespace)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "permission", user)
        return found

    def set_permission(self, namespace: str, user: str, configure: str, write: str, read: str) -> bool:
        """True: there was none before. They hold for who is connected from now on. Refusal INVALID: no regular expression."""
        detail = f"in {namespace}: configure '{configure}' write '{write}' read '{read}'"
        with self._audit.doing("alter", "permission", user, detail):
            self._demand_administrator()
            self._check_known(namespace, user)
            before = self._changeable_permission(namespace, user)
            self._directory.permissions.grant(user, namespace, configure, write, read)
            self._directory.changed()
            return before is None

    def clear_permission(self, namespace: str, user: str) -> None:
        with self._audit.doing("delete", "permission", user, f"in {namespace}"):
            self._demand_administrator()
            self._check_known(namespace, user)
            if self._changeable_permission(namespace, user) is None:
                raise Refusal(Reason.NOT_FOUND, "permission", user)
            self._directory.permissions.revoke(user, namespace)
            self._directory.changed()

    def _changeable_permission(self, namespace: str, user: str) -> PermissionRecord | None:
        found = self._directory.permissions.find(user, namespace)
        if found is not None and found.configured:
            raise _configured("permission", user)
        return found

    def topic_permissions(self, namespace: str = "", user: str = "") -> list[TopicPermissionRecord]:
        """As `permissions`."""
        if user != self._principal.name:
            self._demand_administrator()
        self._check_known(namespace, user)
        found: list[TopicPermissionRecord] = []
        for record in self._directory.permissions.all_topics():
            if (not namespace or record.namespace == namespace) and (not user or record.user == user):
                found.append(record)
        return found

    def set_topic_permission(self, namespace: str, user: str, exchange: str, write: str, read: str) -> bool:
        """Over routing keys of one topic exchange. True: there was none before. Refusal INVALID."""
        detail = f"in {namespace} at '{exchange}': write '{write}' read '{read}'"
        with self._audit.doing("alter", "topic permission", user, detail):
            self._demand_administrator()
            self._check_known(namespace, user)
            permissions = self._directory.permissions
            before = permissions.live(user, namespace).topics.get(exchange)
            permissions.grant_topic(user, namespace, exchange, write, read)
            self._directory.changed()
            return before is None

    def clear_topic_permissions(self, namespace: str, user: str, exchange: str | None = None) -> None:
        """Of one exchange, or (None) of all."""
        detail = f"in {namespace}" if exchange is None else f"in {namespace} at '{exchange}'"
        with self._audit.doing("delete", "topic permission", user, detail):
            self._demand_administrator()
            self._check_known(namespace, user)
            permissions = self._directory.permissions
            topics = permissions.live(user, namespace).topics
            names = list(topics) if exchange is None else [name for name in topics if name == exchange]
            if not names:
                raise Refusal(Reason.NOT_FOUND, "topic permission", user)
            for name in names:
                permissions.revoke_topic(user, namespace, name)
            self._directory.changed()

    def _check_known(self, namespace: str, user: str) -> None:
        """ "" is not looked at."""
        if namespace and not self._directory.has_namespace(namespace):
            raise Refusal(Reason.NOT_FOUND, "namespace", namespace)
        if user and self._directory.users.find(user) is None:
            raise Refusal(Reason.NOT_FOUND, "user", user)

    # Namespaces.

    def namespaces(self) -> list[NamespaceRecord]:
        """Those that this user is shown, by name."""
        found: list[NamespaceRecord] = []
        for name in self._directory.namespace_names():
            if self.sees(name):
                found.append(self._directory.namespace(name))
        return found

    def namespace(self, name: str) -> NamespaceRecord:
        if not self._directory.has_namespace(name):
            raise Refusal(Reason.NOT_FOUND, "namespace", name)
        if not self.sees(name):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", name, "see", wanted=MONITORING)
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
            self._demand_administrator()
            _check_name("namespace", name)
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
            self._demand_administrator()
            self._check_known(name, "")
            if not name or self._directory.is_configured_namespace(name):
                raise _configured("namespace", name)
            self._directory.remove_namespace(name)

    # Limits.

    def user_limits(self, user: str = "") -> dict[str, dict[str, int]]:
        """By user, those that have any; "" = all. One's own: without any tag."""
        if user != self._principal.name or not user:
            self._demand_administrator()
        self._check_known("", user)
        if not user:
            return self._directory.limits.all(OF_USER)
        limits = self._directory.limits.of(OF_USER, user)
        return {user: limits} if limits else {}

    def set_user_limit(self, user: str, limit: str, value: object) -> None:
        """limit: "max-connections" or "max-channels". value: a whole number, negative = none. Refusal INVALID."""
        with self._audit.doing("alter", "user limit", user, f"{limit} {value}"):
            self._demand_administrator()
            self._check_known("", user)
            limits = self._directory.limits.of(OF_USER, user)
            limits[limit] = _limit_value("user", user, limit, value, USER_LIMITS, "user-limits")
            self._directory.limits.set(OF_USER, user, limits)

    def clear_user_limit(self, user: str, limit: str) -> None:
        """One that is not set is fine."""
        with self._audit.doing("delete", "user limit", user, limit):
            self._demand_administrator()
            self._check_known("", user)
            limits = self._directory.limits.of(OF_USER, user)
            if limits.pop(limit, None) is not None:
                self._directory.limits.set(OF_USER, user, limits)

    def namespace_limits(self, namespace: str = "") -> dict[str, dict[str, int]]:
        """By namespace, those that have any and that this user is shown; "" = all."""
        self._check_known(namespace, "")
        if namespace and not self.sees(namespace):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", namespace, "see", wanted=MONITORING)
        if namespace:
            limits = self._directory.limits.of(OF_NAMESPACE, namespace)
            return {namespace: limits} if limits else {}
        every = self._directory.limits.all(OF_NAMESPACE)
        return {name: limits for name, limits in every.items() if self.sees(name)}

    def set_namespace_limit(self, namespace: str, limit: str, value: object) -> None:
        """limit: "max-connections" or "max-queues". value: a whole number, negative = none. Refusal INVALID."""
        with self._audit.doing("alter", "namespace limit", namespace, f"{limit} {value}"):
            self._demand_administrator()
            self._check_known(namespace, "")
            limits = self._directory.limits.of(OF_NAMESPACE, namespace)
            limits[limit] = _limit_value("namespace", namespace, limit, value, NAMESPACE_LIMITS, "limits")
            self._directory.limits.set(OF_NAMESPACE, namespace, limits)

    def clear_namespace_limit(self, namespace: str, limit: str) -> None:
        """One that is not set is fine."""
        with self._audit.doing("delete", "namespace limit", namespace, limit):
            self._demand_administrator()
            self._check_known(namespace, "")
            limits = self._directory.limits.of(OF_NAMESPACE, namespace)
            if limits.pop(limit, None) is not None:
                self._directory.limits.set(OF_NAMESPACE, namespace, limits)

    # Parameters.

    def parameters(self, namespace: str = "", component: str = "") -> list[ParameterRecord]:
        """Of namespaces that this user may make policies in; operator policies and limits of namespaces are among them, as in RabbitMQ."""
        self._demand_policymaker(namespace)
        self._check_known(namespace, "")
        found: list[ParameterRecord] = []
        for record in self._all_parameters(namespace, component):
            if self.is_administrator() or self._may_enter(record.namespace):
                found.append(record)
        return found

    def _all_parameters(self, namespace: str, component: str) -> list[ParameterRecord]:
        directory = self._directory
        found = directory.parameters.all(namespace, component)
        if component in ("", OPERATOR_POLICY):
            for policy in directory.policies.all(namespace, True):
                found.append(ParameterRecord(policy.namespace, OPERATOR_POLICY, policy.name, _plain(policy)))
        if component in ("", VHOST_LIMITS):
            for name, limits in directory.limits.all(OF_NAMESPACE).items():
                if not namespace or name == namespace:
                    found.append(ParameterRecord(name, VHOST_LIMITS, LIMITS_NAME, limits))
        return found

    def parameter(self, namespace: str, component: str, name: str) -> ParameterRecord:
        for record in self.parameters(namespace, component):
            if record.name == name and record.component == component:
                return record
        raise Refusal(Reason.NOT_FOUND, "parameter", name)

    def set_parameter(self, namespace: str, component: str, name: str, value: object) -> None:
        """value: plain. Refusal INVALID for a policy (which has a method of its own), LIMIT."""
        if component == OPERATOR_POLICY or component == VHOST_LIMITS:
            self._set_special_parameter(namespace, component, name, value)
            return
        with self._audit.doing("alter", "parameter", name, f"{component} in {namespace}"):
            self._demand_policymaker(namespace)
            self._check_known(namespace, "")
            if component == POLICY:
                text = "policies may not be set using this method"
                raise Refusal(Reason.INVALID, "parameter", name, text)
            _check_name("parameter", component)
            _check_name("parameter", name)
            self._directory.parameters.set(namespace, component, name, value)

    def _set_special_parameter(self, namespace: str, component: str, name: str, value: object) -> None:
        if not isinstance(value, dict):
            text = f"Validation failed\n\n{name} not a list {erlang_term(value)}\n"
            raise Refusal(Reason.INVALID, "parameter", name, text)
        if component == OPERATOR_POLICY:
            self.set_operator_policy(
                namespace,
                name,
                value.get("pattern"),
                value.get("definition"),
                value.get("priority", 0),
                value.get("apply-to", "all"),
            )
            return
        for limit, number in value.items():
            self.set_namespace_limit(namespace, str(limit), number)

    def clear_parameter(self, namespace: str, component: str, name: str) -> None:
        if component == OPERATOR_POLICY:
            self.delete_operator_policy(namespace, name)
            return
        if component == VHOST_LIMITS and name == LIMITS_NAME:
            for limit in list(self.namespace_limits(namespace).get(namespace, {})):
                self.clear_namespace_limit(namespace, limit)
            return
        with self._audit.doing("delete", "parameter", name, f"{component} in {namespace}"):
            self._demand_policymaker(namespace)
            self._check_known(namespace, "")
            if self._directory.parameters.find(namespace, component, name) is None:
                raise Refusal(Reason.NOT_FOUND, "parameter", name)
            self._directory.parameters.remove(namespace, component, name)

    def global_parameters(self) -> list[ParameterRecord]:
        """By name."""
        self._demand_policymaker()
        return self._directory.parameters.all_global()

    def global_parameter(self, name: str) -> ParameterRecord:
        self._demand_policymaker()
        found = self._directory.parameters.find("", "", name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "parameter", name)
        return found

    def set_global_parameter(self, name: str, value: object) -> None:
        """value: plain."""
        with self._audit.doing("alter", "global parameter", name):
            self._demand_policymaker()
            _check_name("parameter", name)
            self._directory.parameters.set("", "", name, value)

    def clear_global_parameter(self, name: str) -> None:
        with self._audit.doing("delete", "global parameter", name):
            self._demand_policymaker()
            if self._directory.parameters.find("", "", name) is None:
                raise Refusal(Reason.NOT_FOUND, "parameter", name)
            self._directory.parameters.remove("", "", name)

    def cluster_name(self) -> str:
        """ "" while nobody has set one. No right is needed: clients are told it when they connect."""
        return self._directory.parameters.cluster_name()

    # Policies.

    def policies(self, namespace: str = "") -> list[Policy]:
        """By namespace and name; "" = of all that this user may make policies in. Those who see a namespace see its policies."""
        return self._policies(namespace, False)

    def operator_policies(self, namespace: str = "") -> list[Policy]:
        return self._policies(namespace, True)

    def _policies(self, namespace: str, operator: bool) -> list[Policy]:
        self._check_known(namespace, "")
        if namespace and not self.sees(namespace):
            raise Refusal(Reason.ACCESS_DENIED, "namespace", namespace, "see", wanted=MONITORING)
        found: list[Policy] = []
        for policy in self._directory.policies.all(namespace, operator):
            if self.sees(policy.namespace):
                found.append(policy)
        return found

    def policy(self, namespace: str, name: str) -> Policy:
        return self._policy(namespace, name, False)

    def operator_policy(self, namespace: str, name: str) -> Policy:
        return self._policy(namespace, name, True)

    def _policy(self, namespace: str, name: str, operator: bool) -> Policy:
        for policy in self._policies(namespace, operator):
            if policy.name == name:
                return policy
        raise Refusal(Reason.NOT_FOUND, "policy", name)

    def set_policy(
        self,
        namespace: str,
        name: str,
        pattern: object,
        definition: object,
        priority: object = 0,
        apply_to: object = "all",
    ) -> bool:
        """Makes or replaces it; True: it was made. Values as they came: Refusal INVALID has RabbitMQ's text about them as `detail`."""
        return self._set_policy(namespace, name, pattern, definition, priority, apply_to, False)

    def set_operator_policy(
        self,
        namespace: str,
        name: str,
        pattern: object,
        definition: object,
        priority: object = 0,
        apply_to: object = "all",
    ) -> bool:
        """As `set_policy`, for administrators."""
        return self._set_policy(namespace, name, pattern, definition, priority, apply_to, True)

    def _set_policy(
        self,
        namespace: str,
        name: str,
        pattern: object,
        definition: object,
        priority: object,
        apply_to: object,
        operator: bool,
    ) -> bool:
        kind = "operator policy" if operator else "policy"
        before = self._directory.policies.find(namespace, name, operator)
        with self._audit.doing("create" if before is None else "alter", kind, name, f"in {namespace}") as act:
            if operator:
                self._demand_administrator()
            else:
                self._demand_policymaker(namespace)
            self._check_known(namespace, "")
            _check_name("policy", name)
            policy = Policy(namespace, name, pattern, definition, priority, apply_to, operator)
            said = settings_text({key: str(value) for key, value in policy.definition.items()})
            act.detail(f"in {namespace}, '{policy.pattern}': {said}")
            self._directory.set_policy(policy)
            return before is None

    def delete_policy(self, namespace: str, name: str) -> None:
        with self._audit.doing("delete", "policy", name, f"in {namespace}"):
            self._demand_policymaker(namespace)
            self._delete_policy(namespace, name, False)

    def delete_operator_policy(self, namespace: str, name: str) -> None:
        with self._audit.doing("delete", "operator policy", name, f"in {namespace}"):
            self._demand_administrator()
            self._delete_policy(namespace, name, True)

    def _delete_policy(self, namespace: str, name: str, operator: bool) -> None:
        self._check_known(namespace, "")
        if self._directory.policies.find(namespace, name, operator) is None:
            raise Refusal(Reason.NOT_FOUND, "policy", name)
        self._directory.remove_policy(namespace, name, operator)


def _tag_missing(user: str, tag: str) -> Refusal:
    return Refusal(Reason.ACCESS_DENIED, "user", user, f"administer: it takes the tag {tag}", wanted=tag)


def _configured(kind: str, name: str) -> Refusal:
    text = "it stands in the settings, which win: change it there"
    return Refusal(Reason.NOT_SUPPORTED, kind, name, text)


def _check_name(kind: str, name: str) -> None:
    """Refusal INVALID: empty, too long, not text."""
    try:
        octets = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        raise Refusal(Reason.INVALID, kind, "", f"the name of a {kind} is UTF-8") from None
    if not name:
        raise Refusal(Reason.INVALID, kind, name, f"the name of a {kind} cannot be empty")
    if octets > NAME_OCTETS_MAX or "\0" in name:
        raise Refusal(
            Reason.INVALID, kind, name[:40], f"the name of a {kind} has at most {NAME_OCTETS_MAX} octets"
        )


def _limit_value(kind: str, name: str, limit: str, value: object, known: tuple[str, ...], place: str) -> int:
    """place: where RabbitMQ says that an unknown one stood."""
    wrong = ""
    if limit not in known:
        wrong = f"Unrecognised terms [{{{erlang_term(limit)},{erlang_term(value)}}}] in {place}"
    elif isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 62:
        wrong = f"{limit} should be a number, actually was {erlang_term(value)}"
    else:
        return value
    if kind == "namespace":
        # Those are parameters in RabbitMQ, with the words of parameters.
        wrong = f"Validation failed\n\n{wrong}\n"
    raise Refusal(Reason.INVALID, kind, name, wrong)


def _plain(policy: Policy) -> dict[str, object]:
    """As the value of a parameter."""
    return {
        "pattern": policy.pattern,
        "definition": policy.definition,
        "priority": policy.priority,
        "apply-to": policy.apply_to,
    }
