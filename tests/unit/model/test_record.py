"""Records, addresses, demand, rights: the model's small rules."""

from onemq.model.demand import Demand
from onemq.model.principal import Peer
from onemq.model.record import NATIVE_AMQP091, Address, Death, Deaths, Record
from onemq.model.refusal import Reason, Refusal, Scope
from onemq.model.rights import NamePattern


def test_address_has_both_names_as_short_strings() -> None:
    assert Address("amq.direct", "k").shortstrs == b"\x0aamq.direct\x01k"
    assert Address("", "\udcff").shortstrs == b"\x00\x01\xff"
    assert Address("", "k" * 255).shortstrs == b"\x00\xff" + b"k" * 255
    assert Address("", "k" * 256).shortstrs == b""


def test_copy_has_all_but_the_offset() -> None:
    record = Record(b"v", Address("e", "k"), NATIVE_AMQP091, b"native", True, 7, 99)
    record.offset = 5
    record.key = b"key"
    record.headers = [("h", b"x")]
    record.timestamp_ms = 3
    record.not_before_ms = 4
    record.deaths = Deaths(
        [Death("q", "rejected", "", ["q"], 1)], ("q", "rejected", ""), ("q", "rejected", "")
    )
    copy = record.copy()
    assert copy.offset == -1
    for name in Record.__slots__ if hasattr(Record, "__slots__") else []:
        if name != "offset":
            assert getattr(copy, name) == getattr(record, name), name
    assert record.body_bytes() == 1
    assert Record(None, Address("", "")).body_bytes() == 0


def test_demand() -> None:
    assert Demand().open()
    demand = Demand(2)
    demand.in_flight = 1
    assert demand.open()
    demand.in_flight = 2
    assert not demand.open()


def test_loopback() -> None:
    for host, loopback in [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
    ]:
        assert Peer(host, 1).is_loopback() == loopback
    for host in ("10.0.0.1", "::ffff:10.0.0.1", "1.127.0.0", "::2"):
        assert not Peer(host, 1).is_loopback()


def test_patterns_are_searched_for_and_empty_matches_no_name() -> None:
    assert NamePattern("b").matches("abc")
    assert not NamePattern("^b").matches("abc")
    assert not NamePattern("").matches("abc")
    # The default exchange is asked for under the name that RabbitMQ gave it.
    assert NamePattern("^amq\\.default$").matches("")
    assert not NamePattern("^$").matches("")


def test_the_cache_of_names_is_bounded_and_right() -> None:
    pattern = NamePattern("7$")
    for number in range(3000):
        assert pattern.matches(str(number)) == (number % 10 == 7)
        assert pattern.matches(str(number)) == (number % 10 == 7)
    assert len(pattern._known) <= 1024


def test_refusal_says_what_is_wrong() -> None:
    refusal = Refusal(Reason.NOT_FOUND, "queue", "q")
    assert str(refusal) == "NOT_FOUND queue 'q'"
    assert refusal.scope == Scope.CHANNEL
