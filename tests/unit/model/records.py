"""Any records and batches of them, for the tests of what encodes, decodes and cuts them."""

from hypothesis import strategies as st

from onemq.model.record import NATIVE_AMQP091, NO_ADDRESS, Address, Death, Deaths, Record

TIMES = st.integers(0, 1 << 50)
# Names as they come off the wire: any bytes.
NAMES = st.binary(max_size=20).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
TRIPLES = st.tuples(NAMES, NAMES, NAMES)


@st.composite
def deaths(draw: st.DrawFn) -> Deaths:
    entries = [
        Death(
            draw(NAMES),
            draw(NAMES),
            draw(NAMES),
            draw(st.lists(NAMES, max_size=3)),
            draw(TIMES),
            draw(TIMES),
            draw(NAMES),
        )
        for _ in range(draw(st.integers(0, 3)))
    ]
    return Deaths(entries, draw(TRIPLES), draw(TRIPLES))


@st.composite
def records(draw: st.DrawFn) -> Record:
    address = draw(st.one_of(st.just(NO_ADDRESS), st.builds(Address, NAMES, NAMES)))
    record = Record(draw(st.one_of(st.none(), st.binary(max_size=300))), address)
    record.timestamp_ms = draw(TIMES)
    record.key = draw(st.one_of(st.none(), st.binary(max_size=5)))
    record.expires_at_ms = draw(TIMES)
    record.not_before_ms = draw(TIMES)
    record.priority = draw(st.integers(0, 255))
    record.deaths = draw(st.one_of(st.none(), deaths()))
    record.volatile = draw(st.booleans())
    if draw(st.booleans()):
        record.native_kind = NATIVE_AMQP091
        record.native = draw(st.binary(max_size=30))
    names = NAMES.filter(lambda name: name != "onemq")
    record.headers = draw(
        st.one_of(
            st.none(),
            st.lists(st.tuples(names, st.one_of(st.none(), st.binary(max_size=9))), min_size=1, max_size=3),
        )
    )
    return record


@st.composite
def batches(draw: st.DrawFn) -> list[Record]:
    out = draw(st.lists(records(), min_size=1, max_size=5))
    offset = draw(st.integers(0, 1 << 40))
    for record in out:
        record.offset = offset
        offset += draw(st.integers(1, 1000))
    return out


def told_deaths(history: Deaths | None) -> object:
    if history is None:
        return None
    entries = [
        (
            death.queue,
            death.reason,
            death.exchange,
            death.routing_keys,
            death.time_ms,
            death.count,
            death.expiration,
        )
        for death in history.entries
    ]
    return entries, history.first, history.last


def told(record: Record) -> tuple[object, ...]:
    """All that a record says, comparable."""
    return (
        record.offset,
        record.timestamp_ms,
        record.key,
        record.value,
        record.headers,
        (record.address.exchange, record.address.routing_key),
        (record.native_kind, record.native),
        (record.expires_at_ms, record.not_before_ms, record.priority),
        record.volatile,
        told_deaths(record.deaths),
    )


def numbered(count: int, base: int = 100) -> list[Record]:
    out: list[Record] = []
    for number in range(count):
        record = Record(b"value %d" % number, Address("", "q"))
        record.offset = base + number
        record.timestamp_ms = 1000 + number
        out.append(record)
    return out
