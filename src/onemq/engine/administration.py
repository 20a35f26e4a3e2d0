"""What administrators change beside topics and groups themselves: access rules, quotas, credentials, settings of groups.

Job: hold those parts together, and let one principal at them (AdminAccess authorises; nothing else may).
Must not: know a protocol.
Spec: Kafka documentation, "Authorization and ACLs", table of operations per request.
"""

from typing import Final

from onemq.engine.acls import (
    ALTER,
    ALTER_CONFIGS,
    CLUSTER,
    CLUSTER_NAME,
    DESCRIBE,
    DESCRIBE_CONFIGS,
    GROUP,
    AclFilter,
    AclRule,
    Acls,
)
from onemq.engine.auditing import settings_text
from onemq.engine.authority import Authority
from onemq.engine.core import Core
from onemq.engine.credentials import Credentials, ScramCredential
from onemq.engine.group_configs import GroupConfigs
from onemq.engine.parts import Part
from onemq.engine.quotas import Entity, FilterPart, Quotas

_RULES_TOLD: Final = 20
"""Of the rules removed at once, so many are written down; of the others how many they were."""


class Administration:
    """The parts."""

    def __init__(self, core: Core) -> None:
        self.acls = Acls(core)
        self.quotas = Quotas(core)
        self.credentials = Credentials(core)
        self.group_configs = GroupConfigs(core)

    def parts(self) -> list[Part]:
        return [self.acls, self.quotas, self.credentials, self.group_configs]


class AdminAccess:
    """One principal's way to them. Every method raises Refusal ACCESS_DENIED ("cluster", "group"), and what the part raises."""

    def __init__(self, administration: Administration, authority: Authority, user: str) -> None:
        self._parts = administration
        self._authority = authority
        self._user = user

    def demand_cluster(self, operation: int) -> None:
        self._authority.demand(CLUSTER, operation, CLUSTER_NAME)

    # Being counted: no right is needed.

    def charge(self, client_id: str, kind: str, amount: int) -> int:
        """Counts bytes of quotas.PRODUCER_BYTE_RATE or CONSUMER_BYTE_RATE; returns for how many ms the client is to be held up."""
        return self._parts.quotas.charge(self._user, client_id, kind, float(amount))

    def charge_mutations(self, client_id: str, count: int, strict: bool) -> int:
        """Counts partitions made or deleted. strict: above 0 means refused and not counted; else the ms to be held up for."""
        return self._parts.quotas.charge_mutations(self._user, client_id, count, strict)

    # Rules.

    def rules(self, chosen: AclFilter) -> list[AclRule]:
        self.demand_cluster(DESCRIBE)
        return self._parts.acls.find(chosen)

    def add_rule(self, rule: AclRule) -> None:
        with self._authority.audit.doing("create", "access rule", rule.name, rule.text()):
            self.demand_cluster(ALTER)
            self._parts.acls.add(rule)

    def remove_rules(self, chosen: AclFilter) -> list[AclRule]:
        with self._authority.audit.doing("delete", "access rule", chosen.name or "") as act:
            self.demand_cluster(ALTER)
            removed = self._parts.acls.remove(chosen)
            act.detail("; ".join([rule.text() for rule in removed[:_RULES_TOLD]]) + _more(len(removed)))
            if not removed:
                act.nothing()
            return removed

    # Quotas.

    def quotas(self, parts: list[FilterPart], strict: bool) -> list[tuple[Entity, dict[str, float]]]:
        self.demand_cluster(DESCRIBE_CONFIGS)
        return self._parts.quotas.find(parts, strict)

    def alter_quota(self, entity: Entity, changes: list[tuple[str, float | None]], check_only: bool) -> None:
        """All of the changes or none."""
        name = ", ".join([f"{kind} {who or '(default)'}" for kind, who in entity])
        detail = ", ".join([f"{key}={'(removed)' if value is None else value}" for key, value in changes])
        with self._authority.audit.doing("alter", "quota", name, detail) as act:
            self.demand_cluster(ALTER_CONFIGS)
            for key, value in changes:
                self._parts.quotas.check(entity, key, value)
            if check_only:
                act.nothing()
                return
            for key, value in changes:
                self._parts.quotas.alter(entity, key, value)

    # Credentials.

    def credential_users(self) -> list[str]:
        self.demand_cluster(DESCRIBE)
        return self._parts.credentials.users()

    def credentials(self, user: str) -> dict[str, ScramCredential]:
        self.demand_cluster(DESCRIBE)
        return self._parts.credentials.of_user(user)

    def has_credential(self, user: str, mechanism: str) -> bool:
        self.demand_cluster(ALTER)
        return self._parts.credentials.find(user, mechanism) is not None

    def store_credential(self, user: str, mechanism: str, credential: ScramCredential) -> None:
        with self._authority.audit.doing("alter", "credentials", user, mechanism):
            self.demand_cluster(ALTER)
            self._parts.credentials.store(user, mechanism, credential)

    def remove_credential(self, user: str, mechanism: str) -> None:
        with self._authority.audit.doing("delete", "credentials", user, mechanism):
            self.demand_cluster(ALTER)
            self._parts.credentials.remove(user, mechanism)

    # Settings of groups.

    def configured_groups(self) -> list[str]:
        """Those of them that may be described."""
        found: list[str] = []
        for group in self._parts.group_configs.groups():
            if self._authority.allows(GROUP, DESCRIBE_CONFIGS, group):
                found.append(group)
        return found

    def group_overrides(self, group: str) -> dict[str, str]:
        self._authority.demand(GROUP, DESCRIBE_CONFIGS, group)
        return (
            dict(self._parts.group_configs.overrides(group))
            if group in self._parts.group_configs.groups()
            else {}
        )

    def configure_group(self, group: str, overrides: dict[str, str], check_only: bool = False) -> None:
        """`overrides`: all that are to be set from now on."""
        with self._authority.audit.doing("alter", "group", group, settings_text(overrides)) as act:
            self._authority.demand(GROUP, ALTER_CONFIGS, group)
            self._parts.group_configs.configure(group, overrides, check_only)
            if check_only:
                act.nothing()


def _more(count: int) -> str:
    return f"; and {count - _RULES_TOLD} more" if count > _RULES_TOLD else ""
