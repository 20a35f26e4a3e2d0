"""One principal's way to the limits of users and namespaces. A part of DirectoryAccess.

Must not: hold anybody to a limit (limits.py does).
"""

from typing import Final

from onemq.engine.auditing import Audit
from onemq.engine.directory.definitions import erlang_term
from onemq.engine.directory.directory import Directory
from onemq.engine.directory.limits import NAMESPACE_LIMITS, OF_NAMESPACE, OF_USER, USER_LIMITS
from onemq.engine.directory.standing import Standing
from onemq.model.refusal import Reason, Refusal

_KNOWN: Final = {OF_USER: USER_LIMITS, OF_NAMESPACE: NAMESPACE_LIMITS}
_PLACES: Final = {OF_USER: "user-limits", OF_NAMESPACE: "limits"}
"""Where RabbitMQ says that an unknown one stood."""


class LimitAccess:
    """See the module. A kind is OF_USER or OF_NAMESPACE. Every method: Refusal ACCESS_DENIED, NOT_FOUND (the user or namespace)."""

    def __init__(self, directory: Directory, standing: Standing, audit: Audit) -> None:
        self._directory = directory
        self._limits = directory.limits
        self._standing = standing
        self._audit = audit

    def of_users(self, user: str = "") -> dict[str, dict[str, int]]:
        """By user, those that have any; "" = all. One's own: without any tag."""
        if not user or not self._standing.is_self(user):
            self._standing.demand_administrator()
        self._standing.demand_known("", user)
        if not user:
            return self._limits.all(OF_USER)
        limits = self._limits.of(OF_USER, user)
        return {user: limits} if limits else {}

    def of_namespaces(self, namespace: str = "") -> dict[str, dict[str, int]]:
        """By namespace, those that have any and that this user is shown; "" = all."""
        self._standing.demand_known(namespace, "")
        self._standing.demand_seen(namespace)
        if namespace:
            limits = self._limits.of(OF_NAMESPACE, namespace)
            return {namespace: limits} if limits else {}
        every = self._limits.all(OF_NAMESPACE)
        return {name: limits for name, limits in every.items() if self._standing.sees(name)}

    def set(self, kind: str, name: str, limit: str, value: object) -> None:
        """limit: one of USER_LIMITS or NAMESPACE_LIMITS. value: a whole number, negative = none. Refusal INVALID."""
        with self._audit.doing("alter", f"{kind} limit", name, f"{limit} {value}"):
            limits = self._changeable(kind, name)
            limits[limit] = _limit_value(kind, name, limit, value)
            self._limits.set(kind, name, limits)

    def clear(self, kind: str, name: str, limit: str) -> None:
        """One that is not set is fine."""
        with self._audit.doing("delete", f"{kind} limit", name, limit):
            limits = self._changeable(kind, name)
            if limits.pop(limit, None) is not None:
                self._limits.set(kind, name, limits)

    def _changeable(self, kind: str, name: str) -> dict[str, int]:
        self._standing.demand_administrator()
        if kind == OF_USER:
            self._standing.demand_known("", name)
        else:
            self._standing.demand_known(name, "")
        return self._limits.of(kind, name)


def _limit_value(kind: str, name: str, limit: str, value: object) -> int:
    wrong = ""
    if limit not in _KNOWN[kind]:
        wrong = f"Unrecognised terms [{{{erlang_term(limit)},{erlang_term(value)}}}] in {_PLACES[kind]}"
    elif isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 1 << 62:
        wrong = f"{limit} should be a number, actually was {erlang_term(value)}"
    else:
        return value
    if kind == OF_NAMESPACE:
        # Those are parameters in RabbitMQ, with the words of parameters.
        wrong = f"Validation failed\n\n{wrong}\n"
    raise Refusal(Reason.INVALID, kind, name, wrong)
