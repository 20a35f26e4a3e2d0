"""One connection: versions, order, holding back, limits, its ends; and any bytes at all."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.protocol.metadata import ApiVersionsRequest

from onemq.heads.kafka.api import APIS
from onemq.heads.kafka.call import Call, Canceller
from onemq.heads.kafka.commands import table
from onemq.heads.kafka.errors import NONE, UNSUPPORTED_VERSION
from onemq.heads.kafka.settings import KafkaSettings
from onemq.model.refusal import WireError
from unit.heads.amqp091.playbook import SlowDisk
from unit.heads.kafka.playbook import Stage, batch, values
from unit.heads.kafka.requests import fetch, make_topic, metadata, produce

DESCRIBE_CLUSTER = 60


@pytest.mark.parametrize("version", range(5))
def test_api_versions_lists_what_is_offered(version: int) -> None:
    peer = Stage().connect()
    answer = peer.asks(ApiVersionsRequest[version](client_software_name="x", client_software_version="1"))
    assert answer.error_code == NONE
    listed = {each.api_key: (each.min_version, each.max_version) for each in answer.api_keys}
    assert listed[0] == (0, 11), "librdkafka looks for Produce 0 before it compresses"
    assert listed[1] == (4, 16)
    assert listed[18] == (0, 4)
    assert set(listed) == {key for key in APIS if table.is_offered(key)}
    assert 71 not in listed and 72 not in listed, "telemetry: clients stay quiet when it is not there"
    if version >= 3:
        features = [each.name for each in answer.finalized_features]
        assert "transaction.version" not in features
        assert ("group.version" in features) == table.is_offered(68)
        assert ("share.version" in features) == table.is_offered(76)


def test_unknown_version_of_api_versions_is_answered_in_version_0() -> None:
    peer = Stage().connect()
    # Header 2: key 18, version 99, correlation id 7, client id "x", no tagged fields.
    peer.sends(bytes.fromhex("0000000c 0012 0063 00000007 0001 78 00".replace(" ", "")))
    # Correlation id 7, error 35, one key: 18 from 0 to 4.
    assert peer.frames() == [bytes.fromhex("00000007 0023 00000001 0012 0000 0004".replace(" ", ""))]
    assert UNSUPPORTED_VERSION == 0x23 and not peer.link.closed
    assert peer.asks(ApiVersionsRequest[0]()).error_code == NONE


def test_the_clients_software_names_it_in_logs() -> None:
    peer = Stage().connect()
    peer.says(ApiVersionsRequest[3](client_software_name="librdkafka", client_software_version="2.15"))
    assert peer.link.log == ["guest@playbook, librdkafka 2.15"]
    rude = Stage().connect()
    for _ in range(3):
        rude.asks(ApiVersionsRequest[3](client_software_name="x", client_software_version="1"))
    assert len(rude.link.log) == 1
    bad = Stage().connect()
    bad.says(ApiVersionsRequest[3](client_software_name="-x", client_software_version=""))
    assert bad.frames()[0][4:6] == (42).to_bytes(2, "big")


@pytest.mark.parametrize(
    ("api_key", "version", "word"), [(999, 0, "kind 999"), (0, 2, "Produce of version 2"), (1, 17, "16")]
)
def test_what_is_not_served_closes_with_a_word_in_the_log(api_key: int, version: int, word: str) -> None:
    peer = Stage().connect()
    header = api_key.to_bytes(2, "big") + version.to_bytes(2, "big") + bytes(4) + b"\xff\xff"
    peer.sends(len(header).to_bytes(4, "big") + header)
    assert isinstance(peer.refusal, WireError) and word in str(peer.refusal)
    peer.hears_nothing()


def test_requests_of_one_piece_or_byte_by_byte_are_answered_alike() -> None:
    for piece in (1, 7, 100_000):
        stage = Stage()
        peer = stage.connect()
        requests = [
            metadata(4, "t"),
            produce(7, "t", batch(b"a", b"b")),
            produce(11, "t", batch(b"c")),
            fetch(11, "t", 0),
            ApiVersionsRequest[2](),
        ]
        data = b"".join(peer.encoded(request) for request in requests)
        for at in range(0, len(data), piece):
            peer.sends(data[at : at + piece])
        created, first, second, fetched, versions = peer.hears()
        assert created.topics[0].error_code == NONE
        assert first.responses[0].partition_responses[0].base_offset == 0
        assert second.responses[0].partition_responses[0].base_offset == 2
        assert versions.error_code == NONE
        # In one turn nothing is durable when the fetch looks, so it waits for nothing and gets nothing.
        assert values(fetched.responses[0].partitions[0].records) in ([b"a", b"b", b"c"], [])


def test_produces_are_pipelined_and_answers_keep_their_order() -> None:
    disk = SlowDisk()
    stage = Stage(store=disk)
    peer = stage.connect()
    make_topic(peer, "t")
    disk.syncs = False
    peer.says(produce(9, "t", batch(b"a")), produce(9, "t", batch(b"b")), ApiVersionsRequest[0]())
    peer.hears_nothing()
    disk.syncs = True
    stage.turn()
    first, second, versions = peer.hears()
    assert first.responses[0].partition_responses[0].base_offset == 0
    assert second.responses[0].partition_responses[0].base_offset == 1
    assert versions.error_code == NONE


def test_a_late_answer_holds_what_follows_back() -> None:
    stage = Stage()
    peer, other = stage.connect(), stage.connect()
    make_topic(peer, "t")
    peer.says(fetch(11, "t", 0, max_wait_ms=1000), ApiVersionsRequest[0]())
    peer.hears_nothing()
    other.says(produce(9, "t", batch(b"a")))
    fetched, versions = peer.hears()
    assert values(fetched.responses[0].partitions[0].records) == [b"a"]
    assert versions.error_code == NONE


def test_the_net_stops_reading_while_too_much_waits_behind_a_late_answer() -> None:
    stage = Stage(KafkaSettings(buffered_bytes_max=200))
    peer = stage.connect()
    make_topic(peer, "t")
    peer.says(fetch(11, "t", 0, max_wait_ms=1000))
    peer.says(ApiVersionsRequest[0]())
    assert not peer.link.held
    peer.says(*[ApiVersionsRequest[0]() for _ in range(10)])
    assert peer.link.held
    stage.wait(1000)
    assert not peer.link.held
    assert len(peer.hears()) == 12


def test_a_large_request_under_way_is_not_held() -> None:
    stage = Stage(KafkaSettings(buffered_bytes_max=200))
    peer = stage.connect()
    make_topic(peer, "t")
    data = peer.encoded(produce(9, "t", batch(bytes(100_000))))
    peer.sends(data[:50_000])
    assert not peer.link.held
    peer.sends(data[50_000:])
    assert peer.hears()[0].responses[0].partition_responses[0].error_code == NONE


def test_small_requests_with_large_answers_are_taken_bit_by_bit() -> None:
    """An answer of 50 KB for 50 bytes: what has not left yet is bounded."""
    disk = SlowDisk()
    stage = Stage(KafkaSettings(partitions_default=1000), store=disk)
    peer = stage.connect()
    make_topic(peer, "t")
    disk.syncs = False
    peer.says(produce(9, "t", batch(b"a")))
    requests = 200
    peer.says(*[metadata(1, "t", create=False) for _ in range(requests)])
    # A thousand partitions of 26 bytes and more: not all 200 answers are made while none can leave.
    assert peer.outbox.parked_bytes < 1_500_000
    disk.syncs = True
    stage.turn()
    assert len(peer.hears()) == 1 + requests


def test_a_peer_that_does_not_read_is_served_no_further() -> None:
    stage = Stage()
    peer = stage.connect()
    peer.conversation.pressed(True)
    peer.says(ApiVersionsRequest[0]())
    peer.hears_nothing()
    peer.conversation.pressed(False)
    stage.turn()
    assert len(peer.hears()) == 1


def test_a_publisher_is_known_to_the_net() -> None:
    peer = Stage().connect()
    make_topic(peer, "t")
    assert not peer.link.publishing
    peer.says(produce(9, "t", batch(b"a")))
    assert peer.link.publishing


def test_a_request_above_the_limit_closes() -> None:
    peer = Stage(KafkaSettings(request_bytes_max=1000)).connect()
    make_topic(peer, "t")
    peer.says(produce(9, "t", batch(bytes(2000))))
    assert isinstance(peer.refusal, WireError) and "max.request.size" in str(peer.refusal)


class Noted(Canceller):
    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def cancel(self) -> None:
        self.count += 1


@pytest.fixture
def handler(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Call], None]], None]:
    """Puts a handler of the test's in place of DescribeCluster's."""

    def put(function: Callable[[Call], None]) -> None:
        monkeypatch.setitem(table._LOADED, DESCRIBE_CLUSTER, function)

    return put


def raw(api_key: int, correlation_id: int) -> bytes:
    """A request of version 0 with header 2 and nothing in it."""
    body = api_key.to_bytes(2, "big") + bytes(2) + correlation_id.to_bytes(4, "big") + b"\xff\xff\x00"
    return len(body).to_bytes(4, "big") + body


def test_throttled_peers_wait_before_their_next_request(
    handler: Callable[[Callable[[Call], None]], None],
) -> None:
    handler(lambda call: call.send(call.writer(), 0, 500 if call.correlation_id == 1 else 0))
    stage = Stage()
    peer, other = stage.connect(), stage.connect()
    peer.sends(raw(DESCRIBE_CLUSTER, 1) + raw(DESCRIBE_CLUSTER, 2))
    assert [frame[:4] for frame in peer.frames()] == [b"\0\0\0\1"], "the answer itself is not delayed"
    other.sends(raw(DESCRIBE_CLUSTER, 3))
    assert len(other.frames()) == 1
    stage.wait(499)
    assert peer.frames() == []
    stage.wait(1)
    assert [frame[:4] for frame in peer.frames()] == [b"\0\0\0\2"]


@pytest.mark.parametrize("end", ["lost", "drain", "refused"])
def test_a_request_that_waits_is_cancelled_once_at_the_end(
    handler: Callable[[Callable[[Call], None]], None], end: str
) -> None:
    noted = Noted()
    calls: list[Call] = []

    def wait(call: Call) -> None:
        call.canceller = noted
        calls.append(call)

    handler(wait)
    peer = Stage().connect()
    peer.sends(raw(DESCRIBE_CLUSTER, 1) + raw(DESCRIBE_CLUSTER, 2))
    if end == "lost":
        peer.conversation.lost()
    elif end == "drain":
        peer.conversation.drain("stopping")
        peer.conversation.lost()
    else:
        peer.conversation.refused(WireError("x"))
        peer.conversation.lost()
    assert noted.count == 1 and len(calls) == 1
    peer.sends(raw(DESCRIBE_CLUSTER, 3))
    assert len(calls) == 1


def test_an_answer_after_the_end_goes_nowhere(handler: Callable[[Callable[[Call], None]], None]) -> None:
    calls: list[Call] = []
    handler(calls.append)
    peer = Stage().connect()
    peer.sends(raw(DESCRIBE_CLUSTER, 1))
    peer.leaves()
    calls[0].send(calls[0].writer())
    assert peer.frames() == [] and not peer.link.resuming


def test_a_waiter_that_breaks_closes_its_connection_only(
    handler: Callable[[Callable[[Call], None]], None],
) -> None:
    calls: list[Call] = []
    handler(calls.append)
    stage = Stage()
    peer, other = stage.connect(), stage.connect()
    peer.sends(raw(DESCRIBE_CLUSTER, 1))
    calls[0].fail(ValueError("a bug"))
    stage.turn()
    assert isinstance(peer.refusal, ValueError)
    assert other.asks(ApiVersionsRequest[0]()).error_code == NONE


def test_a_parked_answer_outlives_the_drain() -> None:
    disk = SlowDisk()
    stage = Stage(store=disk)
    peer = stage.connect()
    make_topic(peer, "t")
    disk.syncs = False
    peer.says(produce(9, "t", batch(b"a")))
    peer.conversation.drain("stopping")
    disk.syncs = True
    stage.turn()
    assert peer.hears()[0].responses[0].partition_responses[0].error_code == NONE


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_give_answers_or_one_wire_error(data: bytes, is_framed: bool) -> None:
    peer = FUZZED.connect()
    peer.feeds(len(data).to_bytes(4, "big") + data if is_framed else data)
    assert peer.refusal is None or isinstance(peer.refusal, WireError)
    FUZZED.turn()
    peer.leaves()
    FUZZED.peers.clear()


KEYS = sorted(
    key for key in APIS if table.is_offered(key) and key in (0, 1, 2, 3, 17, 18, 21, 23, 36, 60, 75)
)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(KEYS), st.data(), st.binary(max_size=120))
def test_any_body_gives_an_answer_or_one_wire_error(api_key: int, data: st.DataObject, body: bytes) -> None:
    api = APIS[api_key]
    version = data.draw(st.integers(api.served_first, api.served_last))
    head = api_key.to_bytes(2, "big") + version.to_bytes(2, "big") + bytes(4) + b"\xff\xff"
    if api.is_flexible(version):
        head += b"\0"
    frame = head + body
    peer = FUZZED.connect()
    peer.feeds(len(frame).to_bytes(4, "big") + frame)
    assert peer.refusal is None or isinstance(peer.refusal, WireError), repr(peer.refusal)
    FUZZED.turn()
    peer.leaves()
    FUZZED.peers.clear()


FUZZED = Stage()


def test_silence_is_borne_as_long_as_the_settings_say() -> None:
    assert Stage().connect().link.idle_ms == 600_000
    assert Stage(KafkaSettings(idle_ms=5)).connect().link.idle_ms == 5
