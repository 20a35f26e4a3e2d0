"""Regular expressions of subscriptions, matched in time that is linear in the name whatever the expression is.

Clients send these, so nothing that backtracks may run them. The syntax is the common part of RE2: no look-around, no
back references. An expression has to match the whole name.
Must not: use the language's own regular expressions.
Spec: KIP-848, SubscribedTopicRegex; RE2's syntax.
"""

from typing import Final

from mypy_extensions import i64

from onemq.model.refusal import Reason, Refusal

STATES_MAX: Final = 2000
DEPTH_MAX: Final = 50
REPEAT_MAX: Final = 1000
CACHED_MOVES_MAX: Final = 4000
CODE_MAX: Final = 0x10FFFF

_SET: Final = 0
_SPLIT: Final = 1
_BEGIN: Final = 2
_END: Final = 3
_JUMP: Final = 4
_MATCH: Final = 5

Ranges = list[tuple[int, int]]

_CLASSES: Final[dict[str, Ranges]] = {
    "d": [(48, 57)],
    "w": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "s": [(9, 10), (12, 13), (32, 32)],
}
_ESCAPES: Final[dict[str, int]] = {"a": 7, "f": 12, "t": 9, "n": 10, "r": 13, "v": 11}
_NAMED: Final[dict[str, Ranges]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)],
    "alpha": [(65, 90), (97, 122)],
    "digit": [(48, 57)],
    "lower": [(97, 122)],
    "upper": [(65, 90)],
    "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)],
    "word": [(48, 57), (65, 90), (95, 95), (97, 122)],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}


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


class TopicPattern:
    """A compiled expression. Raises Refusal INVALID_PATTERN."""

    __slots__ = ("_moves", "_program", "_start", "source")

    def __init__(self, source: str, length_max: int) -> None:
        if len(source) > length_max:
            raise _invalid(source, f"longer than {length_max} characters")
        self.source = source
        self._program = _Compiler(source).compile()
        self._start = self._program.closure([0], True, False)
        self._moves: dict[tuple[tuple[int, ...], str], tuple[int, ...]] = {}

    def matches(self, name: str) -> bool:
        """The whole name matches."""
        if not name:
            return self._program.accepts(self._program.closure([0], True, True))
        states = self._start
        last = len(name) - 1
        for index in range(len(name)):
            if not states:
                return False
            if index == last:
                states = self._program.step(states, ord(name[index]), True)
            else:
                move = (states, name[index])
                found = self._moves.get(move)
                if found is None:
                    found = self._program.step(states, ord(name[index]), False)
                    if len(self._moves) >= CACHED_MOVES_MAX:
                        self._moves.clear()
                    self._moves[move] = found
                states = found
        return self._program.accepts(states)


class _Program:
    """States of the automaton: a kind, up to two successors, and the characters that lead to the first."""

    def __init__(self) -> None:
        self.kinds: list[int] = []
        self.first: list[int] = []
        self.second: list[int] = []
        self.ranges: list[Ranges] = []

    def add(self, kind: int, ranges: Ranges | None = None) -> int:
        self.kinds.append(kind)
        self.first.append(-1)
        self.second.append(-1)
        self.ranges.append([] if ranges is None else ranges)
        return len(self.kinds) - 1

    def closure(self, seeds: list[int], at_begin: bool, at_end: bool) -> tuple[int, ...]:
        """States that can be reached without reading: those that read, and the match."""
        seen: dict[int, bool] = {}
        found: list[int] = []
        stack = seeds
        while stack:
            state = stack.pop()
            if state in seen:
                continue
            seen[state] = True
            kind = self.kinds[state]
            if kind == _SET or kind == _MATCH:
                found.append(state)
            elif kind == _SPLIT:
                stack.append(self.first[state])
                stack.append(self.second[state])
            elif kind == _JUMP or (kind == _BEGIN and at_begin) or (kind == _END and at_end):
                stack.append(self.first[state])
        found.sort()
        return tuple(found)

    def step(self, states: tuple[int, ...], code: int, at_end: bool) -> tuple[int, ...]:
        seeds: list[int] = []
        for state in states:
            if self.kinds[state] == _SET:
                for low, high in self.ranges[state]:
                    if low <= code <= high:
                        seeds.append(self.first[state])
                        break
        return self.closure(seeds, False, at_end)

    def accepts(self, states: tuple[int, ...]) -> bool:
        for state in states:
            if self.kinds[state] == _MATCH:
                return True
        return False


