"""Regular expressions of clients over names, decided in time that is linear in the name whatever the expression says.

Job: tell whether an expression is found in a name, or is all of it. An expression is a tree; each part takes the set of places it
may begin at and gives the set of places it may end at. A set is one integer, a bit for each place, so that a part is done for all
places at once, and a loop goes on only while it finds places that it has not begun at before: nothing is tried twice.
Must not: find which text matched (that would need an order among the ways), or read expressions (pattern_syntax.py).
Why not the language's own: docs/decisions/0012.
"""

from typing import Final

from mypy_extensions import i64

Ranges = list[tuple[int, int]]

BEGIN: Final = 0
END: Final = 1
END_OR_LAST_LINE: Final = 2
LINE_BEGIN: Final = 3
LINE_END: Final = 4
BOUNDARY: Final = 5
NO_BOUNDARY: Final = 6
_ASSERTIONS: Final = 7

_LOOP_ROUNDS: Final = 256
"""A loop can go round once for each place: names have up to 255 octets."""


class Run:
    """One name, while an expression is tried on it: what its parts have found out. `mirrored`: the name is read from its end."""

    __slots__ = ("_assertions", "_mirror", "all", "begun", "length", "masks", "mirrored", "name", "program")

    def __init__(self, program: "Pattern", name: str, mirrored: bool) -> None:
        self.program = program
        self.name = name
        self.mirrored = mirrored
        self.length = len(name)
        self.all = (1 << (self.length + 1)) - 1
        self.masks: list[int] = [-1] * program.masks
        self.begun: list[int] = [0] * program.loops
        self._assertions: list[int] = [-1] * _ASSERTIONS
        self._mirror: Run | None = None

    def mirror(self) -> "Run":
        if self._mirror is None:
            self._mirror = Run(self.program, self.name[::-1], not self.mirrored)
            self._mirror._mirror = self
        return self._mirror

    def flipped(self, places: int) -> int:
        """The same places, counted from the other end."""
        return int(format(places, f"0{self.length + 1}b")[::-1], 2)

    def assertion(self, kind: int) -> int:
        """The places where it holds."""
        found = self._assertions[kind]
        if found < 0:
            name = self.name[::-1] if self.mirrored else self.name
            found = _assertion(kind, name)
            if self.mirrored:
                found = self.flipped(found)
            self._assertions[kind] = found
        return found


def _assertion(kind: int, name: str) -> int:
    length = len(name)
    if kind == BEGIN:
        return 1
    if kind == END:
        return 1 << length
    if kind == END_OR_LAST_LINE:
        return (1 << length) | (1 << (length - 1) if name.endswith("\n") else 0)
    found = 0
    for place in range(length + 1):
        before = name[place - 1] if place > 0 else ""
        after = name[place] if place < length else ""
        if kind == LINE_BEGIN:
            holds = place == 0 or (before == "\n" and after != "")
        elif kind == LINE_END:
            holds = after == "" or after == "\n"
        else:
            holds = (_is_word(before) != _is_word(after)) == (kind == BOUNDARY)
        if holds:
            found |= 1 << place
    return found


def _is_word(character: str) -> bool:
    return character == "_" or (character.isascii() and character.isalnum())


class Node:
    """A part of an expression. `size`: how many parts it is made of."""

    __slots__ = ("size",)

    def __init__(self, size: int = 1) -> None:
        self.size = size

    def ends(self, run: Run, starts: int) -> int:
        """The places where it may end if it begins at one of `starts`."""
        raise NotImplementedError

    def mirrored(self, program: "Pattern") -> "Node":
        """The same part for a name that is read from its end."""
        raise NotImplementedError

    def copied(self, program: "Pattern") -> "Node":
        """The same part at another place of the expression: loops count by themselves."""
        return self

    def steps(self, rounds: i64) -> i64:
        """How many parts are looked at when it is tried `rounds` times."""
        return rounds * self.size


