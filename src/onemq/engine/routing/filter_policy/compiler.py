"""Compiles the operators of a filter policy: the lists of match values.

Job: read one list of match values from the tokens; raise PolicyError in AWS's words.
Must not: know scopes, nesting or complexity (policy.py does).
Source: aws/event-ruler's documentation, Amazon SNS Developer Guide ("Filter policy operators"), recorded errors of SNS.
"""

import ipaddress
from typing import Final

from onemq.engine.routing.filter_policy.patterns import (
    AnythingBut,
    Cidr,
    EqualsIgnoreCase,
    Exact,
    Exists,
    NumericRange,
    Pattern,
    Prefix,
    Scalar,
    Suffix,
    Wildcard,
)
from onemq.engine.routing.filter_policy.tokens import (
    ARRAY,
    ARRAY_END,
    FALSE,
    NAME,
    NULL,
    NUMBER,
    OBJECT,
    OBJECT_END,
    STRING,
    TRUE,
    PolicyError,
    Token,
    Tokens,
)

_ONE_KEY: Final = "Only one key allowed in match expression"
_TOO_MANY: Final = "Too many elements in numeric expression"
_TEXT_OPERATORS: Final = ("prefix", "suffix", "equals-ignore-case", "wildcard")


class Condition:
    """What one name of a policy asks for: one of the patterns, or (`absent`) that there is no such field."""

    __slots__ = ("absent", "patterns")

    def __init__(self) -> None:
        self.patterns: list[Pattern] = []
        self.absent = False


def read_values(tokens: Tokens) -> Condition:
    """A list of match values; its opening bracket has been read."""
    found = Condition()
    count = 0
    while True:
        token = tokens.next()
        if token.kind == ARRAY_END:
            break
        count += 1
        if token.kind == OBJECT:
            _read_expression(tokens, found)
        elif token.kind in (STRING, NUMBER, NULL, TRUE, FALSE):
            found.patterns.append(Exact(_scalar_of(token)))
        else:
            raise tokens.fail("Match value must be String, number, true, false, or null")
    if count == 0:
        raise tokens.fail("Empty arrays are not allowed")
    return found


def _scalar_of(token: Token) -> Scalar:
    value = token.value
    assert value is None or isinstance(value, (bool, int, float, str))
    return value


def _read_expression(tokens: Tokens, found: Condition) -> None:
    name = tokens.next()
    if name.kind != NAME:
        raise tokens.fail("Match expression name not found")
    operator = str(name.value)
    if operator in _TEXT_OPERATORS:
        found.patterns.append(_text_pattern(tokens, operator))
        _end_object(tokens, _ONE_KEY)
    elif operator == "numeric":
        if tokens.next().kind != ARRAY:
            raise tokens.fail("Value of numeric must be an array.")
        found.patterns.append(_read_numeric(tokens))
        _end_object(tokens, _TOO_MANY)
    elif operator == "anything-but":
        found.patterns.append(_read_anything_but(tokens))
    elif operator == "exists":
        token = tokens.next()
        if token.kind == TRUE:
            found.patterns.append(Exists())
        elif token.kind == FALSE:
            found.absent = True
        else:
            raise tokens.fail("exists match pattern must be either true or false.")
        _end_object(tokens, _ONE_KEY)
    elif operator == "cidr":
        if tokens.next().kind != STRING:
            raise tokens.fail("prefix match pattern must be a string")
        found.patterns.append(_cidr(tokens))
        _end_object(tokens, _ONE_KEY)
    else:
        raise tokens.fail(f"Unrecognized match type {operator}")


def _end_object(tokens: Tokens, text: str) -> None:
    if tokens.next().kind != OBJECT_END:
        raise tokens.fail(text)


def _text_pattern(tokens: Tokens, operator: str) -> Pattern:
    token = tokens.next()
    if token.kind != STRING:
        raise tokens.fail(f"{operator} match pattern must be a string")
    text = str(token.value)
    if operator == "prefix":
        return Prefix(text)
    if operator == "suffix":
        return Suffix(text)
    if operator == "equals-ignore-case":
        return EqualsIgnoreCase(text)
    return Wildcard(_wildcard_parts(tokens, text))


def _wildcard_parts(tokens: Tokens, text: str) -> list[str]:
    """Splits at `*`; a backslash takes the meaning from `*` and from itself."""
    parts: list[str] = []
    part: list[str] = []
    at = 0
    while at < len(text):
        letter = text[at]
        if letter == "\\":
            if at + 1 >= len(text) or text[at + 1] not in "\\*":
                raise tokens.fail(f"Invalid escape character at pos {at + 1}", True)
            part.append(text[at + 1])
            at += 2
            continue
        if letter == "*":
            if at + 1 < len(text) and text[at + 1] == "*":
                raise tokens.fail(f"Consecutive wildcard characters at pos {at + 1}", True)
            parts.append("".join(part))
            part = []
        else:
            part.append(letter)
        at += 1
    parts.append("".join(part))
    return parts


