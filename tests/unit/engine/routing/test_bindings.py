"""Bindings come and go: every kind against a plain list of bindings, in any interleaving."""

import fnmatch

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from onemq.engine.routing.arguments import identity, same_value
from onemq.engine.routing.consistent_hash import ConsistentHashMatcher
from onemq.engine.routing.destination import Destination
from onemq.engine.routing.direct import DirectMatcher
from onemq.engine.routing.fanout import FanoutMatcher
from onemq.engine.routing.kinds import matcher_for
from onemq.engine.routing.matcher import Matcher
from onemq.model.entities import EXCHANGE_KINDS
from onemq.model.record import HeaderValue

ARGUMENTS: list[dict[str, object]] = [{}, {"a": 1}, {"a": True}, {"a": "1"}, {"a": b"1"}, {"a": 1, "b": None}]
HEADERS: list[dict[str, HeaderValue]] = [{}, {"a": 1}, {"a": True}, {"a": "1"}, {"a": 1, "b": 2}]
KEYS = {
    "direct": ["a", "b", "a.b", ""],
    "fanout": ["a", "b", ""],
    "topic": ["a", "a.*", "a.b", "*.*", "*"],
    "headers": ["", "a"],
    "consistent-hash": ["1", "2", "30"],
}


def expected(kind: str, key: str, headers: dict[str, HeaderValue], binding: "Row") -> bool:
    _, bound_key, arguments = binding
    if kind == "direct":
        return bound_key == key
    if kind == "topic":
        return key != "" and bound_key.count(".") == key.count(".") and fnmatch.fnmatchcase(key, bound_key)
    if kind == "headers":
        return all(
            name in headers and (value is None or same_value(headers[name], value))
            for name, value in arguments.items()
        )
    return True


Row = tuple[Destination, str, dict[str, object]]


def is_same(one: Row, other: Row) -> bool:
    return one[0] is other[0] and one[1] == other[1] and repr(one[2]) == repr(other[2])


class BindingMachine(RuleBasedStateMachine):
    """The model is the list of bindings in order of creation; matching it means asking each."""

    def __init__(self) -> None:
        super().__init__()
        self.kind = "direct"
        self.matcher: Matcher = matcher_for("direct")
        self.rows: list[Row] = []
        self.destinations = [Destination("one"), Destination("two"), Destination("one")]

    @initialize(kind=st.sampled_from(EXCHANGE_KINDS))
    def choose(self, kind: str) -> None:
        self.kind = kind
        self.matcher = matcher_for(kind)

    def draw_row(self, data: st.DataObject) -> Row:
        return (
            data.draw(st.sampled_from(self.destinations)),
            data.draw(st.sampled_from(KEYS[self.kind])),
            dict(data.draw(st.sampled_from(ARGUMENTS))),
        )

    @rule(data=st.data())
    def add(self, data: st.DataObject) -> None:
        row = self.draw_row(data)
        is_new = not any(is_same(row, other) for other in self.rows)
        assert self.matcher.add(row[0], row[1], row[2]) == is_new
        if is_new:
            self.rows.append(row)

    @rule(data=st.data())
    def remove(self, data: st.DataObject) -> None:
        row = self.draw_row(data)
        kept = [other for other in self.rows if not is_same(row, other)]
        assert self.matcher.remove(row[0], row[1], row[2]) == (len(kept) < len(self.rows))
        self.rows = kept

    @rule(data=st.data())
    def remove_one_that_is_there(self, data: st.DataObject) -> None:
        if self.rows:
            row = self.rows.pop(data.draw(st.integers(0, len(self.rows) - 1)))
            assert self.matcher.remove(row[0], row[1], row[2])

    @rule(index=st.integers(0, 2))
    def remove_destination(self, index: int) -> None:
        destination = self.destinations[index]
        kept = [other for other in self.rows if other[0] is not destination]
        assert self.matcher.remove_destination(destination) == len(self.rows) - len(kept)
        self.rows = kept

    @rule(key=st.sampled_from(["", "a", "b", "a.b", "b.b", "zz"]), headers=st.sampled_from(HEADERS))
    def match(self, key: str, headers: dict[str, HeaderValue]) -> None:
        marker = Destination("was there before")
        out = [marker]
        self.matcher.match(key, headers, out)
        assert out.pop(0) is marker
        wanted = {row[0] for row in self.rows if expected(self.kind, key, headers, row)}
        if self.kind == "consistent-hash":
            assert len(out) == (1 if wanted else 0)
            assert set(out) <= wanted
        else:
            assert set(out) == wanted

    @invariant()
    def lists_what_is_there_in_order_of_creation(self) -> None:
        listed = self.matcher.bindings()
        assert len(self.matcher) == len(listed) == len(self.rows)
        assert all(is_same(one, other) for one, other in zip(listed, self.rows, strict=True))


