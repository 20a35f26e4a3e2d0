"""Bodies of requests as plain values. What is nested deeper than anything means to be is refused: it would have to be walked through
again wherever it is kept, sent on or shown, by code that calls itself.

Must not: know any member.
"""

from typing import Any, Final

import msgspec

DEPTH_MAX: Final = 64


class BadJson(Exception):
    """The text says why."""


def decoded(body: bytes) -> Any:
    """Raises BadJson."""
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadJson(str(error)) from None
    except RecursionError:
        raise BadJson(f"nested deeper than {DEPTH_MAX}") from None
    check_depth(body, value)
    return value


def check_depth(body: bytes, value: object) -> None:
    """value: what the body says. Raises BadJson."""
    if body.count(b"[") + body.count(b"{") <= DEPTH_MAX:
        return
    level: list[object] = [value]
    for _ in range(DEPTH_MAX + 1):
        deeper: list[object] = []
        for each in level:
            if isinstance(each, dict):
                deeper.extend(found for found in each.values() if isinstance(found, dict | list))
            elif isinstance(each, list):
                deeper.extend(found for found in each if isinstance(found, dict | list))
        if not deeper:
            return
        level = deeper
    raise BadJson(f"nested deeper than {DEPTH_MAX}")
