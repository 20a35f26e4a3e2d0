"""The server's assignors: everything is assigned, evenly, and stays where it is as far as that allows."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.groups.assignors import Partitions, Subscriber, assign
from onemq.engine.groups.settings import RANGE, UNIFORM

A, B, C = b"a" * 16, b"b" * 16, b"c" * 16
COUNTS = st.fixed_dictionaries({A: st.integers(0, 9), B: st.integers(0, 9), C: st.integers(0, 9)})
SUBSCRIPTIONS = st.dictionaries(
    st.sampled_from(["m1", "m2", "m3", "m4", "m5"]), st.sets(st.sampled_from([A, B, C])), min_size=1
)


def subscribers(
    topics: dict[str, set[bytes]], current: dict[str, Partitions] | None = None
) -> list[Subscriber]:
    return [
        Subscriber(name, None, sorted(wanted), (current or {}).get(name, {}))
        for name, wanted in topics.items()
    ]


def flat(found: dict[str, Partitions]) -> dict[tuple[bytes, int], str]:
    owners: dict[tuple[bytes, int], str] = {}
    for member_id, partitions in found.items():
        for topic_id, numbers in partitions.items():
            for number in numbers:
                assert (topic_id, number) not in owners, "assigned twice"
                owners[(topic_id, number)] = member_id
    return owners


def loads(found: dict[str, Partitions]) -> dict[str, int]:
    return {
        member_id: sum(len(numbers) for numbers in topics.values()) for member_id, topics in found.items()
    }


@given(SUBSCRIPTIONS, COUNTS, st.sampled_from([RANGE, UNIFORM]))
def test_everything_goes_to_one_who_reads_it(
    topics: dict[str, set[bytes]], counts: dict[bytes, int], assignor: str
) -> None:
    found = assign(assignor, subscribers(topics), counts)
    owners = flat(found)
    wanted = {topic for some in topics.values() for topic in some}
    assert set(owners) == {(topic, number) for topic in wanted for number in range(counts[topic])}
    for (topic_id, _), member_id in owners.items():
        assert topic_id in topics[member_id]


@given(SUBSCRIPTIONS, COUNTS, COUNTS, SUBSCRIPTIONS)
def test_uniform_is_even(
    before: dict[str, set[bytes]],
    counts_before: dict[bytes, int],
    counts: dict[bytes, int],
    topics: dict[str, set[bytes]],
) -> None:
    """No member could give one to another and both be nearer to each other."""
    current = assign(UNIFORM, subscribers(before), counts_before)
    found = assign(UNIFORM, subscribers(topics, current), counts)
    load = loads(found)
    for (topic_id, _), member_id in flat(found).items():
        for other, wanted in topics.items():
            if topic_id in wanted:
                assert load[member_id] <= load[other] + 1


@given(SUBSCRIPTIONS, COUNTS)
def test_uniform_leaves_things_alone_when_nothing_has_changed(
    topics: dict[str, set[bytes]], counts: dict[bytes, int]
) -> None:
    current = assign(UNIFORM, subscribers(topics), counts)
    assert assign(UNIFORM, subscribers(topics, current), counts) == current


@given(st.integers(1, 6), st.integers(0, 20))
def test_uniform_moves_no_more_than_it_has_to(members: int, partitions: int) -> None:
    names = {f"m{index}": {A} for index in range(members)}
    current = assign(UNIFORM, subscribers(names), {A: partitions})
    grown = assign(UNIFORM, subscribers({**names, "new": {A}}, current), {A: partitions})
    kept = sum(flat(current)[key] == owner for key, owner in flat(grown).items())
    assert partitions - kept == loads(grown)["new"]


def test_range_gives_stretches_in_the_order_of_names() -> None:
    found = assign(
        RANGE,
        [
            Subscriber("b", None, [A, B], {}),
            Subscriber("a", None, [A], {}),
            Subscriber("z", "static", [A, B], {}),
        ],
        {A: 7, B: 3},
    )
    assert found["z"] == {A: {0, 1, 2}, B: {0, 1}}
    assert found["a"] == {A: {3, 4}}
    assert found["b"] == {A: {5, 6}, B: {2}}