class Text(Node):
    """These characters. `index`: of its mask, the places where they stand. `folded`: without regard to case."""

    __slots__ = ("folded", "index", "text")

    def __init__(self, text: str, folded: bool, index: int) -> None:
        super().__init__()
        self.text = lowered(text) if folded else text
        self.folded = folded
        self.index = index

    def ends(self, run: Run, starts: int) -> int:
        mask = run.masks[self.index]
        if mask < 0:
            mask = 0
            name = lowered(run.name) if self.folded else run.name
            at = name.find(self.text)
            while at >= 0:
                mask |= 1 << at
                at = name.find(self.text, at + 1)
            run.masks[self.index] = mask
        return (starts & mask) << len(self.text)

    def mirrored(self, program: "Pattern") -> Node:
        return Text(self.text[::-1], self.folded, program.new_mask())


class OneOf(Node):
    """One character of a class."""

    __slots__ = ("folded", "index", "negated", "ranges")

    def __init__(self, ranges: Ranges, negated: bool, folded: bool, index: int) -> None:
        super().__init__()
        self.ranges = ranges
        self.negated = negated
        self.folded = folded
        self.index = index

    def mask(self, run: Run) -> int:
        mask = run.masks[self.index]
        if mask < 0:
            mask = 0
            name = run.name
            for place in range(len(name)):
                if self._has(name[place]) != self.negated:
                    mask |= 1 << place
            run.masks[self.index] = mask
        return mask

    def _has(self, character: str) -> bool:
        if _in_ranges(self.ranges, character):
            return True
        return self.folded and (
            _in_ranges(self.ranges, character.lower()) or _in_ranges(self.ranges, character.upper())
        )

    def ends(self, run: Run, starts: int) -> int:
        return (starts & self.mask(run)) << 1

    def mirrored(self, program: "Pattern") -> Node:
        return OneOf(self.ranges, self.negated, self.folded, program.new_mask())


def _in_ranges(ranges: Ranges, character: str) -> bool:
    if len(character) != 1:
        return False
    code = ord(character)
    for low, high in ranges:
        if low <= code <= high:
            return True
    return False


def lowered(text: str) -> str:
    """In lower case, and as long as before."""
    found = text.lower()
    if len(found) == len(text):
        return found
    return "".join([character.lower() if len(character.lower()) == 1 else character for character in text])


class Asserted(Node):
    """A place where something holds; no character."""

    __slots__ = ("kind",)

    def __init__(self, kind: int) -> None:
        super().__init__()
        self.kind = kind

    def ends(self, run: Run, starts: int) -> int:
        return starts & run.assertion(self.kind)

    def mirrored(self, program: "Pattern") -> Node:
        return self


class Looked(Node):
    """A place before which (`behind`) or behind which something stands, or does not; no character.

    `part` is written for the direction in which it is tried: mirrored for a look ahead, so that both are looks back.
    """

    __slots__ = ("behind", "index", "negated", "part")

    def __init__(self, part: Node, behind: bool, negated: bool, index: int) -> None:
        super().__init__(part.size + 1)
        self.part = part
        self.behind = behind
        self.negated = negated
        self.index = index

    def ends(self, run: Run, starts: int) -> int:
        mask = run.masks[self.index]
        if mask < 0:
            if self.behind:
                mask = self.part.ends(run, run.all)
            else:
                mirror = run.mirror()
                mask = run.flipped(self.part.ends(mirror, mirror.all))
            if self.negated:
                mask = run.all & ~mask
            run.masks[self.index] = mask
        return starts & mask

    def mirrored(self, program: "Pattern") -> Node:
        # The name turns, the side turns: it is tried on the same reading of the name as before.
        return Looked(self.part, not self.behind, self.negated, program.new_mask())

    def steps(self, rounds: i64) -> i64:
        return rounds + self.part.steps(1)


