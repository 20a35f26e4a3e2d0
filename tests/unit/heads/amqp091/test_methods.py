"""Methods: every one both ways, octet for octet as pika writes it, and malformed arguments."""

import struct
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pika import spec as pika_spec

from onemq.heads.amqp091 import methods as m
from onemq.heads.amqp091.frames import AmqpWireError
from onemq.heads.amqp091.methods import METHODS, Method, decode_method, method_name

OCTET = st.integers(0, 255)
SHORT = st.integers(0, (1 << 16) - 1)
LONG = st.integers(0, (1 << 32) - 1)
LONG_LONG = st.integers(0, (1 << 64) - 1)
BIT = st.booleans()
TEXT = st.text(max_size=40)
OCTETS = st.binary(max_size=40)
TABLE = st.dictionaries(
    st.text(max_size=9),
    st.none() | st.booleans() | st.text(max_size=9) | LONG | st.lists(TEXT, max_size=2) | st.just({"k": 1}),
    max_size=4,
)
CLOSE = {"reply_code": SHORT, "reply_text": TEXT, "class_id": SHORT, "method_id": SHORT}
TUNE = {"channel_max": SHORT, "frame_max": LONG, "heartbeat": SHORT}
BINDING = {"destination": TEXT, "source": TEXT, "routing_key": TEXT, "no_wait": BIT, "arguments": TABLE}
ADDRESS = {"exchange": TEXT, "routing_key": TEXT}

# Every method and its arguments, reserved ones left out.
ROWS: list[tuple[type[Method], dict[str, st.SearchStrategy[Any]]]] = [
    (
        m.ConnectionStart,
        {
            "version_major": OCTET,
            "version_minor": OCTET,
            "server_properties": TABLE,
            "mechanisms": TEXT,
            "locales": TEXT,
        },
    ),
    (
        m.ConnectionStartOk,
        {"client_properties": TABLE, "mechanism": TEXT, "response": OCTETS, "locale": TEXT},
    ),
    (m.ConnectionSecure, {"challenge": OCTETS}),
    (m.ConnectionSecureOk, {"response": OCTETS}),
    (m.ConnectionTune, TUNE),
    (m.ConnectionTuneOk, TUNE),
    (m.ConnectionOpen, {"virtual_host": TEXT}),
    (m.ConnectionOpenOk, {}),
    (m.ConnectionClose, CLOSE),
    (m.ConnectionCloseOk, {}),
    (m.ConnectionBlocked, {"reason": TEXT}),
    (m.ConnectionUnblocked, {}),
    (m.ConnectionUpdateSecret, {"new_secret": OCTETS, "reason": TEXT}),
    (m.ConnectionUpdateSecretOk, {}),
    (m.ChannelOpen, {}),
    (m.ChannelOpenOk, {}),
    (m.ChannelFlow, {"active": BIT}),
    (m.ChannelFlowOk, {"active": BIT}),
    (m.ChannelClose, CLOSE),
    (m.ChannelCloseOk, {}),
    (
        m.AccessRequest,
        {"realm": TEXT, "exclusive": BIT, "passive": BIT, "active": BIT, "write": BIT, "read": BIT},
    ),
    (m.AccessRequestOk, {"ticket": SHORT}),
    (
        m.ExchangeDeclare,
        {
            "exchange": TEXT,
            "type": TEXT,
            "passive": BIT,
            "durable": BIT,
            "auto_delete": BIT,
            "internal": BIT,
            "no_wait": BIT,
            "arguments": TABLE,
        },
    ),
    (m.ExchangeDeclareOk, {}),
    (m.ExchangeDelete, {"exchange": TEXT, "if_unused": BIT, "no_wait": BIT}),
    (m.ExchangeDeleteOk, {}),
    (m.ExchangeBind, BINDING),
    (m.ExchangeBindOk, {}),
    (m.ExchangeUnbind, BINDING),
    (m.ExchangeUnbindOk, {}),
    (
        m.QueueDeclare,
        {
            "queue": TEXT,
            "passive": BIT,
            "durable": BIT,
            "exclusive": BIT,
            "auto_delete": BIT,
            "no_wait": BIT,
            "arguments": TABLE,
        },
    ),
    (m.QueueDeclareOk, {"queue": TEXT, "message_count": LONG, "consumer_count": LONG}),
    (m.QueueBind, {"queue": TEXT, **ADDRESS, "no_wait": BIT, "arguments": TABLE}),
    (m.QueueBindOk, {}),
    (m.QueueUnbind, {"queue": TEXT, **ADDRESS, "arguments": TABLE}),
    (m.QueueUnbindOk, {}),
    (m.QueuePurge, {"queue": TEXT, "no_wait": BIT}),
    (m.QueuePurgeOk, {"message_count": LONG}),
    (m.QueueDelete, {"queue": TEXT, "if_unused": BIT, "if_empty": BIT, "no_wait": BIT}),
    (m.QueueDeleteOk, {"message_count": LONG}),
    (m.BasicQos, {"prefetch_size": LONG, "prefetch_count": SHORT, "is_global": BIT}),
    (m.BasicQosOk, {}),
    (
        m.BasicConsume,
        {
            "queue": TEXT,
            "consumer_tag": TEXT,
            "no_local": BIT,
            "no_ack": BIT,
            "exclusive": BIT,
            "no_wait": BIT,
            "arguments": TABLE,
        },
    ),
    (m.BasicConsumeOk, {"consumer_tag": TEXT}),
    (m.BasicCancel, {"consumer_tag": TEXT, "no_wait": BIT}),
    (m.BasicCancelOk, {"consumer_tag": TEXT}),
    (m.BasicPublish, {**ADDRESS, "mandatory": BIT, "immediate": BIT}),
    (m.BasicReturn, {"reply_code": SHORT, "reply_text": TEXT, **ADDRESS}),
    (m.BasicDeliver, {"consumer_tag": TEXT, "delivery_tag": LONG_LONG, "redelivered": BIT, **ADDRESS}),
    (m.BasicGet, {"queue": TEXT, "no_ack": BIT}),
    (m.BasicGetOk, {"delivery_tag": LONG_LONG, "redelivered": BIT, **ADDRESS, "message_count": LONG}),
    (m.BasicGetEmpty, {}),
    (m.BasicAck, {"delivery_tag": LONG_LONG, "multiple": BIT}),
    (m.BasicReject, {"delivery_tag": LONG_LONG, "requeue": BIT}),
    (m.BasicRecoverAsync, {"requeue": BIT}),
    (m.BasicRecover, {"requeue": BIT}),
    (m.BasicRecoverOk, {}),
    (m.BasicNack, {"delivery_tag": LONG_LONG, "multiple": BIT, "requeue": BIT}),
    (m.ConfirmSelect, {"no_wait": BIT}),
    (m.ConfirmSelectOk, {}),
    (m.TxSelect, {}),
    (m.TxSelectOk, {}),
    (m.TxCommit, {}),
    (m.TxCommitOk, {}),
    (m.TxRollback, {}),
    (m.TxRollbackOk, {}),
]
PIKA_NAMES = {"no_wait": "nowait", "is_global": "global_qos"}
any_row = pytest.mark.parametrize(("kind", "arguments"), ROWS, ids=[kind.__name__ for kind, _ in ROWS])


