"""Policies and operator policies: settings for all queues and exchanges whose names fit a pattern; durable.

Job: check, keep and list them, and find the one that concerns a name.
Must not: change a queue (policing.py), or decide who may change them (access.py).
Spec: RabbitMQ, "Policies"; rabbit_policy and rabbit_parameter_validation (texts).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.directory.definitions import (
    ALL,
    APPLY_TO,
    CLASSIC_QUEUES,
    EXCHANGES,
    QUEUES,
    QUORUM_QUEUES,
    STREAMS,
    definition_problem,
    erlang_term,
)
from onemq.engine.parts import PART_POLICIES, Part
from onemq.model.pattern import Pattern
from onemq.model.pattern_syntax import PatternError
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import checked_pattern

POLICIES_MAX: Final = 10_000
WORK_MAX: Final = 50_000
"""Of all policies of a namespace, as Policy.work counts: what the declaration of one queue may cost."""
STEPS_OF_ONE_WORK: Final = 16
"""Most patterns take fewer: their policies count one."""

_APPLIES_BY_TYPE: Final = {"classic": CLASSIC_QUEUES, "quorum": QUORUM_QUEUES, "stream": STREAMS}
_HA: Final = ("ha-mode", "ha-params", "ha-sync-mode", "ha-promote-on-shutdown", "ha-promote-on-failure")
_NOT_OF_TYPE: Final = {
    "classic": (
        "max-age",
        "stream-max-segment-size-bytes",
        "queue-leader-locator",
        "initial-cluster-size",
        "delivery-limit",
        "dead-letter-strategy",
    ),
    "quorum": (
        "queue-mode",
        "queue-master-locator",
        "max-age",
        "stream-max-segment-size-bytes",
        "initial-cluster-size",
        *_HA,
    ),
    "stream": (
        "expires",
        "message-ttl",
        "dead-letter-exchange",
        "dead-letter-routing-key",
        "max-length",
        "max-in-memory-length",
        "max-in-memory-bytes",
        "overflow",
        "queue-mode",
        "delivery-limit",
        "queue-master-locator",
        "dead-letter-strategy",
        "target-group-size",
        *_HA,
    ),
}
"""A policy with one of these keys does not concern queues of the type at all, whatever else it says
(RabbitMQ: unsupported_policies of rabbit_classic_queue, rabbit_quorum_queue, rabbit_stream_queue)."""


class Policy:
    """One policy; never changed in place. Refusal INVALID ("policy") with RabbitMQ's text as `detail`.

    Attributes:
        operator: it is an operator policy.
        work: what it takes to see whether it concerns a name; 1 for most.
        apply_to: one of definitions.APPLY_TO. definition: plain values by key.
    """

    __slots__ = (
        "_compiled",
        "apply_to",
        "definition",
        "name",
        "namespace",
        "operator",
        "pattern",
        "priority",
        "work",
    )

    def __init__(
        self,
        namespace: str,
        name: str,
        pattern: object,
        definition: object,
        priority: object = 0,
        apply_to: object = ALL,
        operator: bool = False,
        check: bool = True,
    ) -> None:
        """check: False for what was checked before: a restart takes what an earlier version took. A pattern that we do not
        take any more concerns nothing."""
        if isinstance(priority, bool) or not isinstance(priority, (int, float)):
            raise _invalid(name, f"priority should be a number, actually was {erlang_term(priority)}")
        if not isinstance(pattern, str):
            raise _invalid(name, f"pattern should be a binary but was {erlang_term(pattern)}")
        try:
            self._compiled = checked_pattern(pattern)
        except PatternError as error:
            if check:
                text = f"pattern should be regular expression but is invalid: {error}"
                raise _invalid(name, text) from None
            self._compiled = Pattern(pattern)
        if not isinstance(apply_to, str) or apply_to not in APPLY_TO:
            raise _invalid(
                name,
                f"apply-to '{apply_to}' unrecognised; should be one of: 'queues', 'classic_queues',  "
                "'quorum_queues', 'streams', 'exchanges', or 'all'",
            )
        if not isinstance(definition, dict):
            raise _invalid(name, f"definition must be a dictionary: {erlang_term(definition)}")
        wrong = definition_problem(definition, operator) if check else ""
        if wrong:
            raise _invalid(name, wrong)
        self.namespace = namespace
        self.name = name
        self.pattern = pattern
        self.definition: dict[str, object] = definition
        self.priority: int | float = priority
        self.apply_to = apply_to
        self.operator = operator
        self.work: i64 = 1 + self._compiled.steps // STEPS_OF_ONE_WORK

    def concerns_queue(self, name: str, type_name: str) -> bool:
        """Whether it could be the policy of a queue: the best of those that could be is."""
        kind = self.apply_to
        if kind != ALL and kind != QUEUES and kind != _APPLIES_BY_TYPE.get(type_name, ""):
            return False
        for key in _NOT_OF_TYPE.get(type_name, ()):
            if key in self.definition:
                return False
        return self._compiled.is_in(name)

    def concerns_exchange(self, name: str) -> bool:
        kind = self.apply_to
        return (kind == ALL or kind == EXCHANGES) and self._compiled.is_in(name)


def _invalid(name: str, text: str) -> Refusal:
    return Refusal(Reason.INVALID, "policy", name, f"Validation failed\n\n{text}\n")


class Policies(Part):
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.number = PART_POLICIES
        self._core = core
        self._policies: dict[str, dict[str, Policy]] = {}
        self._operator: dict[str, dict[str, Policy]] = {}
        self._ordered: dict[tuple[str, bool], list[Policy]] = {}
        self._work: dict[str, i64] = {}
        self.count = 0

    def find(self, namespace: str, name: str, operator: bool) -> Policy | None:
        return self._of(operator).get(namespace, {}).get(name)

    def all(self, namespace: str, operator: bool) -> list[Policy]:
        """By name; namespace "": of all, by namespace."""
        found: list[Policy] = []
        kept = self._of(operator)
        for space in sorted(kept):
            if not namespace or space == namespace:
                for name in sorted(kept[space]):
                    found.append(kept[space][name])
        return found

    def ordered(self, namespace: str, operator: bool) -> list[Policy]:
        """Highest priority first, then by name. Not to be changed."""
        found = self._ordered.get((namespace, operator))
        if found is None:
            found = sorted(self._of(operator).get(namespace, {}).values(), key=_order)
            self._ordered[namespace, operator] = found
        return found

    def work(self, namespace: str) -> i64:
        """What it takes to find the policies of one queue there, as Policy.work counts."""
        return self._work.get(namespace, 0)

    def for_queue(self, namespace: str, name: str, type_name: str, operator: bool) -> Policy | None:
        for policy in self.ordered(namespace, operator):
            if policy.concerns_queue(name, type_name):
                return policy
        return None

    def for_exchange(self, namespace: str, name: str, operator: bool) -> Policy | None:
        for policy in self.ordered(namespace, operator):
            if policy.concerns_exchange(name):
                return policy
        return None

    def set(self, policy: Policy) -> None:
        """Makes or replaces it. Refusal LIMIT ("policy")."""
        old = self.find(policy.namespace, policy.name, policy.operator)
        if self.count >= POLICIES_MAX and old is None:
            raise Refusal(Reason.LIMIT, "policy", policy.name, f"there are {POLICIES_MAX} policies already")
        work = self.work(policy.namespace) + policy.work - (0 if old is None else old.work)
        if policy.work > 1 and work > WORK_MAX:
            text = "the patterns of all policies of the virtual host are too large together"
            raise Refusal(Reason.LIMIT, "policy", policy.name, text)
        self._note(_to_plain(policy))

    def remove(self, namespace: str, name: str, operator: bool) -> None:
        """One that is there."""
        self._note({"ns": namespace, "name": name, "operator": operator})

    def forget_namespace(self, namespace: str) -> None:
        """It has gone: no fact of its own."""
        for operator in (False, True):
            self.count -= len(self._of(operator).pop(namespace, {}))
            self._ordered.pop((namespace, operator), None)
        self._work.pop(namespace, None)

    def _of(self, operator: bool) -> dict[str, dict[str, Policy]]:
        return self._operator if operator else self._policies

    def _note(self, change: dict[str, object]) -> None:
        self._core.note(self, change)
        self.apply(change)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        namespace, name, operator = change["ns"], change["name"], bool(change["operator"])
        assert isinstance(namespace, str) and isinstance(name, str)
        kept = self._of(operator).setdefault(namespace, {})
        old = kept.pop(name, None)
        if old is not None:
            self.count -= 1
            self._work[namespace] = self.work(namespace) - old.work
        self._ordered.pop((namespace, operator), None)
        if "pattern" in change:
            policy = Policy(
                namespace,
                name,
                change["pattern"],
                change["definition"],
                change["priority"],
                change["apply_to"],
                operator,
                check=False,
            )
            kept[name] = policy
            self.count += 1
            self._work[namespace] = self.work(namespace) + policy.work

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for operator in (False, True):
            for policy in self.all("", operator):
                found.append(_to_plain(policy))
        return found


def _order(policy: Policy) -> tuple[float, str]:
    return -float(policy.priority), policy.name


def _to_plain(policy: Policy) -> dict[str, object]:
    return {
        "ns": policy.namespace,
        "name": policy.name,
        "operator": policy.operator,
        "pattern": policy.pattern,
        "definition": policy.definition,
        "priority": policy.priority,
        "apply_to": policy.apply_to,
    }
