"""What one principal may do, joined from its configured permissions and the access rules. Access and its parts ask here.

Job: one decision per question: a rule that denies wins; what permissions or a rule allow is allowed; administrators may everything.
Must not: change rules, or know a protocol beyond the rules' numbers.
Spec: Kafka documentation, "Authorization and ACLs"; RabbitMQ, "Access Control" (permissions).
"""

from typing import Final

from onemq.engine.acls import (
    ALTER,
    ALTER_CONFIGS,
    CLUSTER,
    CLUSTER_NAME,
    CREATE,
    DELETE,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    DESCRIBE_TOKENS,
    GROUP,
    IDEMPOTENT_WRITE,
    READ,
    TOPIC,
    TRANSACTIONAL_ID,
    WRITE,
    Acls,
)
from onemq.engine.auditing import Audit
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights

ADMINISTRATOR: Final = "administrator"
MONITORING: Final = "monitoring"
NO_OPERATIONS: Final = -2147483648
"""What Kafka says for authorised operations that were not asked for."""

_KIND_NAMES: Final = {
    TOPIC: "topic",
    GROUP: "group",
    CLUSTER: "cluster",
    TRANSACTIONAL_ID: "transactional id",
}
_OPERATIONS: Final = {
    TOPIC: (READ, WRITE, CREATE, DELETE, ALTER, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS),
    GROUP: (READ, DELETE, DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS),
    CLUSTER: (CREATE, ALTER, DESCRIBE, 9, DESCRIBE_CONFIGS, ALTER_CONFIGS, IDEMPOTENT_WRITE),
}
"""Operations that a kind of resource has; 9 is what brokers ask of each other (CLUSTER_ACTION)."""
_NOTHING: Final = NamePattern("")


class Authority:
    """See the module.

    Attributes:
        host: the peer's address, "" where it is not known (then only rules for every host concern it).
        denied: what the principal was denied last; whoever serves it may tell an operator (`take_denied`).
        audit: what the principal does as an administrator is noted there; see auditing.py.
    """

    __slots__ = (
        "_acls",
        "_rights",
        "_tags",
        "_user",
        "audit",
        "denied",
        "host",
    )

    def __init__(self, acls: Acls, principal: Principal, rights: Rights, audit: Audit | None = None) -> None:
        self.denied: Refusal | None = None
        self.audit = Audit(None, principal.name, "") if audit is None else audit
        self._acls = acls
        self._rights = rights
        self._user = "User:" + principal.name
        # The directory changes this list when the user gets other tags: they hold for who is connected, too.
        self._tags = principal.tags
        self.host = ""

    def allows(self, resource: int, operation: int, name: str) -> bool:
        """resource, operation: as acls.py numbers them."""
        if ADMINISTRATOR in self._tags:
            return True
        decided = self._acls.decide(self._user, self.host, resource, name, operation)
        if decided is not None:
            return decided
        return self._permitted(resource, operation, name)

    def denies(self, resource: int, operation: int, name: str) -> bool:
        """Whether a rule denies it: what protocols without such rules have to respect as well."""
        if ADMINISTRATOR in self._tags:
            return False
        return self._acls.decide(self._user, self.host, resource, name, operation) is False

    def has_tag(self, tags: tuple[str, ...]) -> bool:
        """Whether the principal has one of them."""
        for tag in tags:
            if tag in self._tags:
                return True
        return False

    def demand(self, resource: int, operation: int, name: str) -> None:
        """Refusal ACCESS_DENIED about the kind of resource."""
        if not self.allows(resource, operation, name):
            raise self.refusal(_KIND_NAMES.get(resource, ""), name, f"operation {operation}")

    def refusal(self, kind: str, name: str, right: str) -> Refusal:
        """ACCESS_DENIED, and remembered."""
        self.denied = Refusal(Reason.ACCESS_DENIED, kind, name, right)
        return self.denied

    def take_denied(self) -> Refusal | None:
        """What was denied since the last call: the last of it."""
        denied = self.denied
        self.denied = None
        return denied

    def on(self, resource: int) -> "RightsOn":
        """Rights on resources of one kind, for code that asks for configure, write and read."""
        return RightsOn(self, resource)

    def operations(self, resource: int, name: str) -> int:
        """What is allowed, as the bit field that Kafka's answers have (bit n: operation n)."""
        found = 0
        for operation in _OPERATIONS.get(resource, ()):
            if self.allows(resource, operation, name):
                found |= 1 << operation
        return found

    def may_write_idempotently(self) -> bool:
        """Whether a producer without transactional id gets a producer id: on the cluster, or because it may write some topic."""
        if self.allows(CLUSTER, IDEMPOTENT_WRITE, CLUSTER_NAME):
            return True
        return self._acls.may_any(self._user, self.host, TOPIC, WRITE)

    def _permitted(self, resource: int, operation: int, name: str) -> bool:
        """Without rules: what the three patterns allow."""
        rights = self._rights
        if resource == CLUSTER:
            return self._permitted_cluster(operation)
        if operation == READ:
            return rights.may_read(name)
        if operation == WRITE:
            return rights.may_write(name)
        if operation == DESCRIBE or operation == DESCRIBE_CONFIGS:
            if rights.may_read(name) or rights.may_write(name):
                return True
        return rights.may_configure(name)

    def _permitted_cluster(self, operation: int) -> bool:
        if operation == IDEMPOTENT_WRITE:
            return True
        if operation == DESCRIBE or operation == DESCRIBE_CONFIGS or operation == DESCRIBE_TOKENS:
            return MONITORING in self._tags or self._rights.may_configure(CLUSTER_NAME)
        return False


class RightsOn(Rights):
    """Rights as permissions word them, on one kind of resource, rules included."""

    def __init__(self, authority: Authority, resource: int) -> None:
        super().__init__(_NOTHING, _NOTHING, _NOTHING)
        self._authority = authority
        self._resource = resource

    def may_configure(self, name: str) -> bool:
        return self._authority.allows(self._resource, ALTER, name)

    def may_write(self, name: str) -> bool:
        return self._authority.allows(self._resource, WRITE, name)

    def may_read(self, name: str) -> bool:
        return self._authority.allows(self._resource, READ, name)
