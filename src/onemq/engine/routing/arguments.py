"""Comparing argument and header values.

Must not: know which names have a meaning.
Source: RabbitMQ 4 compares decoded values with Erlang's =:=, where text and octets are one type, a boolean
is no number and an integer never equals a float (rabbit_exchange_type_headers); a binding's identity
includes the type of each argument (rabbit_binding).

Recursion is as deep as the values are nested; whoever decodes them limits that.
"""


def identity(arguments: dict[str, object]) -> str:
    """Text that two argument tables share exactly when they have the same names, types and values.

    The order of names is ignored. Values of a class unknown here are told apart by class name and `repr`.
    """
    return _identity_of_table(arguments) if arguments else ""


def _identity_of_table(table: dict[str, object]) -> str:
    parts: list[str] = []
    for name in sorted(table):
        parts.append(f"{len(name)}:{name}{identity_of_value(table[name])}")
    return f"{{{len(parts)}:{''.join(parts)}}}"


def identity_of_value(value: object) -> str:
    """As `identity`, for one value."""
    if isinstance(value, str):
        return f"s{len(value)}:{value}"
    if value is None:
        return "n"
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, int):
        return f"i{value};"
    if isinstance(value, float):
        return f"d{value!r};"
    if isinstance(value, bytes):
        return f"b{value.hex()};"
    if isinstance(value, list):
        parts: list[str] = []
        for item in value:
            parts.append(identity_of_value(item))
        return f"[{len(parts)}:{''.join(parts)}]"
    if isinstance(value, dict):
        return _identity_of_table(value)
    shown = repr(value)
    return f"o{type(value).__name__},{len(shown)}:{shown}"


def same_value(left: object, right: object) -> bool:
    """True when a header equals what a binding asks for. Text equals octets when its UTF-8 form does."""
    if isinstance(left, str):
        if isinstance(right, str):
            return left == right
        return isinstance(right, bytes) and left.encode("utf-8", "surrogateescape") == right
    if isinstance(left, bytes):
        if isinstance(right, bytes):
            return left == right
        return isinstance(right, str) and right.encode("utf-8", "surrogateescape") == left
    if left is None or isinstance(left, bool):
        return left is right
    if isinstance(left, int):
        return isinstance(right, int) and not isinstance(right, bool) and left == right
    if isinstance(left, float):
        return isinstance(right, float) and left == right
    if isinstance(left, list):
        return isinstance(right, list) and _same_list(left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and _same_table(left, right)
    return type(left) is type(right) and left == right


def _same_list(left: list[object], right: list[object]) -> bool:
    return len(left) == len(right) and all(same_value(one, two) for one, two in zip(left, right, strict=True))


def _same_table(left: dict[str, object], right: dict[str, object]) -> bool:
    return left.keys() == right.keys() and all(same_value(left[name], right[name]) for name in left)