TestBindings = BindingMachine.TestCase


@pytest.mark.parametrize("kind", EXCHANGE_KINDS)
def test_arguments_are_part_of_a_bindings_identity(kind: str) -> None:
    """RabbitMQ 4 keeps bindings that differ in arguments only side by side, for every type of exchange."""
    matcher = matcher_for(kind)
    queue = Destination("q")
    assert matcher.add(queue, "1", {})
    assert matcher.add(queue, "1", {"a": 1, "b": 2})
    assert not matcher.add(queue, "1", {"b": 2, "a": 1})
    assert matcher.add(queue, "1", {"a": "1", "b": 2})
    assert len(matcher) == 3
    assert not matcher.remove(queue, "1", {"a": 1})
    out: list[Destination] = []
    others: list[dict[str, object]] = [{"a": "1", "b": 2}, {"b": 2, "a": 1}]
    for arguments in others:
        assert matcher.remove(queue, "1", arguments)
        matcher.match("1", {}, out)
        assert set(out) == {queue}
        out.clear()
    assert matcher.remove(queue, "1", {})
    matcher.match("1", {}, out)
    assert out == []


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic"])
def test_only_headers_and_hashed_headers_ask_for_each_record(kind: str) -> None:
    matcher = matcher_for(kind)
    assert not matcher.needs_headers
    assert not matcher.per_record


def test_an_unknown_kind_is_our_own_bug() -> None:
    with pytest.raises(AssertionError):
        matcher_for("x-delayed-message")


@pytest.mark.parametrize("kind", ["direct", "fanout", "topic"])
def test_destinations_come_in_order_of_binding(kind: str) -> None:
    matcher = matcher_for(kind)
    queues = [Destination(str(number)) for number in range(20)]
    for queue in queues:
        matcher.add(queue, "a", {})
    matcher.remove_destination(queues.pop(7))
    matcher.remove_destination(queues.pop(3))
    out: list[Destination] = []
    matcher.match("a", {}, out)
    assert out == queues
    last = Destination("last")
    matcher.add(last, "a", {})
    matcher.match("a", {}, out)
    assert out == [*queues, *queues, last]


@pytest.mark.parametrize("kind", EXCHANGE_KINDS)
def test_bindings_that_have_gone_leave_nothing_in_memory(kind: str) -> None:
    """Short-lived queues come and go by the million."""
    matcher = matcher_for(kind)
    for number in range(1, 101):
        queue = Destination(str(number))
        matcher.add(queue, str(number), {"a": number})
        matcher.add(queue, "1", {"b": number})
        if number % 2:
            matcher.remove(queue, str(number), {"a": number})
            matcher.remove(queue, "1", {"b": number})
        else:
            matcher.remove_destination(queue)
    assert not matcher._by_destination
    assert not matcher._in_order
    if isinstance(matcher, DirectMatcher):
        assert not matcher._by_key
    if isinstance(matcher, FanoutMatcher):
        assert len(matcher._all._listed) <= 1
    if isinstance(matcher, ConsistentHashMatcher):
        assert not matcher._shares


class FieldLike:
    """A value of a class that only some head knows."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FieldLike) and other.number == self.number

    def __hash__(self) -> int:
        return hash(self.number)

    def __repr__(self) -> str:
        return f"FieldLike({self.number})"


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, -1.0, float("nan"), float("inf")])
    | st.text("an:s1;{", max_size=3)
    | st.binary(max_size=2)
    | st.builds(FieldLike, st.integers(0, 1))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("a:1n", max_size=2), inner, max_size=3)
    ),
    max_leaves=6,
)
TABLES = st.dictionaries(st.text("a:1n", max_size=2), VALUES, max_size=3)


def unordered(value: object) -> str:
    """Type-faithful text of a value with the names of its tables sorted; slow and obvious."""
    if isinstance(value, dict):
        return "dict" + repr(sorted((name, unordered(item)) for name, item in value.items()))
    if isinstance(value, list):
        return "list" + repr([unordered(item) for item in value])
    return repr(value)


@given(TABLES, TABLES)
def test_identity_tells_tables_apart_by_names_types_and_values(
    one: dict[str, object], other: dict[str, object]
) -> None:
    assert (identity(one) == identity(other)) == (unordered(one) == unordered(other))
    assert identity(one) == identity(dict(reversed(one.items())))


@given(VALUES, VALUES)
def test_same_value_is_symmetric_and_follows_identity(one: object, other: object) -> None:
    assert same_value(one, other) == same_value(other, one)
    if identity({"v": one}) == identity({"v": other}):
        assert same_value(one, other) or "nan" in repr(one)
