"""Access rules: who may do what with which topic, group, transaction or with the broker, from where; durable.

Job: keep the rules, find those that a filter names, and decide from them.
Must not: know configured permissions (Access joins both), or who a peer is.
Spec: Kafka documentation, "Authorization and ACLs"; KIP-11, KIP-290 (prefixed names). Numbers are Kafka's.
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.parts import PART_ACLS, Part
from onemq.model.refusal import Reason, Refusal

ANY: Final = 1
"""Of a resource type, operation, permission or pattern in a filter: whatever it is."""

TOPIC: Final = 2
GROUP: Final = 3
CLUSTER: Final = 4
TRANSACTIONAL_ID: Final = 5
DELEGATION_TOKEN: Final = 6
USER: Final = 7
"""Resource types."""

MATCH: Final = 2
LITERAL: Final = 3
PREFIXED: Final = 4
"""Pattern types; MATCH in filters only: every pattern that takes in the name."""

ALL: Final = 2
READ: Final = 3
WRITE: Final = 4
CREATE: Final = 5
DELETE: Final = 6
ALTER: Final = 7
DESCRIBE: Final = 8
CLUSTER_ACTION: Final = 9
DESCRIBE_CONFIGS: Final = 10
ALTER_CONFIGS: Final = 11
IDEMPOTENT_WRITE: Final = 12
CREATE_TOKENS: Final = 13
DESCRIBE_TOKENS: Final = 14
TWO_PHASE_COMMIT: Final = 15
"""Operations."""

DENY: Final = 2
ALLOW: Final = 3
"""Permissions."""

CLUSTER_NAME: Final = "kafka-cluster"
WILDCARD: Final = "*"
EVERYBODY: Final = "User:*"
RULES_MAX: Final = 100_000
_DECISIONS_MAX: Final = 10_000
_NO_RULE: Final = -1

_RESOURCE_NAMES: Final = {
    TOPIC: "topic",
    GROUP: "group",
    CLUSTER: "cluster",
    TRANSACTIONAL_ID: "transactional id",
    DELEGATION_TOKEN: "delegation token",
    USER: "user",
}
_OPERATION_NAMES: Final = {
    ALL: "all",
    READ: "read",
    WRITE: "write",
    CREATE: "create",
    DELETE: "delete",
    ALTER: "alter",
    DESCRIBE: "describe",
    CLUSTER_ACTION: "cluster action",
    DESCRIBE_CONFIGS: "describe configs",
    ALTER_CONFIGS: "alter configs",
    IDEMPOTENT_WRITE: "idempotent write",
    CREATE_TOKENS: "create tokens",
    DESCRIBE_TOKENS: "describe tokens",
    TWO_PHASE_COMMIT: "two-phase commit",
}
_IMPLY_DESCRIBE: Final = (READ, WRITE, DELETE, ALTER)


class AclRule:
    """One rule. `principal` is "User:name" or "User:*"; `host` an address or "*"."""

    __slots__ = ("host", "name", "operation", "pattern", "permission", "principal", "resource")

    def __init__(
        self,
        resource: int,
        pattern: int,
        name: str,
        principal: str,
        host: str,
        operation: int,
        permission: int,
    ) -> None:
        self.resource = resource
        self.pattern = pattern
        self.name = name
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission

    def key(self) -> tuple[int, int, str, str, str, int, int]:
        return (
            self.resource,
            self.pattern,
            self.name,
            self.principal,
            self.host,
            self.operation,
            self.permission,
        )

    def text(self) -> str:
        """For people."""
        word = "allow" if self.permission == ALLOW else "deny"
        form = "prefixed" if self.pattern == PREFIXED else "literal"
        kind = _RESOURCE_NAMES.get(self.resource, str(self.resource))
        operation = _OPERATION_NAMES.get(self.operation, str(self.operation))
        return f"{word} {operation} on {kind} {self.name!r} ({form}) to {self.principal} from {self.host}"

    def takes_in(self, name: str) -> bool:
        """Whether its pattern is about a resource of that name."""
        if self.pattern == PREFIXED:
            return name.startswith(self.name)
        return self.name == name or self.name == WILDCARD

    def concerns(self, principal: str, host: str) -> bool:
        mine = self.principal == principal or self.principal == EVERYBODY
        return mine and (self.host == host or self.host == WILDCARD)

    def covers(self, operation: int) -> bool:
        """Whether it speaks of the operation; who is allowed more may look at what it is (and nobody is denied by that)."""
        own = self.operation
        if own == ALL or own == operation:
            return True
        if self.permission != ALLOW:
            return False
        if operation == DESCRIBE:
            return own in _IMPLY_DESCRIBE
        return operation == DESCRIBE_CONFIGS and own == ALTER_CONFIGS


class AclFilter:
    """Names rules: None and ANY stand for whatever it is."""

    __slots__ = ("host", "name", "operation", "pattern", "permission", "principal", "resource")

    def __init__(
        self,
        resource: int = ANY,
        pattern: int = ANY,
        name: str | None = None,
        principal: str | None = None,
        host: str | None = None,
        operation: int = ANY,
        permission: int = ANY,
    ) -> None:
        self.resource = resource
        self.pattern = pattern
        self.name = name
        self.principal = principal
        self.host = host
        self.operation = operation
        self.permission = permission

    def check(self) -> None:
        """Refusal INVALID ("acl") for numbers that a filter cannot have."""
        if not ANY <= self.resource <= USER:
            raise _bad("Unknown resource type in the filter")
        if not ANY <= self.pattern <= PREFIXED:
            raise _bad("Unknown pattern type in the filter")
        if not ANY <= self.operation <= TWO_PHASE_COMMIT:
            raise _bad("Unknown operation in the filter")
        if not ANY <= self.permission <= ALLOW:
            raise _bad("Unknown permission type in the filter")

    def matches(self, rule: AclRule) -> bool:
        if self.resource != ANY and self.resource != rule.resource:
            return False
        if not self._matches_name(rule):
            return False
        if self.principal is not None and self.principal != rule.principal:
            return False
        if self.host is not None and self.host != rule.host:
            return False
        if self.operation != ANY and self.operation != rule.operation:
            return False
        return self.permission == ANY or self.permission == rule.permission

    def _matches_name(self, rule: AclRule) -> bool:
        wanted = self.pattern
        if wanted != ANY and wanted != MATCH and wanted != rule.pattern:
            return False
        name = self.name
        if name is None:
            return True
        if wanted == MATCH:
            return rule.takes_in(name)
        return name == rule.name


def _principal_words(principal: str) -> str:
    if ":" in principal:
        return f"Could not parse principal from `{principal}`: expected principalType:principalName"
    return (
        f"Could not parse principal from `{principal}` "
        "(no colon is present separating the principal type from the principal name)"
    )


def check_rule(rule: AclRule) -> None:
    """Whether the rule can be. Refusal INVALID ("acl")."""
    if not TOPIC <= rule.resource <= USER:
        raise _bad(f"Invalid resourceType {rule.resource}")
    if rule.pattern != LITERAL and rule.pattern != PREFIXED:
        raise _bad(f"Invalid patternType {rule.pattern}")
    if not rule.name:
        raise _bad("Invalid empty resource name")
    if rule.resource == CLUSTER and rule.name != CLUSTER_NAME:
        raise _bad(f"The only valid name for the CLUSTER resource is {CLUSTER_NAME}")
    if not ALL <= rule.operation <= TWO_PHASE_COMMIT:
        raise _bad(f"Invalid operation {rule.operation}")
    if rule.permission != ALLOW and rule.permission != DENY:
        raise _bad(f"Invalid permissionType {rule.permission}")
    kind, colon, name = rule.principal.partition(":")
    if not kind or not colon or not name:
        raise _bad(_principal_words(rule.principal))
    if not rule.host:
        raise _bad("Invalid empty host")


def _bad(detail: str) -> Refusal:
    return Refusal(Reason.INVALID, "acl", "", detail)


class Acls(Part):
    """See the module. Whoever calls `add` and `remove` has asked whether that is allowed."""

    def __init__(self, core: Core) -> None:
        self.number = PART_ACLS
        self._core = core
        self._rules: dict[tuple[int, int, str, str, str, int, int], AclRule] = {}
        self._decisions: dict[tuple[str, str, int, str, int], int] = {}
        self.generation: i64 = 0
        self.on_change: Callable[[], None] | None = None
        """Called when what was decided before may have become wrong."""

    def count(self) -> int:
        return len(self._rules)

    def add(self, rule: AclRule) -> None:
        """Makes the rule; one that exists stays. Refusal INVALID ("acl"), LIMIT ("acl")."""
        check_rule(rule)
        key = rule.key()
        if key in self._rules:
            return
        if len(self._rules) >= RULES_MAX:
            raise Refusal(Reason.LIMIT, "acl", "", f"there are {RULES_MAX} rules already")
        self._change({"add": list(key)})

    def remove(self, chosen: AclFilter) -> list[AclRule]:
        """Removes what the filter names, and returns it. Refusal INVALID ("acl")."""
        found = self.find(chosen)
        for rule in found:
            self._change({"remove": list(rule.key())})
        return found

    def find(self, chosen: AclFilter) -> list[AclRule]:
        """Refusal INVALID ("acl")."""
        chosen.check()
        return [rule for rule in self._rules.values() if chosen.matches(rule)]

    def decide(self, principal: str, host: str, resource: int, name: str, operation: int) -> bool | None:
        """What the rules say: allowed, denied (which wins), or nothing (None). principal: "User:name"."""
        if not self._rules:
            return None
        key = (principal, host, resource, name, operation)
        decision = self._decisions.get(key)
        if decision is None:
            decision = self._evaluate(principal, host, resource, name, operation)
            if len(self._decisions) >= _DECISIONS_MAX:
                self._decisions.clear()
            self._decisions[key] = decision
        return None if decision == _NO_RULE else decision == ALLOW

    def _evaluate(self, principal: str, host: str, resource: int, name: str, operation: int) -> int:
        decision = _NO_RULE
        for rule in self._rules.values():
            if rule.resource != resource or not rule.covers(operation):
                continue
            if not rule.takes_in(name) or not rule.concerns(principal, host):
                continue
            if rule.permission == DENY:
                return DENY
            decision = ALLOW
        return decision

    def may_any(self, principal: str, host: str, resource: int, operation: int) -> bool:
        """Whether some resource of the kind is allowed, and not all of them denied (idempotent producers ask so)."""
        allowed = False
        for rule in self._rules.values():
            if rule.resource != resource or not rule.covers(operation) or not rule.concerns(principal, host):
                continue
            if rule.permission == ALLOW:
                allowed = True
            elif rule.name == WILDCARD and rule.pattern == LITERAL:
                return False
        return allowed

    # The part.

    def _change(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    def apply(self, change: dict[str, object]) -> None:
        added = change.get("add")
        if isinstance(added, (list, tuple)):
            rule = _rule_of(list(added))
            self._rules[rule.key()] = rule
        removed = change.get("remove")
        if isinstance(removed, (list, tuple)):
            self._rules.pop(_rule_of(list(removed)).key(), None)
        self._decisions.clear()
        self.generation += 1
        if self.on_change is not None:
            self.on_change()

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for rule in self._rules.values():
            found.append({"add": list(rule.key())})
        return found


def _rule_of(values: list[object]) -> AclRule:
    resource, pattern, name, principal, host, operation, permission = values
    assert isinstance(resource, int) and isinstance(pattern, int) and isinstance(name, str)
    assert isinstance(principal, str) and isinstance(host, str)
    assert isinstance(operation, int) and isinstance(permission, int)
    return AclRule(resource, pattern, name, principal, host, operation, permission)
