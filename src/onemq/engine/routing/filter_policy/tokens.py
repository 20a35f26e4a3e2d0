"""A filter policy as the sequence of JSON tokens that AWS's compiler goes through, each with the place where that parser then stands.

Job: make tokens of a decoded policy, and raise PolicyError with AWS's position text.
Must not: know what a policy means (compiler.py does).
Source: Amazon SNS's recorded errors ("\\n at [Source: (String)\\"...\\"; line: 1, column: 10]"): the policy is written out again without
spaces; a string that has only been begun stands behind its opening quote, everything else behind its end.
"""

import json
from typing import Final

from mypy_extensions import mypyc_attr

OBJECT: Final = 1
OBJECT_END: Final = 2
ARRAY: Final = 3
ARRAY_END: Final = 4
NAME: Final = 5
STRING: Final = 6
NUMBER: Final = 7
TRUE: Final = 8
FALSE: Final = 9
NULL: Final = 10

_DEPTH_MAX: Final = 200
"""Deeper than this no policy is simple enough: each level multiplies its complexity."""


@mypyc_attr(native_class=False)
class PolicyError(Exception):
    """What is wrong with a policy, in AWS's words. `of_policy`: AWS writes "FilterPolicy: " before it."""

    def __init__(self, text: str, of_policy: bool = True) -> None:
        super().__init__(text)
        self.text = text
        self.of_policy = of_policy


class Token:
    """One token. `column`: where the parser stands when it has it; `end`: behind it."""

    __slots__ = ("column", "end", "kind", "value")

    def __init__(self, kind: int, value: object, column: int, end: int) -> None:
        self.kind = kind
        self.value = value
        self.column = column
        self.end = end

    def text(self) -> str:
        """As the parser shows it in messages."""
        if self.kind == STRING or self.kind == NAME:
            return str(self.value)
        if self.kind == ARRAY_END:
            return "]"
        if self.kind == ARRAY:
            return "["
        if self.kind == OBJECT:
            return "{"
        if self.kind == OBJECT_END:
            return "}"
        return _scalar(self.value)


def _scalar(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


class Tokens:
    """The tokens of one policy, gone through once."""

    def __init__(self, policy: dict[str, object]) -> None:
        self.source = json.dumps(policy, ensure_ascii=False, separators=(",", ":"))
        self._tokens: list[Token] = []
        self._at = -1
        self._column = 1
        self._add(policy, 0)

    def _put(self, kind: int, value: object, text: str) -> Token:
        begin = self._column
        self._column += len(text)
        column = begin + 1 if kind == STRING else self._column
        token = Token(kind, value, column, self._column)
        self._tokens.append(token)
        return token

    def _add(self, value: object, depth: int) -> None:
        if depth > _DEPTH_MAX:
            raise PolicyError("Filter policy is too complex")
        if isinstance(value, dict):
            self._put(OBJECT, None, "{")
            first = True
            for name, inner in value.items():
                if not first:
                    self._column += 1
                first = False
                named = self._put(NAME, name, _scalar(name))
                self._column += 1
                at = len(self._tokens)
                self._add(inner, depth + 1)
                # The parser has read the beginning of the value when it tells the name.
                named.column = self._tokens[at].column
            self._put(OBJECT_END, None, "}")
        elif isinstance(value, list):
            # The token's value: whether these are two or more objects, and nothing else.
            objects = 0
            for item in value:
                if isinstance(item, dict):
                    objects += 1
            self._put(ARRAY, len(value) >= 2 and objects == len(value), "[")
            for index in range(len(value)):
                if index:
                    self._column += 1
                self._add(value[index], depth + 1)
            self._put(ARRAY_END, None, "]")
        elif isinstance(value, str):
            self._put(STRING, value, _scalar(value))
        elif value is None:
            self._put(NULL, None, "null")
        elif value is True:
            self._put(TRUE, True, "true")
        elif value is False:
            self._put(FALSE, False, "false")
        else:
            self._put(NUMBER, value, _scalar(value))

    def next(self) -> Token:
        """Goes on by one."""
        if self._at + 1 < len(self._tokens):
            self._at += 1
        return self._tokens[self._at]

    def current_text(self) -> str:
        return self._tokens[self._at].text()

    def begins_choice(self) -> bool:
        """Whether the array just begun is a list of two or more objects."""
        return self._tokens[self._at].value is True

    def is_next(self, kind: int) -> bool:
        """Whether a token of that kind follows."""
        return self._at + 1 < len(self._tokens) and self._tokens[self._at + 1].kind == kind

    def fail(self, text: str, read: bool = False) -> PolicyError:
        """The error at this token. read: the parser has taken its text already."""
        token = self._tokens[self._at]
        column = token.end if read else token.column
        return PolicyError(f'{text}\n at [Source: (String)"{self.source}"; line: 1, column: {column}]')
