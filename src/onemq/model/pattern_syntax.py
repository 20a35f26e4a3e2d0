"""Reads regular expressions into the trees that pattern.py tries on names.

Job: the two languages that clients write: RabbitMQ's (Perl's, as PCRE has them) and Kafka's (RE2's, without what a look around needs).
Must not: take what cannot be decided in linear time (back references, atomic groups, possessive quantifiers, recursion,
conditions): PatternError says so.
Spec: pcrepattern(3); RE2's syntax.
"""

from typing import Final

from mypy_extensions import i64

from onemq.model.pattern import (
    BEGIN,
    BOUNDARY,
    END,
    END_OR_LAST_LINE,
    LINE_BEGIN,
    LINE_END,
    NO_BOUNDARY,
    Asserted,
    Choice,
    Looked,
    Loop,
    Node,
    OneOf,
    Pattern,
    Ranges,
    Sequence,
    Span,
    Text,
)

PARTS_MAX: Final = 2000
STEPS_MAX: Final = 16_384
"""Of one expression on one name: a millisecond or two. Fifty parts inside loops, or all parts outside of them, stay below it."""
DEPTH_MAX: Final = 50
REPEAT_MAX: Final = 1000
CODE_MAX: Final = 0x10FFFF

_CLASSES: Final[dict[str, Ranges]] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 10), (12, 13), (32, 32)],
}
_PERL_CLASSES: Final[dict[str, Ranges]] = {
    "d": _CLASSES["d"],
    "w": _CLASSES["w"],
    "s": [(9, 13), (32, 32)],
    "h": [(9, 9), (32, 32), (160, 160)],
    "v": [(10, 13), (133, 133), (0x2028, 0x2029)],
}
_ESCAPES: Final[dict[str, int]] = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_PERL_ESCAPES: Final[dict[str, int]] = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "e": 27}
_NAMED: Final[dict[str, Ranges]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)],
    "alpha": [(65, 90), (97, 122)],
    "ascii": [(0, 127)],
    "blank": [(9, 9), (32, 32)],
    "cntrl": [(0, 31), (127, 127)],
    "digit": [(48, 57)],
    "graph": [(33, 126)],
    "lower": [(97, 122)],
    "print": [(32, 126)],
    "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)],
    "upper": [(65, 90)],
    "word": _CLASSES["w"],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}
_NOT_TEXT: Final = frozenset("()[.^$*+?\\|")


class PatternError(ValueError):
    """No expression, one that cannot be decided in linear time, or too large a one."""


def perl_pattern(source: str) -> Pattern:
    """As RabbitMQ takes them. Raises PatternError."""
    return _Reader(source, True).read()


def re2_pattern(source: str) -> Pattern:
    """As Kafka takes them. Raises PatternError."""
    return _Reader(source, False).read()


def _inverted(ranges: Ranges) -> Ranges:
    found: Ranges = []
    at = 0
    for low, high in sorted(ranges):
        if low > at:
            found.append((at, low - 1))
        at = max(at, high + 1)
    if at <= CODE_MAX:
        found.append((at, CODE_MAX))
    return found


