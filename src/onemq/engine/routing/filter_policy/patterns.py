"""What a filter policy asks of one value: the operators.

Job: one class per operator; `matches` says whether a value passes.
Must not: know where a value stands in a message (fields.py does) or how policies are written (filter_compiler.py).
Source: Amazon SNS Developer Guide, "Filter policy operators"; aws/event-ruler's documentation (SNS's matcher): values have types, a text
never equals a number; anything-but passes whatever is not excluded, null and booleans included.
"""

import ipaddress
import math
from abc import abstractmethod
from typing import Final

Scalar = None | bool | int | float | str

_PRECISION: Final = 5
"""Digits after the point that count, as the guide has it."""


class Pattern:
    """One condition on a value that is there."""

    @abstractmethod
    def matches(self, value: Scalar) -> bool: ...


def same_scalar(left: Scalar, right: Scalar) -> bool:
    """Equal in type and value; whole and broken numbers are one type."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, str):
        return isinstance(right, str) and left == right
    if left is None or right is None:
        return left is right
    if isinstance(right, str):
        return False
    return left == right or number_of(left) == number_of(right)


def number_of(value: int | float) -> float:
    """As it counts in comparisons."""
    try:
        return round(float(value), _PRECISION)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


class Exact(Pattern):
    def __init__(self, wanted: Scalar) -> None:
        self._wanted = wanted

    def matches(self, value: Scalar) -> bool:
        return same_scalar(self._wanted, value)


class Exists(Pattern):
    """Any value will do; the compiler keeps what must be absent apart."""

    def matches(self, value: Scalar) -> bool:
        return True


class Prefix(Pattern):
    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def matches(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.startswith(self._prefix)


class Suffix(Pattern):
    def __init__(self, suffix: str) -> None:
        self._suffix = suffix

    def matches(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.endswith(self._suffix)


class EqualsIgnoreCase(Pattern):
    def __init__(self, text: str) -> None:
        self._folded = text.casefold()

    def matches(self, value: Scalar) -> bool:
        return isinstance(value, str) and value.casefold() == self._folded


class Wildcard(Pattern):
    """`parts`: what must follow one another, with anything between them; the ends are anchored."""

    def __init__(self, parts: list[str]) -> None:
        self._parts = parts

    def matches(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        parts = self._parts
        first = parts[0]
        if len(parts) == 1:
            return value == first
        last = parts[-1]
        if len(value) < len(first) + len(last) or not value.startswith(first) or not value.endswith(last):
            return False
        at = len(first)
        end = len(value) - len(last)
        for part in parts[1:-1]:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return at <= end


class NumericRange(Pattern):
    """`low`, `high`: None = no bound; open: the bound itself does not pass."""

    def __init__(self, low: float | None, low_open: bool, high: float | None, high_open: bool) -> None:
        self._low = low
        self._low_open = low_open
        self._high = high
        self._high_open = high_open

    def matches(self, value: Scalar) -> bool:
        if isinstance(value, bool) or value is None or isinstance(value, str):
            return False
        number = number_of(value)
        low = self._low
        if low is not None and (number < low or (self._low_open and number == low)):
            return False
        high = self._high
        return not (high is not None and (number > high or (self._high_open and number == high)))


class Cidr(Pattern):
    """An address of the network, as text."""

    def __init__(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
        self._network = network

    def matches(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        try:
            return ipaddress.ip_address(value) in self._network
        except ValueError:
            return False


class AnythingBut(Pattern):
    """Whatever passes none of the excluded patterns."""

    def __init__(self, excluded: list[Pattern]) -> None:
        self._excluded = excluded

    def matches(self, value: Scalar) -> bool:
        for pattern in self._excluded:
            if pattern.matches(value):
                return False
        return True
