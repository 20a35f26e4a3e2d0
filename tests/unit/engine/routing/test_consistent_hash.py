"""Consistent hash: shares, stability, determinism. Visible behaviour as RabbitMQ's plugin has it."""

import math
from collections import Counter
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.routing.consistent_hash import ConsistentHashMatcher
from onemq.engine.routing.destination import Destination
from onemq.model.record import HeaderValue
from onemq.model.refusal import Reason, Refusal


def chosen(
    matcher: ConsistentHashMatcher, key: str, headers: dict[str, HeaderValue] | None = None
) -> Destination:
    out: list[Destination] = []
    matcher.match(key, headers or {}, out)
    assert len(out) == 1
    return out[0]


def bound(weights: Iterable[int], prefix: str = "q") -> tuple[ConsistentHashMatcher, list[Destination]]:
    matcher = ConsistentHashMatcher()
    queues = []
    for number, weight in enumerate(weights):
        queue = Destination(f"{prefix}{number}")
        queues.append(queue)
        matcher.add(queue, str(weight), {})
    return matcher, queues


KEY_FAMILIES = {
    "counting": [str(number) for number in range(5_000)],
    "long common prefix": [f"orders.eu-west-1.customer.{number:08d}.created" for number in range(5_000)],
    "common suffix": [f"{number}.orders" for number in range(5_000)],
    "every other hundredth": [str(number * 200) for number in range(5_000)],
    "hexadecimal": [f"{number * 2654435761 % 2**32:08x}" for number in range(5_000)],
    "not ascii": [chr(0x4E00 + number) for number in range(5_000)],
}


