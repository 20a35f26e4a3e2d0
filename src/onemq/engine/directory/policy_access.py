"""One principal's way to policies: policymakers make them in namespaces that they may enter, operator policies are administrators'.

A part of DirectoryAccess. Must not: say what a policy does where it applies (policing.py, resolution.py do).
Spec: RabbitMQ, "Parameters and Policies".
"""

from onemq.engine.auditing import Audit, settings_text
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.standing import Standing, check_name
from onemq.model.refusal import Reason, Refusal


class PolicyAccess:
    """See the module. Every method: Refusal ACCESS_DENIED, NOT_FOUND ("namespace", "policy"). operator: operator policies are meant."""

    def __init__(self, directory: Directory, standing: Standing, audit: Audit) -> None:
        self._directory = directory
        self._standing = standing
        self._audit = audit

    def all(self, namespace: str = "", operator: bool = False) -> list[Policy]:
        """By namespace and name; "" = of all that this user sees. Those who see a namespace see its policies."""
        self._standing.demand_known(namespace, "")
        self._standing.demand_seen(namespace)
        found: list[Policy] = []
        for policy in self._directory.policies.all(namespace, operator):
            if self._standing.sees(policy.namespace):
                found.append(policy)
        return found

    def find(self, namespace: str, name: str, operator: bool = False) -> Policy:
        for policy in self.all(namespace, operator):
            if policy.name == name:
                return policy
        raise Refusal(Reason.NOT_FOUND, "policy", name)

    def set(
        self,
        namespace: str,
        name: str,
        pattern: object,
        definition: object,
        priority: object = 0,
        apply_to: object = "all",
        operator: bool = False,
    ) -> bool:
        """Makes or replaces it; True: it was made. Values as they came: Refusal INVALID has RabbitMQ's text about them as `detail`."""
        before = self._directory.policies.find(namespace, name, operator)
        action = "create" if before is None else "alter"
        with self._audit.doing(action, _kind(operator), name, f"in {namespace}") as act:
            self._demand_maker(namespace, operator)
            check_name("policy", name)
            policy = Policy(namespace, name, pattern, definition, priority, apply_to, operator)
            said = settings_text({key: str(value) for key, value in policy.definition.items()})
            act.detail(f"in {namespace}, '{policy.pattern}': {said}")
            self._directory.set_policy(policy)
            return before is None

    def delete(self, namespace: str, name: str, operator: bool = False) -> None:
        with self._audit.doing("delete", _kind(operator), name, f"in {namespace}"):
            self._demand_maker(namespace, operator)
            if self._directory.policies.find(namespace, name, operator) is None:
                raise Refusal(Reason.NOT_FOUND, "policy", name)
            self._directory.remove_policy(namespace, name, operator)

    def _demand_maker(self, namespace: str, operator: bool) -> None:
        if operator:
            self._standing.demand_administrator()
        else:
            self._standing.demand_policymaker(namespace)
        self._standing.demand_known(namespace, "")


def _kind(operator: bool) -> str:
    return "operator policy" if operator else "policy"
