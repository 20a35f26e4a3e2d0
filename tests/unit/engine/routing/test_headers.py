"""Headers exchange against a direct reading of RabbitMQ's documentation and source."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.routing.destination import Destination
from onemq.engine.routing.headers import HeadersMatcher
from onemq.model.record import HeaderValue
from onemq.model.refusal import Reason, Refusal

NAMES = st.sampled_from(["a", "b", "c", "x-a", "x-b", "X-c", "x"])
SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 2, 0.0, 1.0, "", "1", "é", b"", b"1", "é".encode(), "\udc80", b"\x80"]
)
VALUES = SCALARS | st.lists(SCALARS, max_size=2) | st.dictionaries(NAMES, SCALARS, max_size=2)
TABLES = st.dictionaries(NAMES, VALUES, max_size=4)
MODES = st.sampled_from([None, "all", "any", "all-with-x", "any-with-x"])


def typed(value: object) -> object:
    """A form in which == is Erlang's =:= on RabbitMQ's decoded values: text and octets are both binaries."""
    if isinstance(value, str):
        return ("binary", value.encode("utf-8", "surrogateescape"))
    if isinstance(value, bytes):
        return ("binary", value)
    if isinstance(value, list):
        return ("list", [typed(item) for item in value])
    if isinstance(value, dict):
        return ("table", {name: typed(item) for name, item in value.items()})
    return (type(value).__name__, value)


def by_the_book(arguments: dict[str, object], headers: dict[str, HeaderValue]) -> bool:
    mode = arguments.get("x-match", "all")
    considered = {name: value for name, value in arguments.items() if name != "x-match"}
    if mode in ("all", "any"):
        considered = {name: value for name, value in considered.items() if not name.startswith("x-")}
    hits = [
        name in headers and (value is None or typed(headers[name]) == typed(value))
        for name, value in considered.items()
    ]
    return any(hits) if mode in ("any", "any-with-x") else all(hits)


def matches(arguments: dict[str, object], headers: dict[str, HeaderValue]) -> bool:
    matcher = HeadersMatcher()
    queue = Destination("q")
    matcher.add(queue, "", arguments)
    out: list[Destination] = []
    matcher.match("ignored", headers, out)
    assert set(out) <= {queue}
    return bool(out)


@given(TABLES, MODES, TABLES)
def test_matches_by_the_book(
    arguments: dict[str, object], mode: str | None, headers: dict[str, HeaderValue]
) -> None:
    if mode is not None:
        arguments["x-match"] = mode
    assert matches(arguments, headers) == by_the_book(arguments, headers)


BOUND = st.tuples(TABLES, MODES)


@given(st.lists(BOUND, max_size=8), st.data(), st.lists(TABLES, min_size=1, max_size=4))
def test_many_bindings_are_matched_each_by_the_book(
    bound: list[tuple[dict[str, object], str | None]],
    data: st.DataObject,
    records: list[dict[str, HeaderValue]],
) -> None:
    matcher = HeadersMatcher()
    queues: dict[Destination, dict[str, object]] = {}
    for arguments, mode in bound:
        asked = arguments if mode is None else {**arguments, "x-match": mode}
        queue = Destination("q")
        queues[queue] = asked
        matcher.add(queue, "", asked)
    for gone in data.draw(st.lists(st.sampled_from(list(queues)), unique=True) if queues else st.just([])):
        assert matcher.remove_destination(gone) == 1
        del queues[gone]
    for headers in records:
        out: list[Destination] = []
        matcher.match("", headers, out)
        assert set(out) == {queue for queue, asked in queues.items() if by_the_book(asked, headers)}
    for queue in queues:
        matcher.remove_destination(queue)
    assert not matcher._index._by_name, "the index keeps nothing of what has gone"
    assert not matcher._index._unfiled


@given(TABLES, st.sampled_from(["all", "all-with-x"]), TABLES)
def test_all_matches_its_own_arguments_and_more(
    arguments: dict[str, object], mode: str, more: dict[str, HeaderValue]
) -> None:
    headers: dict[str, HeaderValue] = {**more, **arguments}  # type: ignore[dict-item]
    assert matches({**arguments, "x-match": mode}, headers)


@pytest.mark.parametrize(
    ("asked", "header", "expected"),
    [
        # maps:get(K, Headers) =:= V in rabbit_exchange_type_headers (RabbitMQ 3.13 and 4): strict, so no
        # number equals one of another type, but long string and byte array are both binaries there.
        ("1", "1", True),
        ("1", b"1", True),
        (b"1", "1", True),
        ("1", 1, False),
        (1, 1, True),
        (1, 1.0, False),
        (1.0, 1, False),
        (1.5, 1.5, True),
        (1, True, False),
        (True, 1, False),
        (True, True, True),
        (False, 0, False),
        ("", None, False),
        (0, None, False),
        ([1, "a"], [1, b"a"], True),
        ([1], [1.0], False),
        ([1], [1, 1], False),
        ({"k": [True]}, {"k": [True]}, True),
        ({"k": 1}, {"k": True}, False),
        ({"k": None}, {"j": None}, False),
        # A "void" argument asks for presence, whatever the value is, even another void.
        (None, "anything", True),
        (None, False, True),
        (None, None, True),
    ],
)
@pytest.mark.parametrize("mode", ["all", "any"])
def test_values_are_compared_with_their_types(
    asked: object, header: HeaderValue, expected: bool, mode: str
) -> None:
    assert matches({"x-match": mode, "h": asked}, {"h": header}) == expected


def test_an_absent_header_is_neither_present_nor_equal() -> None:
    assert not matches({"h": None}, {})
    assert not matches({"x-match": "any", "h": None, "g": "1"}, {"f": "1"})


@pytest.mark.parametrize(
    ("arguments", "headers", "expected"),
    [
        # Empty arguments: match_all([]) is true, match_any([]) is false.
        ({}, {}, True),
        ({}, {"a": 1}, True),
        ({"x-match": "all"}, {"a": 1}, True),
        ({"x-match": "any"}, {"a": 1}, False),
        ({"x-match": "all-with-x"}, {}, True),
        ({"x-match": "any-with-x"}, {"x-match": "any-with-x"}, False),
        # Of "any", each kind of argument is enough alone.
        ({"x-match": "any", "a": "1", "b": None}, {"b": 5}, True),
        ({"x-match": "any", "a": "1", "b": [1]}, {"b": [1]}, True),
        ({"x-match": "any", "a": "1", "b": "2"}, {"b": "2"}, True),
        ({"x-match": "any", "a": "1", "b": None, "c": [1]}, {"a": "1"}, True),
        ({"x-match": "all", "a": "1", "b": None, "c": [1]}, {"a": "1", "b": 0, "c": [1]}, True),
        ({"x-match": "all", "a": "1", "b": None, "c": [1]}, {"a": "1", "c": [1]}, False),
        ({"x-match": "all", "a": "1", "b": None, "c": [1]}, {"a": "1", "b": 0, "c": [2]}, False),
        # Arguments named x-... count only with the -with-x modes, and x-match itself never does.
        ({"x-a": "1"}, {}, True),
        ({"x-match": "any", "x-a": "1"}, {"x-a": "1"}, False),
        ({"x-match": "any-with-x", "x-a": "1"}, {"x-a": "1"}, True),
        ({"x-match": "all-with-x", "x-a": "1"}, {}, False),
        ({"x-match": "all-with-x", "x-a": "1"}, {"x-a": "1"}, True),
        ({"x-match": "all-with-x", "x-a": "1"}, {"x-a": "1", "x-match": "any"}, True),
    ],
)
def test_modes(arguments: dict[str, object], headers: dict[str, HeaderValue], expected: bool) -> None:
    assert matches(arguments, headers) == expected


@pytest.mark.parametrize("mode", ["", "ALL", "none", "any-with-X", b"all", 1, True, None, ["all"]])
def test_a_bad_mode_is_refused_and_nothing_is_bound(mode: object) -> None:
    """RabbitMQ wants a long string and refuses a void or a byte array (validate_binding)."""
    matcher = HeadersMatcher()
    with pytest.raises(Refusal) as refused:
        matcher.add(Destination("q"), "", {"x-match": mode})
    assert refused.value.reason == Reason.INVALID
    assert refused.value.entity_kind == "binding"
    assert "x-match" in refused.value.detail
    assert len(matcher) == 0


def test_looks_at_headers_only() -> None:
    matcher = HeadersMatcher()
    assert matcher.needs_headers
    assert matcher.per_record