class Sequence(Node):
    """One after the other."""

    __slots__ = ("parts",)

    def __init__(self, parts: list[Node]) -> None:
        super().__init__(1 + sum([part.size for part in parts]))
        self.parts = parts

    def ends(self, run: Run, starts: int) -> int:
        for part in self.parts:
            if not starts:
                return 0
            starts = part.ends(run, starts)
        return starts

    def mirrored(self, program: "Pattern") -> Node:
        return Sequence([part.mirrored(program) for part in reversed(self.parts)])

    def copied(self, program: "Pattern") -> Node:
        return Sequence([part.copied(program) for part in self.parts])

    def steps(self, rounds: i64) -> i64:
        return rounds + _steps(self.parts, rounds)


class Choice(Node):
    """One of them. `empty`: or nothing at all."""

    __slots__ = ("empty", "options")

    def __init__(self, options: list[Node], empty: bool) -> None:
        super().__init__(1 + sum([option.size for option in options]))
        self.options = options
        self.empty = empty

    def ends(self, run: Run, starts: int) -> int:
        found = starts if self.empty else 0
        for option in self.options:
            found |= option.ends(run, starts)
        return found

    def mirrored(self, program: "Pattern") -> Node:
        return Choice([option.mirrored(program) for option in self.options], self.empty)

    def copied(self, program: "Pattern") -> Node:
        return Choice([option.copied(program) for option in self.options], self.empty)

    def steps(self, rounds: i64) -> i64:
        return rounds + _steps(self.options, rounds)


class Span(Node):
    """Any number of characters of a class, done at once."""

    __slots__ = ("one",)

    def __init__(self, one: OneOf) -> None:
        super().__init__()
        self.one = one

    def ends(self, run: Run, starts: int) -> int:
        # An addition carries each start through the characters of the class that follow it without a gap.
        mask = self.one.mask(run)
        return (((starts & mask) + mask) ^ mask) | starts

    def mirrored(self, program: "Pattern") -> Node:
        one = self.one.mirrored(program)
        assert isinstance(one, OneOf)
        return Span(one)


class Loop(Node):
    """Any number of times. `index`: of the places where it has begun a round in this run.

    A place where a round has begun before is passed over: what follows from it was found then, and went the same way on.
    """

    __slots__ = ("index", "part")

    def __init__(self, part: Node, index: int) -> None:
        super().__init__(part.size + 1)
        self.part = part
        self.index = index

    def ends(self, run: Run, starts: int) -> int:
        index = self.index
        new = starts & ~run.begun[index]
        found = 0
        while new:
            run.begun[index] |= new
            found |= new
            new = self.part.ends(run, new) & ~run.begun[index]
        return found

    def mirrored(self, program: "Pattern") -> Node:
        return Loop(self.part.mirrored(program), program.new_loop())

    def copied(self, program: "Pattern") -> Node:
        return Loop(self.part.copied(program), program.new_loop())

    def steps(self, rounds: i64) -> i64:
        # However deep loops are nested: each goes round once for each place.
        return rounds + self.part.steps(_LOOP_ROUNDS)


def _steps(parts: list[Node], rounds: i64) -> i64:
    found: i64 = 0
    for part in parts:
        found += part.steps(rounds)
    return found


class Pattern:
    """An expression that was read (pattern_syntax.py makes them).

    Attributes:
        steps: how much work it can be for one name of 255 characters; about a microsecond for ten.
    """

    __slots__ = ("loops", "masks", "root", "source", "steps")

    def __init__(self, source: str) -> None:
        """Fits nothing, until it has a `root`."""
        self.source = source
        self.masks = 0
        self.loops = 0
        self.root: Node = Choice([], False)
        self.steps: i64 = 1

    def new_mask(self) -> int:
        self.masks += 1
        return self.masks - 1

    def new_loop(self) -> int:
        self.loops += 1
        return self.loops - 1

    def is_in(self, name: str) -> bool:
        """Some part of the name fits."""
        run = Run(self, name, False)
        return self.root.ends(run, run.all) != 0

    def fits(self, name: str) -> bool:
        """The whole name fits."""
        run = Run(self, name, False)
        return self.root.ends(run, 1) >> run.length != 0