def _cidr(tokens: Tokens) -> Pattern:
    text = tokens.current_text()
    parts = text.split("/")
    if len(parts) != 2:
        raise PolicyError("Malformed CIDR, one '/' required")
    if not parts[1].isascii() or not parts[1].isdigit():
        raise PolicyError("Malformed CIDR, mask bits must be an integer")
    try:
        ipaddress.ip_address(parts[0])
    except ValueError:
        raise PolicyError(f"Nonstandard IP address: {parts[0]}") from None
    try:
        return Cidr(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise PolicyError("Malformed CIDR, mask bits must be between 0 and 32") from None


# Numbers.


def _read_numeric(tokens: Tokens) -> Pattern:
    token = tokens.next()
    if token.kind != STRING:
        raise tokens.fail(f"Invalid member in numeric match: {token.text()}")
    operator = str(token.value)
    token = tokens.next()
    if operator not in ("=", "<", "<=", ">", ">="):
        raise tokens.fail(f"Unrecognized numeric range operator: {operator}")
    if token.kind != NUMBER:
        shown = "equals" if operator == "=" else operator
        raise tokens.fail(f"Value of {shown} must be numeric")
    number = _number(token)
    token = tokens.next()
    if operator in ("=", "<", "<="):
        if token.kind != ARRAY_END:
            raise tokens.fail(_TOO_MANY)
        if operator == "=":
            return NumericRange(number, False, number, False)
        return NumericRange(None, False, number, operator == "<")
    if token.kind == ARRAY_END:
        return NumericRange(number, operator == ">", None, False)
    return _complete_range(tokens, token, number, operator == ">")


def _complete_range(tokens: Tokens, token: Token, low: float, low_open: bool) -> Pattern:
    if token.kind != STRING:
        raise tokens.fail(f"Bad value in numeric range: {token.text()}", True)
    operator = str(token.value)
    if operator not in ("<", "<="):
        raise tokens.fail(f"Bad numeric range operator: {operator}", True)
    token = tokens.next()
    if token.kind != NUMBER:
        raise tokens.fail(f"Value of {operator} must be numeric")
    high = _number(token)
    if tokens.next().kind != ARRAY_END:
        raise tokens.fail("Too many terms in numeric range expression")
    if low >= high:
        raise tokens.fail("Bottom must be less than top")
    return NumericRange(low, low_open, high, operator == "<")


def _number(token: Token) -> float:
    value = token.value
    assert isinstance(value, (int, float))
    try:
        return float(value)
    except OverflowError:
        raise PolicyError("Value must be between -1.0E9 and 1.0E9, inclusive") from None


# anything-but.


def _read_anything_but(tokens: Tokens) -> Pattern:
    token = tokens.next()
    if token.kind == OBJECT:
        return _read_anything_but_operator(tokens)
    excluded: list[Pattern] = []
    if token.kind == ARRAY:
        excluded = _read_excluded(tokens)
    elif token.kind == STRING or token.kind == NUMBER:
        excluded.append(Exact(_scalar_of(token)))
    else:
        raise tokens.fail("Value of anything-but must be an array or single string/number value.")
    _end_object(tokens, _TOO_MANY)
    return AnythingBut(excluded)


def _read_excluded(tokens: Tokens) -> list[Pattern]:
    found: list[Pattern] = []
    strings = 0
    numbers = 0
    while True:
        token = tokens.next()
        if token.kind == ARRAY_END:
            break
        if token.kind == STRING:
            strings += 1
        elif token.kind == NUMBER:
            numbers += 1
        else:
            raise tokens.fail("Inside anything but list, start|null|boolean is not supported.")
        found.append(Exact(_scalar_of(token)))
    if (strings and numbers) or not found:
        raise tokens.fail(
            "Inside anything but list, either all values are number or string, mixed type is not supported"
        )
    return found


def _read_anything_but_operator(tokens: Tokens) -> Pattern:
    name = tokens.next()
    if name.kind != NAME:
        raise tokens.fail("Anything-But expression name not found")
    operator = str(name.value)
    if operator not in _TEXT_OPERATORS:
        raise tokens.fail(f"Unsupported anything-but pattern: {operator}")
    excluded: list[Pattern] = []
    if tokens.is_next(ARRAY):
        tokens.next()
        while not tokens.is_next(ARRAY_END):
            excluded.append(_text_pattern(tokens, operator))
        tokens.next()
        if not excluded:
            raise tokens.fail("Empty arrays are not allowed")
    else:
        excluded.append(_text_pattern(tokens, operator))
    _end_object(tokens, _ONE_KEY)
    _end_object(tokens, _ONE_KEY)
    return AnythingBut(excluded)
