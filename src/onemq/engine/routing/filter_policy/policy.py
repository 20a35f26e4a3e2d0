"""Amazon SNS's filter policies: a JSON document compiled to a predicate over a message's attributes or body.

Job: compile with AWS's limits and error texts; say whether a message passes.
Must not: know topics or subscriptions (engine/notices does), or HTTP.
Source: Amazon SNS Developer Guide, "Amazon SNS message filtering" and "Filter policy constraints"; recorded answers of SNS. Differs: the
operators suffix, equals-ignore-case and wildcard within anything-but are taken (SNS took only prefix when its errors were recorded).
"""

import json
from typing import Final

from onemq.engine.routing.filter_policy.compiler import Condition, read_values
from onemq.engine.routing.filter_policy.fields import Fields
from onemq.engine.routing.filter_policy.patterns import Pattern
from onemq.engine.routing.filter_policy.tokens import ARRAY, NAME, OBJECT, OBJECT_END, PolicyError, Tokens

MESSAGE_ATTRIBUTES: Final = "MessageAttributes"
MESSAGE_BODY: Final = "MessageBody"

KEYS_MAX: Final = 5
COMBINATIONS_MAX: Final = 150
POLICY_BYTES_MAX: Final = 256 << 10

_OR: Final = "$or"

Attributes = list[tuple[str, str, str]]
"""Message attributes that filters see: name, type ("String", "Number", "String.Array", with or without a label), text."""


class Alternative:
    """Conditions that must hold together."""

    __slots__ = ("conditions", "names")

    def __init__(self, names: list[str], conditions: list[Condition]) -> None:
        self.names = names
        self.conditions = conditions

    def extended(self, name: str, condition: Condition) -> "Alternative":
        return Alternative([*self.names, name], [*self.conditions, condition])

    def passes(self, fields: Fields) -> bool:
        names: list[str] = []
        patterns: list[list[Pattern]] = []
        for index in range(len(self.names)):
            name = self.names[index]
            condition = self.conditions[index]
            if condition.absent and not fields.has(name):
                continue
            names.append(name)
            patterns.append(condition.patterns)
        return fields.pass_all(names, patterns)


class FilterPolicy:
    """A compiled policy."""

    def __init__(self, scope: str, alternatives: list[Alternative]) -> None:
        self.scope = scope
        self._alternatives = alternatives

    def passes(self, attributes: Attributes, body: str) -> bool:
        """Whether a message with these attributes and this text passes."""
        fields: Fields | None
        if self.scope == MESSAGE_BODY:
            fields = body_fields(body)
        else:
            fields = attribute_fields(attributes)
        return fields is not None and self._passes(fields)

    def _passes(self, fields: Fields) -> bool:
        for alternative in self._alternatives:
            if alternative.passes(fields):
                return True
        return False


def body_fields(body: str) -> Fields | None:
    """None: it is no JSON object, and passes no policy."""
    try:
        decoded = json.loads(body)
    except (ValueError, RecursionError):
        return None
    if not isinstance(decoded, dict):
        return None
    fields = Fields()
    return fields if fields.add_tree("", decoded, []) else None


def attribute_fields(attributes: Attributes) -> Fields:
    """Binary attributes are not seen by policies; a broken array has no elements."""
    fields = Fields()
    for name, kind, text in attributes:
        base = kind.split(".", 1)[0]
        if kind == "String.Array":
            try:
                values = json.loads(text)
            except (ValueError, RecursionError):
                continue
            if isinstance(values, list):
                for value in values:
                    if value is None or isinstance(value, (bool, int, float, str)):
                        fields.add(name, value)
        elif base == "String":
            fields.add(name, text)
        elif base == "Number":
            try:
                fields.add(name, float(text))
            except ValueError:
                continue
    return fields


def compile_policy(text: str, scope: str) -> FilterPolicy | None:
    """None: the policy is empty, everything passes. Raises PolicyError."""
    if not text:
        return None
    if len(text) > POLICY_BYTES_MAX:
        raise PolicyError("Filter policy is too complex")
    try:
        policy = json.loads(text)
    except (ValueError, RecursionError):
        raise PolicyError("failed to parse JSON.") from None
    if not isinstance(policy, dict):
        raise PolicyError("failed to parse JSON.")
    if not policy:
        return None
    if len(policy) > KEYS_MAX:
        raise PolicyError("Filter policy can not have more than 5 keys")
    tokens = Tokens(policy)
    if _combinations(policy, 1, 1) > COMBINATIONS_MAX:
        raise PolicyError("Filter policy is too complex")
    tokens.next()
    compiler = _Compiler(tokens)
    alternatives = compiler.read_object([Alternative([], [])], "", 1)
    if scope == MESSAGE_ATTRIBUTES and compiler.deepest > 1:
        raise PolicyError(
            "Filter policy scope MessageAttributes does not support nested filter policy", of_policy=False
        )
    return FilterPolicy(scope, alternatives)


def _is_alternatives(name: str, value: object) -> bool:
    """Whether this is a choice, and not a field that happens to have that name."""
    if name != _OR or not isinstance(value, list) or len(value) < 2:
        return False
    for item in value:
        if not isinstance(item, dict):
            return False
    return True


def _combinations(policy: dict[str, object], depth: int, before: int) -> int:
    """The guide's measure: products of the numbers of values, each times its depth; choices add up."""
    found = before
    for name, value in policy.items():
        if found > COMBINATIONS_MAX:
            # It only grows; an empty list, which would make it nothing, is refused on its own.
            return found
        if isinstance(value, dict):
            found = _combinations(value, depth + 1, found)
        elif isinstance(value, list):
            if _is_alternatives(name, value):
                total = 0
                for item in value:
                    total += _combinations(item, depth, found)
                found = total
            else:
                found *= max(len(value), 1) * depth
    return found


class _Compiler:
    """Reads the structure: names, nesting, choices."""

    def __init__(self, tokens: Tokens) -> None:
        self._tokens = tokens
        self.deepest = 1

    def read_object(self, alternatives: list[Alternative], path: str, depth: int) -> list[Alternative]:
        """The members of an object whose opening brace has been read, added to each of the alternatives."""
        tokens = self._tokens
        self.deepest = max(self.deepest, depth)
        empty = True
        while True:
            token = tokens.next()
            if token.kind == OBJECT_END:
                break
            assert token.kind == NAME
            empty = False
            name = str(token.value)
            following = tokens.next()
            full = f"{path}.{name}" if path else name
            if following.kind == OBJECT:
                alternatives = self.read_object(alternatives, full, depth + 1)
            elif following.kind == ARRAY:
                if name == _OR and tokens.begins_choice():
                    alternatives = self._read_choice(alternatives, path, depth)
                else:
                    condition = read_values(tokens)
                    alternatives = [each.extended(full, condition) for each in alternatives]
            else:
                raise tokens.fail(f'"{name}" must be an object or an array')
        if empty:
            raise tokens.fail("Empty objects are not allowed")
        return alternatives

    def _read_choice(self, alternatives: list[Alternative], path: str, depth: int) -> list[Alternative]:
        tokens = self._tokens
        found: list[Alternative] = []
        while tokens.next().kind == OBJECT:
            found.extend(self.read_object(alternatives, path, depth))
        return found
