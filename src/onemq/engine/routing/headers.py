"""Headers exchanges: the binding's arguments ask for headers.

The argument "x-match" tells how: "all" (also when it is missing) or "any" of the other arguments must match;
arguments whose name starts with "x-" are passed over, unless it is "all-with-x" or "any-with-x". An argument
without a value asks only that the header be there. Nothing to match: "all" matches, "any" does not.
Must not: look at routing keys.
Spec: AMQP 0-9-1 section 3.1.3.4, as RabbitMQ 4 reads it (rabbit_exchange_type_headers).
"""

from typing import Final

from onemq.engine.routing.arguments import same_value
from onemq.engine.routing.destination import Destination
from onemq.engine.routing.matcher import Binding, Matcher
from onemq.model.record import HeaderValue
from onemq.model.refusal import Reason, Refusal

X_MATCH: Final = "x-match"
MODES: Final = ("all", "any", "all-with-x", "any-with-x")


class _Rule:
    """A binding's arguments, taken apart once. `filed` is where the index has it."""

    __slots__ = ("any_of", "destination", "filed", "present", "valued", "values")

    def __init__(self, binding: Binding) -> None:
        mode = binding.arguments.get(X_MATCH, "all")
        with_x = mode == "all-with-x" or mode == "any-with-x"
        self.destination = binding.destination
        self.any_of = mode == "any" or mode == "any-with-x"
        self.present: list[str] = []
        self.valued: list[str] = []
        self.values: list[object] = []
        self.filed: list[tuple[str, object]] = []
        for name, value in binding.arguments.items():
            if name == X_MATCH or (name.startswith("x-") and not with_x):
                continue
            if value is None:
                self.present.append(name)
            else:
                self.valued.append(name)
                self.values.append(value)

    def matches(self, headers: dict[str, HeaderValue]) -> bool:
        """True at the first hit where any is enough, False at the first miss where all must hit."""
        any_of = self.any_of
        for index in range(len(self.valued)):
            # A header without a value equals nothing asked for: it reads like one that is not there.
            value = headers.get(self.valued[index])
            if (value is not None and same_value(self.values[index], value)) == any_of:
                return any_of
        for name in self.present:
            if (name in headers) == any_of:
                return any_of
        return not any_of


def _index_key(value: object) -> object:
    """What equal values share; unequal ones may share it too. None for values that are not indexed."""
    if isinstance(value, (str, int, float)):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    return None


class _Index:
    """Rules by name and value of a header: a record is held only against the rules it has a chance with.

    A rule of which all must hit is filed under one of its values, the one that fewest share so far; a rule of
    which any may hit, under each. What cannot be filed so (presence, lists, tables) is held against every record.
    """

    __slots__ = ("_by_name", "_unfiled")

    def __init__(self) -> None:
        self._by_name: dict[str, dict[object, dict[_Rule, None]]] = {}
        self._unfiled: dict[_Rule, None] = {}

    def add(self, rule: _Rule) -> None:
        rule.filed = self._places(rule)
        for name, key in rule.filed:
            self._by_name.setdefault(name, {}).setdefault(key, {})[rule] = None
        if not rule.filed:
            self._unfiled[rule] = None

    def remove(self, rule: _Rule) -> None:
        for name, key in rule.filed:
            by_value = self._by_name[name]
            del by_value[key][rule]
            if not by_value[key]:
                del by_value[key]
            if not by_value:
                del self._by_name[name]
        if not rule.filed:
            del self._unfiled[rule]

    def match(self, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        for name, value in headers.items():
            by_value = self._by_name.get(name)
            if by_value is None:
                continue
            key = _index_key(value)
            rules = None if key is None else by_value.get(key)
            if rules is not None:
                _match_each(rules, headers, out)
        if self._unfiled:
            _match_each(self._unfiled, headers, out)

    def _places(self, rule: _Rule) -> list[tuple[str, object]]:
        places: list[tuple[str, object]] = []
        for index in range(len(rule.valued)):
            key = _index_key(rule.values[index])
            if key is not None:
                places.append((rule.valued[index], key))
        if rule.any_of:
            return places if len(places) == len(rule.valued) and not rule.present else []
        best: list[tuple[str, object]] = []
        fewest = 0
        for place in places:
            sharing = len(self._by_name.get(place[0], {}).get(place[1], {}))
            if not best or sharing < fewest:
                best = [place]
                fewest = sharing
        return best


def _match_each(rules: dict[_Rule, None], headers: dict[str, HeaderValue], out: list[Destination]) -> None:
    for rule in rules:
        if rule.matches(headers):
            out.append(rule.destination)


def _type_name(value: object) -> str:
    """A type in the words of AMQP, from which these arguments come."""
    if value is None:
        return "void"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "signedint" if -(1 << 31) <= value < 1 << 31 else "long"
    if isinstance(value, float):
        return "double"
    if isinstance(value, bytes):
        return "binary"
    return "table" if isinstance(value, dict) else "array"


class HeadersMatcher(Matcher):
    """Matches headers."""

    def __init__(self) -> None:
        super().__init__()
        self.needs_headers = True
        self.per_record = True
        self._rules: dict[Binding, _Rule] = {}
        self._index = _Index()

    def validate(self, routing_key: str, arguments: dict[str, object]) -> None:
        if X_MATCH not in arguments:
            return
        mode = arguments[X_MATCH]
        if not isinstance(mode, str):
            detail = f"Invalid {X_MATCH} field type {_type_name(mode)} (value {mode}); expected longstr"
            raise Refusal(Reason.INVALID, "binding", "", detail, wanted=repr(mode))
        if mode not in MODES:
            detail = (
                f'Invalid {X_MATCH} field value <<"{mode}">>; expected all, any, all-with-x, or any-with-x'
            )
            raise Refusal(Reason.INVALID, "binding", "", detail, wanted=mode)

    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        self._index.match(headers, out)

    def _attach(self, binding: Binding) -> None:
        rule = _Rule(binding)
        self._rules[binding] = rule
        self._index.add(rule)

    def _detach(self, binding: Binding) -> None:
        self._index.remove(self._rules.pop(binding))
