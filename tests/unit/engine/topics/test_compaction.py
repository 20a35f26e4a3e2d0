"""Compaction against a dictionary: whatever is written and whenever memory runs short, the log ends with each key's last value."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine_driver import Disk, FakeStore
from onemq.engine.settings import EngineSettings
from onemq.model.compression import GZIP, LZ4, NONE, SNAPPY, ZSTD
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.record_batch import base_offset, check_batch, end_offset, recompressed_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache
from transaction_driver import Remembering, TransactionDriver

pytestmark = pytest.mark.slow

KEEP_MS = 8_000
CONFIG = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.0",
    "delete.retention.ms": str(KEEP_MS),
}


def keyed_batch(entries: list[tuple[bytes, bytes | None]], now_ms: int, codec: int = NONE) -> bytes:
    records: list[Record] = []
    for delta, (key, value) in enumerate(entries):
        record = Record(value, NO_ADDRESS)
        record.key = key
        record.offset = delta
        record.timestamp_ms = now_ms
        records.append(record)
    return recompressed_batch(encode_batch(records), codec)


def contents(driver: TransactionDriver, topic: str) -> list[tuple[int, bytes | None, bytes | None]]:
    """(offset, key, value) of all that a fetch gives, from the first offset kept on."""
    found: list[tuple[int, bytes | None, bytes | None]] = []
    at = 0
    while True:
        waiter = Remembering()
        part = driver.topics.fetch_part(driver.topics.find(topic), 0, at, 700)
        driver.topics.fetch([part], 1, 700, 0, False, waiter)
        driver.settle_down()
        assert waiter.results is not None and waiter.results[0].refused is None
        batches = waiter.results[0].batches
        if not batches:
            return found
        for data in batches:
            check_batch(data)
            for record in decode_batch(data, 0, AddressCache()):
                if record.offset >= at:
                    found.append((int(record.offset), record.key, record.value))
        assert end_offset(batches[-1]) > at > -1 and base_offset(batches[0]) >= 0
        at = int(end_offset(batches[-1]))


def small_driver() -> TransactionDriver:
    bounds = EngineSettings(tail_bytes_max=4_000, journal_bytes_max=6_000, load_bytes=900, spill_bytes=1_500)
    return TransactionDriver(bounds, store=FakeStore(Disk(), 1))


KEYS = st.sampled_from([b"a", b"b", b"c", b"d"])
VALUES = st.one_of(st.none(), st.binary(min_size=1, max_size=60))
BATCHES = st.lists(
    st.tuples(
        st.lists(st.tuples(KEYS, VALUES), min_size=1, max_size=6),
        st.sampled_from([NONE, GZIP, SNAPPY, LZ4, ZSTD]),
        st.sampled_from([0, 1, 2_500]),
        st.booleans(),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(BATCHES)
def test_the_last_value_of_each_key_stays_and_nothing_else(
    batches: list[tuple[list[tuple[bytes, bytes | None]], int, int, bool]],
) -> None:
    driver = small_driver()
    assert driver.topics.create("t", 1, CONFIG) is not None
    written: list[tuple[int, bytes, bytes | None]] = []
    for entries, codec, pause_ms, restart in batches:
        topic = driver.topics.find("t")
        appended = driver.topics.produce(topic, 0, keyed_batch(entries, driver.now_ms, codec), None)
        driver.settle_down()
        for delta, (key, value) in enumerate(entries):
            written.append((int(appended.base_offset) + delta, key, value))
        driver.pass_time(pause_ms)
        if restart:
            driver.crash()
    last = {key: (offset, value) for offset, key, value in written}
    # Passes for what was written, and one after the tombstones' time.
    driver.pass_time(5_000)
    expected = sorted((offset, key, value) for key, (offset, value) in last.items())
    found = contents(driver, "t")
    assert [entry for entry in found if entry[2] is not None] == [e for e in expected if e[2] is not None]
    assert set(found) <= set(expected)
    driver.pass_time(KEEP_MS + 5_000)
    # The log's last record stays, tombstone or not: else nobody could read to its end.
    expected = [entry for entry in expected if entry[2] is not None or entry[0] == len(written) - 1]
    assert contents(driver, "t") == expected
    # What was taken out does not come back, and offsets go on where they were.
    driver.crash()
    driver.pass_time(2 * KEEP_MS)
    assert contents(driver, "t") == expected
    again = driver.topics.produce(
        driver.topics.find("t"), 0, keyed_batch([(b"z", b"1")], driver.now_ms), None
    )
    assert again.base_offset == len(written)


def test_a_tombstone_at_the_end_of_the_log_stays_until_something_follows_it() -> None:
    """Who reads up to the end, as state stores do, would wait for ever for an offset that nothing stands at."""
    driver = TransactionDriver()
    assert driver.topics.create("t", 1, CONFIG) is not None

    def write(entries: list[tuple[bytes, bytes | None]]) -> None:
        driver.topics.produce(driver.topics.find("t"), 0, keyed_batch(entries, driver.now_ms), None)

    write([(b"a", b"1"), (b"b", b"1"), (b"a", None), (b"b", None)])
    driver.pass_time(4 * KEEP_MS)
    assert contents(driver, "t") == [(3, b"b", None)]
    write([(b"c", b"1")])
    driver.pass_time(4 * KEEP_MS)
    assert contents(driver, "t") == [(4, b"c", b"1")]


def test_what_is_younger_than_the_lag_is_left_alone_also_on_disk() -> None:
    driver = small_driver()
    lag_ms = 30_000
    assert driver.topics.create("t", 1, {**CONFIG, "min.compaction.lag.ms": str(lag_ms)}) is not None
    topic = driver.topics.find("t")

    def write(count: int) -> None:
        for number in range(count):
            value = b"%d" % number * 300
            driver.topics.produce(topic, 0, keyed_batch([(b"a", value)], driver.now_ms), None)
            driver.settle_down()

    write(20)
    assert topic.partitions[0].log.spilled_to > 10
    driver.pass_time(lag_ms // 2)
    assert [entry[0] for entry in contents(driver, "t")] == list(range(20))
    write(20)
    driver.pass_time(lag_ms // 2 + 5_000)
    assert [entry[0] for entry in contents(driver, "t")] == list(range(19, 40))
    driver.pass_time(lag_ms)
    assert [entry[0] for entry in contents(driver, "t")] == [39]


def test_a_pass_that_runs_out_of_keys_goes_on_in_the_next() -> None:
    bounds = EngineSettings(compaction_keys_max=3)
    driver = TransactionDriver(bounds)
    assert driver.topics.create("t", 1, CONFIG) is not None
    for turn in range(3):
        for key in (b"a", b"b", b"c", b"d", b"e", b"f"):
            driver.topics.produce(
                driver.topics.find("t"), 0, keyed_batch([(key, b"%d" % turn)], driver.now_ms), None
            )
    driver.pass_time(60_000)
    assert [entry[1:] for entry in contents(driver, "t")] == [
        (key, b"2") for key in (b"a", b"b", b"c", b"d", b"e", b"f")
    ]


@pytest.mark.parametrize(
    "name, value", [("min.compaction.lag.ms", "30000"), ("min.cleanable.dirty.ratio", "1.0")]
)
def test_a_topic_that_is_not_due_is_left_alone(name: str, value: str) -> None:
    driver = TransactionDriver()
    assert driver.topics.create("t", 1, {**CONFIG, name: value, "max.compaction.lag.ms": "40000"}) is not None
    for turn in range(3):
        driver.topics.produce(
            driver.topics.find("t"), 0, keyed_batch([(b"a", b"%d" % turn)], driver.now_ms), None
        )
        driver.settle_down()
    driver.pass_time(10_000)
    if name == "min.compaction.lag.ms":
        assert len(contents(driver, "t")) == 3
    driver.pass_time(60_000)
    assert len(contents(driver, "t")) == 1