@pytest.mark.parametrize("family", sorted(KEY_FAMILIES))
@pytest.mark.parametrize(
    ("weights", "prefix"), [((1, 1), "q"), ((1, 10), "amq.gen-"), ((3, 5, 1, 2, 2), "worker.")]
)
def test_shares_follow_weights(family: str, weights: tuple[int, ...], prefix: str) -> None:
    """Chi-square over destinations, at most five standard deviations off. Nothing is random here."""
    matcher, queues = bound(weights, prefix)
    keys = KEY_FAMILIES[family]
    counts = Counter(chosen(matcher, key) for key in keys)
    chi_square = 0.0
    for queue, weight in zip(queues, weights, strict=True):
        expected = len(keys) * weight / sum(weights)
        chi_square += (counts[queue] - expected) ** 2 / expected
    freedom = len(weights) - 1
    # Wilson and Hilferty: the cube root of chi-square over its freedom is close to normal.
    deviation = math.sqrt(2 / (9 * freedom))
    assert ((chi_square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / deviation < 5


def test_two_choices_are_independent() -> None:
    """Which queue a key gets in one exchange tells nothing about which of other queues it gets in another."""
    first, first_queues = bound([1, 1], "q")
    second, second_queues = bound([1, 1], "r")
    counts = Counter((chosen(first, str(key)), chosen(second, str(key))) for key in range(5_000))
    for one in first_queues:
        for other in second_queues:
            assert abs(counts[(one, other)] - 1_250) < 5 * math.sqrt(5_000 * 3 / 16)


WEIGHTS = st.integers(1, 20)


@given(st.lists(WEIGHTS, min_size=1, max_size=8), WEIGHTS)
def test_a_new_destination_only_takes(weights: list[int], weight: int) -> None:
    matcher, _ = bound(weights)
    keys = [f"key {number}" for number in range(200)]
    before = {key: chosen(matcher, key) for key in keys}
    new = Destination("new")
    matcher.add(new, str(weight), {})
    for key in keys:
        assert chosen(matcher, key) in (before[key], new)
    matcher.remove(new, str(weight), {})
    assert {key: chosen(matcher, key) for key in keys} == before


@given(st.lists(WEIGHTS, min_size=2, max_size=8), st.data())
def test_a_destination_that_goes_moves_only_its_own(weights: list[int], data: st.DataObject) -> None:
    matcher, queues = bound(weights)
    keys = [f"key {number}" for number in range(200)]
    before = {key: chosen(matcher, key) for key in keys}
    gone = data.draw(st.sampled_from(queues))
    assert matcher.remove_destination(gone) == 1
    for key in keys:
        after = chosen(matcher, key)
        assert after == before[key] if before[key] is not gone else after is not gone


@given(st.lists(WEIGHTS, min_size=2, max_size=8))
def test_order_of_binding_does_not_matter(weights: list[int]) -> None:
    """RabbitMQ warns that a restart may move keys to other queues; here equal bindings choose alike."""
    forward, _ = bound(weights)
    backward = ConsistentHashMatcher()
    for number in reversed(range(len(weights))):
        backward.add(Destination(f"q{number}"), str(weights[number]), {})
    for number in range(100):
        assert chosen(forward, str(number)).name == chosen(backward, str(number)).name


def test_choice_is_the_same_in_every_process_and_build() -> None:
    """Written down once: a change would move the keys of every installation; the compiled build agrees."""
    matcher, _ = bound([1, 2, 3, 4])
    assert "".join(chosen(matcher, f"key-{number}").name[1:] for number in range(40)) == FIRST_FORTY


FIRST_FORTY = "0222122101022300003112332023311233223123"


def test_no_binding_no_destination() -> None:
    out: list[Destination] = []
    ConsistentHashMatcher().match("a", {}, out)
    assert out == []


@pytest.mark.parametrize("weight", ["1", "+7", "007", "1000000000", "9" * 255])
def test_weights_taken(weight: str) -> None:
    """As Erlang's list_to_integer reads them. A huge one costs no memory."""
    matcher = ConsistentHashMatcher()
    queue = Destination("q")
    assert matcher.add(queue, weight, {})
    matcher.add(Destination("other"), "1", {})
    if int(weight) >= 1_000_000_000:
        assert all(chosen(matcher, str(number)) is queue for number in range(1_000))


@pytest.mark.parametrize(
    "weight",
    ["", "0", "-1", "1.5", " 1", "1 ", "1_000", "a", "+", "++1", "+-1", "\u0661", "\u00b2", "9" * 256],
)
def test_weights_refused(weight: str) -> None:
    matcher = ConsistentHashMatcher()
    with pytest.raises(Refusal) as refused:
        matcher.add(Destination("q"), weight, {})
    assert refused.value.reason == Reason.INVALID
    assert refused.value.entity_kind == "binding"
    assert len(matcher) == 0


def test_the_oldest_binding_of_a_destination_gives_its_weight() -> None:
    """RabbitMQ 4 ignores later bindings of a queue that is on the ring (chx_hash_ring_update_fun).

    There, removing any of them takes the queue off the ring though others remain; here the oldest counts.
    """
    matcher = ConsistentHashMatcher()
    once, _ = bound([5, 5])
    one, two = Destination("q0"), Destination("q1")
    matcher.add(one, "5", {})
    matcher.add(one, "500", {})
    matcher.add(two, "5", {})
    keys = [str(number) for number in range(500)]
    for key in keys:
        assert chosen(matcher, key).name == chosen(once, key).name
    matcher.remove(one, "5", {})
    assert Counter(chosen(matcher, key) for key in keys)[one] > 450
    matcher.remove(one, "500", {})
    assert all(chosen(matcher, key) is two for key in keys)


def test_destinations_of_one_name_share_evenly() -> None:
    matcher = ConsistentHashMatcher()
    queue, exchange = Destination("same"), Destination("same")
    matcher.add(queue, "1", {})
    matcher.add(exchange, "1", {})
    counts = Counter(chosen(matcher, str(number)) for number in range(2_000))
    assert abs(counts[queue] - 1_000) < 5 * math.sqrt(500)
    matcher.remove_destination(queue)
    again = Destination("same")
    matcher.add(again, "1", {})
    counts = Counter(chosen(matcher, str(number)) for number in range(2_000))
    assert abs(counts[again] - 1_000) < 5 * math.sqrt(500)


def test_hashing_a_header() -> None:
    matcher = ConsistentHashMatcher("h")
    by_key, _ = bound([1, 1, 1])
    for number in range(3):
        matcher.add(Destination(f"q{number}"), "1", {})
    assert matcher.needs_headers
    assert matcher.per_record
    assert not by_key.needs_headers
    assert not by_key.per_record
    spread = set()
    for number in range(100):
        value = f"value {number}"
        with_text = chosen(matcher, "any", {"h": value, "other": number})
        spread.add(with_text)
        assert chosen(matcher, "other key", {"h": value}) is with_text
        # Text and octets are the same binary in RabbitMQ.
        assert chosen(matcher, "", {"h": value.encode()}) is with_text
        assert chosen(by_key, value).name == with_text.name
    assert len(spread) == 3


def test_without_the_header_all_go_to_the_same_destination() -> None:
    """README of the plugin: arbitrarily chosen, but one."""
    matcher = ConsistentHashMatcher("h")
    for number in range(5):
        matcher.add(Destination(f"q{number}"), "1", {})
    assert len({chosen(matcher, str(number), {"g": number}) for number in range(100)}) == 1
    assert len({chosen(matcher, str(number), {"h": None}) for number in range(100)}) == 1


@pytest.mark.parametrize(
    "kind", [int, float, lambda number: [number, "a"], lambda number: {"k": number}, bytes]
)
def test_any_type_of_header_spreads(kind: object) -> None:
    assert callable(kind)
    matcher = ConsistentHashMatcher("h")
    for number in range(4):
        matcher.add(Destination(f"q{number}"), "1", {})
    assert len({chosen(matcher, "", {"h": kind(number)}) for number in range(100)}) == 4


@given(st.text() | st.just("\udc80"))
def test_any_key_is_routed(key: str) -> None:
    matcher, queues = bound([1, 1])
    assert chosen(matcher, key) in queues
