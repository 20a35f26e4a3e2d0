"""One principal's way to runtime parameters, of namespaces and global ones. RabbitMQ's tools find operator policies and limits among them.

A part of DirectoryAccess. Must not: say what a component's parameter means.
Spec: RabbitMQ, "Parameters and Policies".
"""

from typing import Final

from onemq.engine.auditing import Audit
from onemq.engine.directory.definitions import erlang_term
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.limit_access import LimitAccess
from onemq.engine.directory.limits import OF_NAMESPACE
from onemq.engine.directory.parameters import ParameterRecord
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.policy_access import PolicyAccess
from onemq.engine.directory.standing import Standing, check_name
from onemq.model.refusal import Reason, Refusal

OPERATOR_POLICY: Final = "operator_policy"
POLICY: Final = "policy"
VHOST_LIMITS: Final = "vhost-limits"
"""Components of parameters under which RabbitMQ's tools find what has parts of its own here."""
LIMITS_NAME: Final = "limits"


class ParameterAccess:
    """See the module. Every method: Refusal ACCESS_DENIED, NOT_FOUND ("namespace", "parameter")."""

    def __init__(
        self,
        directory: Directory,
        standing: Standing,
        audit: Audit,
        policies: PolicyAccess,
        limits: LimitAccess,
    ) -> None:
        self._directory = directory
        self._standing = standing
        self._audit = audit
        self._policies = policies
        self._limits = limits

    def all(self, namespace: str = "", component: str = "") -> list[ParameterRecord]:
        """Of namespaces that this user may make policies in; operator policies and limits of namespaces are among them, as in RabbitMQ."""
        self._standing.demand_policymaker(namespace)
        self._standing.demand_known(namespace, "")
        found: list[ParameterRecord] = []
        for record in self._every(namespace, component):
            if self._standing.is_administrator() or self._standing.may_enter(record.namespace):
                found.append(record)
        return found

    def _every(self, namespace: str, component: str) -> list[ParameterRecord]:
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

    def find(self, namespace: str, component: str, name: str) -> ParameterRecord:
        for record in self.all(namespace, component):
            if record.name == name and record.component == component:
                return record
        raise Refusal(Reason.NOT_FOUND, "parameter", name)

    def set(self, namespace: str, component: str, name: str, value: object) -> None:
        """value: plain. Refusal INVALID for a policy (which has a method of its own), LIMIT."""
        if component == OPERATOR_POLICY or component == VHOST_LIMITS:
            self._set_special(namespace, component, name, value)
            return
        with self._audit.doing("alter", "parameter", name, f"{component} in {namespace}"):
            self._standing.demand_policymaker(namespace)
            self._standing.demand_known(namespace, "")
            if component == POLICY:
                text = "policies may not be set using this method"
                raise Refusal(Reason.INVALID, "parameter", name, text)
            check_name("parameter", component)
            check_name("parameter", name)
            self._directory.parameters.set(namespace, component, name, value)

    def _set_special(self, namespace: str, component: str, name: str, value: object) -> None:
        if not isinstance(value, dict):
            text = f"Validation failed\n\n{name} not a list {erlang_term(value)}\n"
            raise Refusal(Reason.INVALID, "parameter", name, text)
        if component == OPERATOR_POLICY:
            self._policies.set(
                namespace,
                name,
                value.get("pattern"),
                value.get("definition"),
                value.get("priority", 0),
                value.get("apply-to", "all"),
                operator=True,
            )
            return
        for limit, number in value.items():
            self._limits.set(OF_NAMESPACE, namespace, str(limit), number)

    def clear(self, namespace: str, component: str, name: str) -> None:
        if component == OPERATOR_POLICY:
            self._policies.delete(namespace, name, operator=True)
            return
        if component == VHOST_LIMITS and name == LIMITS_NAME:
            for limit in list(self._limits.of_namespaces(namespace).get(namespace, {})):
                self._limits.clear(OF_NAMESPACE, namespace, limit)
            return
        with self._audit.doing("delete", "parameter", name, f"{component} in {namespace}"):
            self._standing.demand_policymaker(namespace)
            self._standing.demand_known(namespace, "")
            if self._directory.parameters.find(namespace, component, name) is None:
                raise Refusal(Reason.NOT_FOUND, "parameter", name)
            self._directory.parameters.remove(namespace, component, name)

    def all_global(self) -> list[ParameterRecord]:
        """By name."""
        self._standing.demand_policymaker()
        return self._directory.parameters.all_global()

    def find_global(self, name: str) -> ParameterRecord:
        self._standing.demand_policymaker()
        found = self._directory.parameters.find("", "", name)
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "parameter", name)
        return found

    def set_global(self, name: str, value: object) -> None:
        """value: plain."""
        with self._audit.doing("alter", "global parameter", name):
            self._standing.demand_policymaker()
            check_name("parameter", name)
            self._directory.parameters.set("", "", name, value)

    def clear_global(self, name: str) -> None:
        with self._audit.doing("delete", "global parameter", name):
            self._standing.demand_policymaker()
            if self._directory.parameters.find("", "", name) is None:
                raise Refusal(Reason.NOT_FOUND, "parameter", name)
            self._directory.parameters.remove("", "", name)

    def cluster_name(self) -> str:
        """ "" while nobody has set one. No right is needed: clients are told it when they connect."""
        return self._directory.parameters.cluster_name()


def _plain(policy: Policy) -> dict[str, object]:
    """As the value of a parameter."""
    return {
        "pattern": policy.pattern,
        "definition": policy.definition,
        "priority": policy.priority,
        "apply-to": policy.apply_to,
    }
