"""Targets of requests: segments of the path and parameters of the query, percent-decoded.

Segments are decoded one by one, so that the namespace "/" can be written as %2F. Raises Problem 400 for what is not UTF-8
or not what its type asks for. Must not: know any path.
"""

from typing import Final
from urllib.parse import unquote, unquote_plus

from onemq.heads.management.errors import Problem

PARAMETERS_MAX: Final = 256
_YES: Final = ("true", "1", "yes", "")
_NO: Final = ("false", "0", "no")


class Query:
    """The parameters of one request. Of several with one name the last counts, unless `all` is asked."""

    __slots__ = ("_values",)

    def __init__(self, values: dict[str, list[str]]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        found = self._values.get(name)
        return default if found is None else found[-1]

    def all(self, name: str) -> list[str]:
        return list(self._values.get(name, ()))

    def flag(self, name: str, default: bool = False) -> bool:
        """A parameter without a value counts as set. Raises Problem."""
        found = self._values.get(name)
        if found is None:
            return default
        text = found[-1].lower()
        if text in _YES:
            return True
        if text in _NO:
            return False
        raise Problem(400, "bad_request", f"{name} is true or false, not {found[-1]!r}")

    def number(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number from `least` to `most`. Raises Problem."""
        found = self._values.get(name)
        if found is None:
            return default
        try:
            value = int(found[-1])
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise Problem(
                400, "bad_request", f"{name} is a whole number from {least} to {most}, not {found[-1]!r}"
            )
        return value

    def names(self) -> list[str]:
        return list(self._values)


def parse_query(text: str) -> Query:
    """Raises Problem."""
    values: dict[str, list[str]] = {}
    if text:
        parts = text.split("&")
        if len(parts) > PARAMETERS_MAX:
            raise Problem(400, "bad_request", f"more than {PARAMETERS_MAX} parameters")
        for part in parts:
            if part:
                name, _, value = part.partition("=")
                values.setdefault(_decoded(name, True), []).append(_decoded(value, True))
    return Query(values)


def split_path(path: str) -> list[str]:
    """Segments after the first "/", decoded; a "/" at the end counts for nothing. Raises Problem."""
    segments = path.split("/")[1:]
    if segments and not segments[-1]:
        segments.pop()
    return [_decoded(segment, False) if "%" in segment else segment for segment in segments]


def _decoded(text: str, plus: bool) -> str:
    try:
        return unquote_plus(text, errors="strict") if plus else unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise Problem(400, "bad_request", "the request's target is not UTF-8") from None