class _Reader:
    """Recursive descent over the source."""

    def __init__(self, source: str, perl: bool) -> None:
        self.source = source
        self.perl = perl
        self.at: i64 = 0
        self.depth = 0
        self.folded = False
        self.dot_is_all = False
        self.lines = False
        self.classes = _PERL_CLASSES if perl else _CLASSES
        self.escapes = _PERL_ESCAPES if perl else _ESCAPES
        self.pattern = Pattern(source)

    def read(self) -> Pattern:
        pattern = self.pattern
        root = self._choice()
        if self.at < len(self.source):
            raise self._bad("unexpected )")
        pattern.root = root
        pattern.steps = root.steps(1)
        if pattern.steps > STEPS_MAX:
            raise PatternError("too much inside of repetitions")
        return pattern

    def _bad(self, why: str) -> PatternError:
        return PatternError(f"{why} at {self.at}")

    def _peek(self) -> str:
        return self.source[self.at] if self.at < len(self.source) else ""

    def _take(self) -> str:
        if self.at >= len(self.source):
            raise self._bad("unexpected end")
        self.at += 1
        return self.source[self.at - 1]

    def _bounded(self, size: i64) -> None:
        if size > PARTS_MAX:
            raise self._bad("too large")

    # What stands beside each other.

    def _choice(self) -> Node:
        """a|b|c, up to the end or a parenthesis. Flags that are set in it end with it."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self._bad("nested too deeply")
        before = (self.folded, self.dot_is_all, self.lines)
        options = [self._sequence()]
        size: i64 = options[0].size
        while self._peek() == "|":
            self.at += 1
            options.append(self._sequence())
            size += options[-1].size
            self._bounded(size)
        self.folded, self.dot_is_all, self.lines = before
        self.depth -= 1
        return options[0] if len(options) == 1 else Choice(options, False)

    def _sequence(self) -> Node:
        parts: list[Node] = []
        size: i64 = 0
        while True:
            character = self._peek()
            if character == "" or character == "|" or character == ")":
                break
            text = self._plain_text()
            if text:
                parts.append(Text(text, self.folded, self.pattern.new_mask()))
                size += 1
            else:
                part = self._repeated()
                parts.append(part)
                size += part.size
            self._bounded(size)
        return parts[0] if len(parts) == 1 else Sequence(parts)

    def _plain_text(self) -> str:
        """Characters that mean themselves, as many as there are; the last of several is left out if it is repeated."""
        start = self.at
        end = start
        length = len(self.source)
        while end < length and self.source[end] not in _NOT_TEXT:
            if self.source[end] == "{" and self._is_count_at(end):
                break
            end += 1
        repeated = end < length and self.source[end] in "*+?{"
        if repeated and end > start:
            end -= 1
        self.at = end
        return self.source[start:end]

    # What is repeated.

    def _repeated(self) -> Node:
        part = self._atom()
        character = self._peek()
        least, most = 1, 1
        if character == "*" or character == "+" or character == "?":
            self.at += 1
            least = 1 if character == "+" else 0
            most = 1 if character == "?" else -1
        elif character == "{" and self._is_count_at(self.at):
            close = self.source.find("}", self.at)
            low, comma, high = self.source[self.at + 1 : close].partition(",")
            least = int(low)
            most = least if not comma else (int(high) if high else -1)
            if least > REPEAT_MAX or most > REPEAT_MAX or (most >= 0 and most < least):
                raise self._bad("bad repetition")
            self.at = close + 1
        else:
            return part
        character = self._peek()
        if character == "?":
            # Which of the matches is found first makes no difference to whether there is one.
            self.at += 1
        elif character == "+" and self.perl:
            raise self._bad("a possessive quantifier is not supported")
        if self._peek() in ("*", "+", "?"):
            raise self._bad("a quantifier of a quantifier")
        return self._times(part, least, most)

    def _times(self, part: Node, least: int, most: int) -> Node:
        copies: i64 = max(least, most) + 1
        self._bounded(copies * part.size)
        pattern = self.pattern
        parts: list[Node] = []
        for _ in range(least):
            parts.append(part.copied(pattern))
        if most < 0:
            if isinstance(part, OneOf):
                parts.append(Span(part))
            else:
                parts.append(Loop(part.copied(pattern), pattern.new_loop()))
        elif most > least:
            # a{0,3} is (a(aa?)?)?: from the innermost outwards.
            inner: Node = Choice([part.copied(pattern)], True)
            for _ in range(most - least - 1):
                inner = Choice([Sequence([part.copied(pattern), inner])], True)
            parts.append(inner)
        return parts[0] if len(parts) == 1 else Sequence(parts)

    def _is_count_at(self, at: i64) -> bool:
        """{3}, {3,} or {3,5}: anything else in braces means itself."""
        close = self.source.find("}", at)
        if close < 0:
            return False
        low, _, high = self.source[at + 1 : close].partition(",")
        return _is_count(low) and (high == "" or _is_count(high))

    # What stands alone.

    def _atom(self) -> Node:
        character = self._take()
        if character == "(":
            return self._group()
        if character == "[":
            return self._bracket()
        if character == ".":
            return self._one_of([] if self.dot_is_all else [(10, 10)], True)
        if character == "^":
            return Asserted(LINE_BEGIN if self.lines else BEGIN)
        if character == "$":
            return Asserted(LINE_END if self.lines else (END_OR_LAST_LINE if self.perl else END))
        if character in ("*", "+", "?"):
            raise self._bad("nothing to repeat")
        if character == "\\":
            return self._escaped()
        return self._one_of([(ord(character), ord(character))], False)

    def _one_of(self, ranges: Ranges, negated: bool) -> Node:
        return OneOf(ranges, negated, self.folded, self.pattern.new_mask())

    def _escaped(self) -> Node:
        character = self._peek()
        kind = -1
        if character == "A":
            kind = BEGIN
        elif character == "z":
            kind = END
        elif self.perl and character == "Z":
            kind = END_OR_LAST_LINE
        elif self.perl and character == "b":
            kind = BOUNDARY
        elif self.perl and character == "B":
            kind = NO_BOUNDARY
        if kind >= 0:
            self.at += 1
            return Asserted(kind)
        if self.perl and character == "N":
            self.at += 1
            return self._one_of([(10, 10)], True)
        if self.perl and character == "Q":
            self.at += 1
            return self._quoted()
        return self._one_of(self._escape(), False)

    def _quoted(self) -> Node:
        r"""\Q...\E: a quantifier after it means its last character."""
        end = self.source.find("\\E", self.at)
        text = self.source[self.at :] if end < 0 else self.source[self.at : end]
        self.at = len(self.source) if end < 0 else end + 2
        if len(text) == 1:
            return self._one_of([(ord(text), ord(text))], False)
        if self._peek() in ("*", "+", "?", "{"):
            raise self._bad("a quantifier of a quotation is not supported")
        return Text(text, self.folded, self.pattern.new_mask()) if text else Sequence([])

    def _escape(self) -> Ranges:
        """After a backslash, in brackets and outside of them."""
        character = self._take()
        if character.lower() in self.classes:
            ranges = self.classes[character.lower()]
            return ranges if character.islower() else _inverted(ranges)
        code = -1
        if character in self.escapes:
            code = self.escapes[character]
        elif self.perl and character == "x":
            code = self._hexadecimal()
        elif self.perl and character == "0":
            code = self._octal()
        elif not (character.isascii() and character.isalnum()):
            code = ord(character)
        if code < 0:
            # Back references, properties of Unicode, and what only one of the languages has.
            raise self._bad("no such escape" if not character.isdecimal() else "a back reference")
        return [(code, code)]

    def _hexadecimal(self) -> int:
        if self._peek() == "{":
            close = self.source.find("}", self.at)
            digits = self.source[self.at + 1 : close] if close > 0 else ""
            self.at = close + 1
        else:
            digits = ""
            while len(digits) < 2 and _is_digits(self._peek(), "0123456789abcdefABCDEF"):
                digits += self._take()
            if not digits:
                return 0
        if not _is_digits(digits, "0123456789abcdefABCDEF") or len(digits) > 6 or int(digits, 16) > CODE_MAX:
            raise self._bad("no such character")
        return int(digits, 16)

    def _octal(self) -> int:
        digits = "0"
        while len(digits) < 3 and _is_digits(self._peek(), "01234567"):
            digits += self._take()
        return int(digits, 8)

    # Groups.

    def _group(self) -> Node:
        if self._peek() == "*" and self.perl:
            raise self._bad("a verb is not supported")
        if self._peek() != "?":
            return self._closed(self._choice())
        self.at += 1
        if self._peek() == ":":
            self.at += 1
            return self._closed(self._choice())
        if not self.perl:
            raise self._bad("no such group")
        return self._perl_group()

    def _perl_group(self) -> Node:
        source, at = self.source, self.at
        if source.startswith(("=", "!"), at):
            self.at += 1
            part = self._closed(self._choice())
            return self._looked(part.mirrored(self.pattern), False, source[at] == "!")
        if source.startswith(("<=", "<!"), at):
            self.at += 2
            part = self._closed(self._choice())
            return self._looked(part, True, source[at + 1] == "!")
        if source.startswith("#", at):
            close = source.find(")", at)
            if close < 0:
                raise self._bad("missing )")
            self.at = close + 1
            return Sequence([])
        if source.startswith("|", at):
            # Numbers of groups begin anew in each branch; nothing refers to them.
            self.at += 1
            return self._closed(self._choice())
        for begin, end in (("P<", ">"), ("<", ">"), ("'", "'")):
            if source.startswith(begin, at):
                close = source.find(end, at + len(begin))
                if close < 0 or not _is_name(source[at + len(begin) : close]):
                    raise self._bad("bad name of a group")
                self.at = close + 1
                return self._closed(self._choice())
        return self._flags()

    def _looked(self, part: Node, behind: bool, negated: bool) -> Node:
        return Looked(part, behind, negated, self.pattern.new_mask())

    def _flags(self) -> Node:
        """(?i-s) until the group around it ends, (?i:...) for what is inside."""
        before = (self.folded, self.dot_is_all, self.lines)
        on = True
        while True:
            character = self._take()
            if character == "-" and on:
                on = False
            elif character == "i":
                self.folded = on
            elif character == "s":
                self.dot_is_all = on
            elif character == "m":
                self.lines = on
            elif character == ")":
                if self._peek() in ("*", "+", "?"):
                    raise self._bad("nothing to repeat")
                return Sequence([])
            elif character == ":":
                part = self._closed(self._choice())
                self.folded, self.dot_is_all, self.lines = before
                return part
            else:
                raise self._bad("this kind of group is not supported")

    def _closed(self, part: Node) -> Node:
        if self.at >= len(self.source) or self._take() != ")":
            raise self._bad("missing )")
        return part

    # Classes in brackets.

    def _bracket(self) -> Node:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        ranges: Ranges = []
        first = True
        while first or self._peek() != "]":
            first = False
            ranges.extend(self._bracket_item())
        self.at += 1
        return self._one_of(ranges, negated)

    def _bracket_item(self) -> Ranges:
        if self.source.startswith("[:", self.at):
            close = self.source.find(":]", self.at)
            name = self.source[self.at + 2 : close] if close > 0 else ""
            inverted = self.perl and name.startswith("^")
            if inverted:
                name = name[1:]
            if name not in _NAMED:
                raise self._bad("no such class")
            self.at = close + 2
            return _inverted(_NAMED[name]) if inverted else _NAMED[name]
        low = self._bracket_end()
        if len(low) != 1 or low[0][0] != low[0][1]:
            return low
        if self._peek() != "-" or self.source[self.at + 1 : self.at + 2] in ("", "]"):
            return low
        self.at += 1
        high = self._bracket_end()
        if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
            raise self._bad("bad range")
        return [(low[0][0], high[0][0])]

    def _bracket_end(self) -> Ranges:
        character = self._take()
        if character == "\\":
            if self.perl and self._peek() == "b":
                self.at += 1
                return [(8, 8)]
            return self._escape()
        return [(ord(character), ord(character))]


def _is_count(text: str) -> bool:
    return _is_digits(text, "0123456789") and len(text) <= 4


def _is_name(text: str) -> bool:
    return text.isascii() and text.isidentifier()


def _is_digits(text: str, digits: str) -> bool:
    if not text:
        return False
    for character in text:
        if character not in digits:
            return False
    return True
