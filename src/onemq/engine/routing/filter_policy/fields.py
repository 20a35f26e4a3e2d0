"""A message as a filter policy sees it: leaf values under dotted names, each with the array elements that it stands in.

Job: flatten a JSON body, or message attributes, into fields; find out whether one choice of fields passes all conditions.
Must not: parse policies.
Source: aws/event-ruler's documentation: `a.b` names the same field as {"a": {"b": ..}}; two fields that stand in different elements of
one array are never combined.
"""

from typing import Final

from onemq.engine.routing.filter_policy.patterns import Pattern, Scalar

FIELDS_MAX: Final = 100_000
"""Leaves of one message that are looked at: more do not fit into 256 KiB."""
_STEPS_MAX: Final = 100_000
"""Combinations of fields tried for one message; beyond, the message counts as not matching."""
_DEPTH_MAX: Final = 500


class Field:
    """One leaf. `elements`: which element of which array (by the array's number) it stands in, outermost first."""

    __slots__ = ("elements", "value")

    def __init__(self, value: Scalar, elements: list[tuple[int, int]]) -> None:
        self.value = value
        self.elements = elements


class Fields:
    """All leaves of one message, by name."""

    def __init__(self) -> None:
        self._by_name: dict[str, list[Field]] = {}
        self._arrays = 0
        self._count = 0
        self._steps = 0

    def add(self, name: str, value: Scalar, elements: list[tuple[int, int]] | None = None) -> None:
        self._by_name.setdefault(name, []).append(Field(value, [] if elements is None else elements))

    def add_tree(self, name: str, value: object, elements: list[tuple[int, int]], depth: int = 0) -> bool:
        """Everything in a decoded JSON value. False: it is too deep or too much to be looked at."""
        if depth > _DEPTH_MAX:
            return False
        if isinstance(value, dict):
            for key, inner in value.items():
                if not self.add_tree(f"{name}.{key}" if name else key, inner, elements, depth + 1):
                    return False
            return True
        if isinstance(value, list):
            self._arrays += 1
            number = self._arrays
            for index in range(len(value)):
                if not self.add_tree(name, value[index], [*elements, (number, index)], depth + 1):
                    return False
            return True
        self._count += 1
        if self._count > FIELDS_MAX:
            return False
        assert value is None or isinstance(value, (bool, int, float, str))
        self.add(name, value, elements)
        return True

    def has(self, name: str) -> bool:
        return name in self._by_name

    def pass_all(self, names: list[str], patterns: list[list[Pattern]]) -> bool:
        """Whether there is a field for each name that passes one of its patterns, all of them in the same array elements.
        A name without patterns left (only absence was asked for, and holds) needs no field."""
        candidates: list[list[Field]] = []
        for index in range(len(names)):
            found: list[Field] = []
            for field in self._by_name.get(names[index], []):
                for pattern in patterns[index]:
                    if pattern.matches(field.value):
                        found.append(field)
                        break
            if not found:
                return False
            candidates.append(found)
        self._steps = 0
        return self._choose(candidates, 0, {})

    def _choose(self, candidates: list[list[Field]], at: int, chosen: dict[int, int]) -> bool:
        if at == len(candidates):
            return True
        for field in candidates[at]:
            self._steps += 1
            if self._steps > _STEPS_MAX:
                return False
            agrees = True
            for number, index in field.elements:
                other = chosen.get(number)
                if other is not None and other != index:
                    agrees = False
                    break
            if not agrees:
                continue
            if not field.elements:
                # It agrees with everything: no other candidate can do better.
                return self._choose(candidates, at + 1, chosen)
            merged = dict(chosen)
            for number, index in field.elements:
                merged[number] = index
            if self._choose(candidates, at + 1, merged):
                return True
        return False
