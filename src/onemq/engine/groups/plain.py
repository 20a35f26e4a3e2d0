"""Plain values of facts, taken apart again with their types.

Must not: be lenient: what does not fit was written by something else, and an assertion stops the process.
"""


def as_int(value: object) -> int:
    assert isinstance(value, int), f"{value!r} where a fact of groups has a number"
    return value


def as_text(value: object) -> str:
    assert isinstance(value, str), f"{value!r} where a fact of groups has text"
    return value


def as_text_or_none(value: object) -> str | None:
    return None if value is None else as_text(value)


def as_bytes(value: object) -> bytes:
    assert isinstance(value, bytes), f"{value!r} where a fact of groups has bytes"
    return value


def as_list(value: object) -> list[object]:
    assert isinstance(value, list), f"{value!r} where a fact of groups has a list"
    return value


def as_map(value: object) -> dict[object, object]:
    assert isinstance(value, dict), f"{value!r} where a fact of groups has a map"
    return value


def as_texts(value: object) -> list[str]:
    return [as_text(item) for item in as_list(value)]


def as_ints(value: object) -> list[int]:
    return [as_int(item) for item in as_list(value)]