class _Compiler:
    """Recursive descent; each part of the expression is compiled to begin at a given state and end at a JUMP."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.at: i64 = 0
        self.depth = 0
        self.program = _Program()

    def compile(self) -> _Program:
        entry = self._add(_JUMP)
        exit_state = self._alternatives(entry)
        if self.at < len(self.source):
            raise self._bad("unexpected )")
        self.program.first[exit_state] = self._add(_MATCH)
        return self.program

    def _bad(self, why: str) -> Refusal:
        return _invalid(self.source, f"{why} at {self.at}")

    def _add(self, kind: int, ranges: Ranges | None = None) -> int:
        if len(self.program.kinds) >= STATES_MAX:
            raise _invalid(self.source, "too large")
        return self.program.add(kind, ranges)

    def _peek(self) -> str:
        return self.source[self.at] if self.at < len(self.source) else ""

    def _take(self) -> str:
        if self.at >= len(self.source):
            raise self._bad("unexpected end")
        self.at += 1
        return self.source[self.at - 1]

    def _alternatives(self, entry: int) -> int:
        """Compiles a|b|c from the open JUMP `entry`; returns the open JUMP behind it."""
        self.depth += 1
        if self.depth > DEPTH_MAX:
            raise self._bad("nested too deeply")
        last = self._add(_JUMP)
        while True:
            start = self._add(_JUMP)
            end = self._sequence(start)
            self.program.first[end] = last
            if self._peek() != "|":
                break
            self.at += 1
            split = self._add(_SPLIT)
            self.program.first[entry] = split
            self.program.first[split] = start
            entry = self._add(_JUMP)
            self.program.second[split] = entry
        self.program.first[entry] = start
        self.depth -= 1
        return last

    def _sequence(self, entry: int) -> int:
        while True:
            character = self._peek()
            if character == "" or character == "|" or character == ")":
                return entry
            entry = self._repeated(entry)

    def _repeated(self, entry: int) -> int:
        begin = self.at
        end = self._atom(entry)
        least, most, given = self._quantifier()
        if not given:
            return end
        after = self.at
        if self._peek() in ("*", "+", "?"):
            raise self._bad("a quantifier of a quantifier")
        # Compiled anew for each repetition; what was compiled above is left unreachable.
        place = entry
        for _ in range(least):
            place = self._again(begin, place)
        if most < 0:
            loop = self._add(_SPLIT)
            self.program.first[place] = loop
            inner = self._add(_JUMP)
            outer = self._add(_JUMP)
            self.program.first[loop] = inner
            self.program.second[loop] = outer
            self.program.first[self._again(begin, inner)] = loop
            place = outer
        else:
            outer = self._add(_JUMP)
            for _ in range(most - least):
                split = self._add(_SPLIT)
                self.program.first[place] = split
                inner = self._add(_JUMP)
                self.program.first[split] = inner
                self.program.second[split] = outer
                place = self._again(begin, inner)
            self.program.first[place] = outer
            place = outer
        self.at = after
        return place

    def _again(self, begin: i64, entry: int) -> int:
        self.at = begin
        return self._atom(entry)

    def _quantifier(self) -> tuple[int, int, bool]:
        character = self._peek()
        if character == "*":
            found = (0, -1, True)
        elif character == "+":
            found = (1, -1, True)
        elif character == "?":
            found = (0, 1, True)
        elif character == "{":
            return self._counted()
        else:
            return (1, 1, False)
        self.at += 1
        self._skip_lazy()
        return found

    def _skip_lazy(self) -> None:
        # Which of the matches is found first makes no difference to whether there is one.
        if self._peek() == "?":
            self.at += 1

    def _counted(self) -> tuple[int, int, bool]:
        close = self.source.find("}", self.at)
        if close < 0:
            return (1, 1, False)
        low, comma, high = self.source[self.at + 1 : close].partition(",")
        if not _is_count(low) or (high != "" and not _is_count(high)):
            return (1, 1, False)
        least = int(low)
        most = least
        if comma:
            most = int(high) if high else -1
        if least > REPEAT_MAX or most > REPEAT_MAX or (most >= 0 and most < least):
            raise self._bad("bad repetition")
        self.at = close + 1
        self._skip_lazy()
        return (least, most, True)

    def _atom(self, entry: int) -> int:
        character = self._take()
        if character == "(":
            return self._group(entry)
        if character == "[":
            return self._reads(entry, self._bracket())
        if character == ".":
            return self._reads(entry, [(0, 9), (11, CODE_MAX)])
        if character == "^":
            return self._asserts(entry, _BEGIN)
        if character == "$":
            return self._asserts(entry, _END)
        if character in ("*", "+", "?"):
            raise self._bad("nothing to repeat")
        if character == "\\":
            if self._peek() == "A" or self._peek() == "z":
                return self._asserts(entry, _BEGIN if self._take() == "A" else _END)
            return self._reads(entry, self._escape())
        return self._reads(entry, [(ord(character), ord(character))])

    def _reads(self, entry: int, ranges: Ranges) -> int:
        state = self._add(_SET, ranges)
        self.program.first[entry] = state
        end = self._add(_JUMP)
        self.program.first[state] = end
        return end

    def _asserts(self, entry: int, kind: int) -> int:
        state = self._add(kind)
        self.program.first[entry] = state
        end = self._add(_JUMP)
        self.program.first[state] = end
        return end

    def _group(self, entry: int) -> int:
        if self._peek() == "?":
            if self.source[self.at : self.at + 2] != "?:":
                raise self._bad("no such group")
            self.at += 2
        end = self._alternatives(entry)
        if self._take() != ")":
            raise self._bad("missing )")
        return end

    def _escape(self) -> Ranges:
        character = self._take()
        if character.lower() in _CLASSES:
            ranges = _CLASSES[character.lower()]
            return ranges if character.islower() else _inverted(ranges)
        if character in _ESCAPES:
            code = _ESCAPES[character]
            return [(code, code)]
        if character.isascii() and character.isalnum():
            # Back references, word boundaries, Unicode classes.
            raise self._bad("no such escape")
        return [(ord(character), ord(character))]

    def _bracket(self) -> Ranges:
        negated = self._peek() == "^"
        if negated:
            self.at += 1
        ranges: Ranges = []
        first = True
        while first or self._peek() != "]":
            first = False
            ranges.extend(self._bracket_item())
        self.at += 1
        return _inverted(ranges) if negated else ranges

    def _bracket_item(self) -> Ranges:
        if self.source.startswith("[:", self.at):
            close = self.source.find(":]", self.at)
            name = self.source[self.at + 2 : close] if close > 0 else ""
            if name not in _NAMED:
                raise self._bad("no such class")
            self.at = close + 2
            return _NAMED[name]
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
            return self._escape()
        return [(ord(character), ord(character))]


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) <= 4


def _invalid(source: str, why: str) -> Refusal:
    return Refusal(Reason.INVALID_PATTERN, "pattern", source[:100], why)