def pika_method(key: int, arguments: dict[str, Any]) -> Any:
    return pika_spec.methods[key](**{PIKA_NAMES.get(name, name): value for name, value in arguments.items()})


def octets(value: Any) -> Any:
    """pika leaves long strings as bytes."""
    return value.encode() if isinstance(value, str) else value


def test_the_rows_are_all_of_pikas_methods_and_ours() -> None:
    assert set(METHODS) == set(pika_spec.methods)
    names = sorted(method.NAME.replace(".", "") for method in pika_spec.methods.values())
    assert sorted(kind.__name__ for kind, _ in ROWS) == names


@any_row
@settings(max_examples=30)
@given(data=st.data())
def test_round_trip_and_pika(
    kind: type[Method], arguments: dict[str, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    values = data.draw(st.fixed_dictionaries(arguments))
    method = kind(**values)
    payload = method.encode()
    decoded = decode_method(b"??" + payload + b"!!", 2, 2 + len(payload))
    assert type(decoded) is kind
    assert {name: getattr(decoded, name) for name in arguments} == values
    assert decoded == method
    (key,) = struct.unpack_from(">I", payload)
    by_pika = pika_method(key, values)
    assert payload[4:] == b"".join(by_pika.encode())
    assert by_pika.NAME.replace(".", "") == kind.__name__
    if kind is m.ConnectionUpdateSecret:
        return  # only servers read it, and pika's reader puts the secret into another field
    read_by_pika = pika_spec.methods[key]().decode(payload, 4)
    for name, value in values.items():
        assert octets(getattr(read_by_pika, PIKA_NAMES.get(name, name))) == octets(value)


@any_row
@settings(max_examples=5)
@given(data=st.data())
def test_cut_short_and_too_long(
    kind: type[Method], arguments: dict[str, st.SearchStrategy[Any]], data: st.DataObject
) -> None:
    payload = kind(**data.draw(st.fixed_dictionaries(arguments))).encode()
    key = struct.unpack_from(">HH", payload)
    for broken in [payload[:end] for end in range(4, len(payload))] + [payload + b"\x00"]:
        with pytest.raises(AmqpWireError) as caught:
            decode_method(broken, 0, len(broken))
        assert (caught.value.class_id, caught.value.method_id) == key
        assert caught.value.code == 501
        assert caught.value.text.startswith("FRAME_ERROR - cannot decode <<")
        assert len(caught.value.text.encode()) <= 255


@given(st.sampled_from(sorted(METHODS)), st.binary(max_size=40))
def test_any_arguments(key: int, arguments: bytes) -> None:
    payload = struct.pack(">I", key) + arguments
    try:
        method = decode_method(payload, 0, len(payload))
    except AmqpWireError as error:
        assert error.code in (501, 502)
        assert (error.class_id, error.method_id) == (key >> 16, key & 0xFFFF)
        return
    again = method.encode()
    assert decode_method(again, 0, len(again)) == method


@given(st.binary(max_size=12))
def test_any_payload(payload: bytes) -> None:
    try:
        decode_method(payload, 0, len(payload))
    except AmqpWireError as error:
        assert error.code in (501, 502, 503)


def test_unknown_method() -> None:
    with pytest.raises(AmqpWireError) as caught:
        decode_method(b"\x00\x3c\x00\x63", 0, 4)
    assert (caught.value.code, caught.value.class_id, caught.value.method_id) == (503, 60, 99)


def test_malformed_table_names_its_method() -> None:
    payload = m.QueueDeclare("q").encode()[:-4] + b"\x00\x00\x00\x03\x01k?"
    with pytest.raises(AmqpWireError) as caught:
        decode_method(payload, 0, len(payload))
    assert (caught.value.code, caught.value.class_id, caught.value.method_id) == (502, 50, 10)


def test_names_must_be_utf8_but_addresses_need_not() -> None:
    payload = b"\x00\x32\x00\x1e\x00\x00\x01\xff\x00"
    with pytest.raises(AmqpWireError) as caught:
        decode_method(payload, 0, len(payload))
    assert caught.value.text == "FRAME_ERROR - Malformed UTF-8 in shortstr"
    payload = b"\x00\x3c\x00\x28\x00\x00\x01\xff\x01\xfe\x00"
    publish = decode_method(payload, 0, len(payload))
    assert publish == m.BasicPublish("\udcff", "\udcfe")
    assert publish.encode() == payload


def test_tickets_are_read_over() -> None:
    payload = b"\x00\x32\x00\x1e\x12\x34\x01q\x01"
    assert decode_method(payload, 0, len(payload)) == m.QueuePurge("q", True)


@pytest.mark.parametrize(
    "method",
    [
        m.QueuePurge("q" * 256),
        m.QueuePurge("é" * 128),
        m.BasicAck(1 << 64),
        m.BasicAck(-1),
        m.ConnectionTune(1 << 16, 0, 0),
        m.QueuePurgeOk(1 << 32),
    ],
)
def test_what_does_not_fit(method: Method) -> None:
    with pytest.raises(ValueError):
        method.encode()


def test_the_table_tells_replies_and_content() -> None:
    by_name = {spec.name: spec for spec in METHODS.values()}
    assert {name for name, spec in by_name.items() if spec.has_content} == {
        "basic.publish",
        "basic.return",
        "basic.deliver",
        "basic.get-ok",
    }
    assert [method_name(key) for key in by_name["basic.get"].replies] == ["basic.get-ok", "basic.get-empty"]
    assert by_name["basic.publish"].replies == by_name["basic.recover-async"].replies == ()
    for key, spec in METHODS.items():
        expects_reply = pika_spec.methods[key].synchronous.fget(None)
        if spec.name != "connection.update-secret":
            assert bool(spec.replies) == expects_reply, spec.name
    assert method_name(0x003C0063) == "none"
