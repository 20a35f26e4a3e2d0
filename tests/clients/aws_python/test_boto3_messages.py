"""Send, receive, delete: bodies, attributes, checksums, what of a message is shown, sizes."""

from __future__ import annotations

import hashlib
import struct
import time
from collections.abc import Mapping
from typing import Any

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    bodies,
    counts,
    delete,
    drain,
    receive,
    receive_exactly,
    refused,
    send,
)

KENOBI = {
    "Help.Me": {"DataType": "String", "StringValue": "Me"},
    "Hello": {"DataType": "String", "StringValue": "There"},
    "General": {"DataType": "String", "StringValue": "Kenobi"},
}


def md5(text: str) -> str:
    return hashlib.md5(text.encode()).hexdigest()


def md5_of_attributes(attributes: Mapping[str, Mapping[str, Any]]) -> str:
    """As SQS's developer guide has it: names ascending; lengths, names, types, a byte for the kind, values."""
    digest = hashlib.md5()
    for name in sorted(attributes):
        attribute = attributes[name]
        for part in (name, attribute["DataType"]):
            digest.update(struct.pack(">I", len(part.encode())) + part.encode())
        binary = "BinaryValue" in attribute
        value = attribute["BinaryValue"] if binary else attribute["StringValue"].encode()
        digest.update((b"\x02" if binary else b"\x01") + struct.pack(">I", len(value)) + value)
    return digest.hexdigest()


def test_a_message_is_sent_received_and_deleted(either: Client, queue: str) -> None:
    sent = either.send_message(QueueUrl=queue, MessageBody="hello")
    assert sent["MD5OfMessageBody"] == md5("hello") and len(sent["MessageId"]) == 36
    assert "SequenceNumber" not in sent and "MD5OfMessageAttributes" not in sent
    [message] = receive(either, queue)
    assert message.pop("ReceiptHandle")
    assert message == {"MessageId": sent["MessageId"], "MD5OfBody": md5("hello"), "Body": "hello"}
    assert receive(either, queue) == []
    assert counts(either, queue) == (0, 1, 0)


def test_a_deleted_message_is_gone(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue(VisibilityTimeout=0)
    send(either, url, "hello")
    assert len(receive(either, url)) == 1
    [message] = receive(either, url)
    either.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    assert counts(either, url) == (0, 0, 0)
    # Again does no harm.
    either.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    "body",
    [
        "plain",
        " leading and trailing \n",
        '{"json": "<&>"}',
        "tab\tnew line\nreturn\r end",
        "ümlaut, 漢字, 🙂",
        "\ue000\ufffd\U0010ffff",
        "x" * 70_000,
    ],
    ids=["plain", "spaces", "markup", "control", "unicode", "edges", "long"],
)
def test_bodies_come_back_as_they_were(either: Client, queue: str, body: str) -> None:
    sent = either.send_message(QueueUrl=queue, MessageBody=body)
    [message] = receive(either, queue)
    assert message["Body"] == body
    assert sent["MD5OfMessageBody"] == message["MD5OfBody"] == md5(body)


@pytest.mark.parametrize("body", ["nul\x00", "bell\x07", "escape\x1b", "\ufffe", "\uffff"])
def test_characters_that_xml_has_not_are_refused(sqs: Client, queue: str, body: str) -> None:
    with refused("InvalidMessageContents"):
        send(sqs, queue, body)
    assert counts(sqs, queue) == (0, 0, 0)


def test_a_body_must_be_there(either: Client, queue: str) -> None:
    with refused("MissingParameter", "The request must contain the parameter MessageBody."):
        send(either, queue, "")


def test_attributes_of_every_type_come_back(either: Client, queue: str) -> None:
    attributes: dict[str, dict[str, Any]] = {
        "text": {"DataType": "String", "StringValue": "grün & <b>"},
        "custom": {"DataType": "String.json", "StringValue": "{}"},
        "number": {"DataType": "Number", "StringValue": "-12.5e10"},
        "integer": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": b"\x00\x1e\xff"},
        "image": {"DataType": "Binary.png", "BinaryValue": b"png"},
    }
    sent = either.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attributes)
    assert sent["MD5OfMessageAttributes"] == md5_of_attributes(attributes)
    [message] = receive(either, queue, MessageAttributeNames=["All"])
    assert message["MessageAttributes"] == attributes
    assert message["MD5OfMessageAttributes"] == md5_of_attributes(attributes)


def test_checksums_are_those_recorded_of_aws(either: Client, queue: str) -> None:
    trace = b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01"
    sent = either.send_message(
        QueueUrl=queue,
        MessageBody="test",
        MessageAttributes={"attr1": {"DataType": "Binary", "BinaryValue": trace}},
    )
    assert sent["MD5OfMessageAttributes"] == "8cbe4db156db8a94db8b801b7addb984"
    sent = either.send_message(QueueUrl=queue, MessageBody="msg", MessageAttributes=KENOBI)
    assert sent["MD5OfMessageAttributes"] == "4c360f3fdafd970e05fae2f149d997f5"
    assert sent["MD5OfMessageBody"] == "6e2baaf3b97dbeef01c0043275f9a0e7"


@pytest.mark.parametrize(
    ("asked", "shown", "checksum"),
    [
        ([], [], None),
        (["All"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"),
        ([".*"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"),
        (["*"], ["General", "Hello", "Help.Me"], "4c360f3fdafd970e05fae2f149d997f5"),
        (["Foo", "Help"], [], None),
        (["Hello", "General"], ["General", "Hello"], "fca026605781cb4126a1e9044df24232"),
        (["Foo", "Hello"], ["Hello"], "a311262e065454b75da111d535b8dacd"),
        (["Hel.*"], ["Hello", "Help.Me"], "83fee93c1bcd8b9a5a923ffacdc636c7"),
    ],
)
def test_the_attributes_that_were_asked_for_are_shown(
    either: Client, make_queue: MakeQueue, asked: list[str], shown: list[str], checksum: str | None
) -> None:
    url = make_queue()
    either.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes=KENOBI)
    [message] = receive(either, url, MessageAttributeNames=asked)
    assert sorted(message.get("MessageAttributes", {})) == shown
    assert message.get("MD5OfMessageAttributes") == checksum


EMPTY_VALUE = "Message (user) attribute 'a' must contain a non-empty value of type 'String'."
BAD_ATTRIBUTES = {
    "empty value": ({"a": {"DataType": "String", "StringValue": ""}}, EMPTY_VALUE),
    "no type": ({"a": {"DataType": "", "StringValue": "x"}}, None),
    "unknown type": ({"a": {"DataType": "Colour", "StringValue": "x"}}, None),
    "not a number": ({"a": {"DataType": "Number", "StringValue": "many"}}, None),
    "reserved": ({"AWS.a": {"DataType": "String", "StringValue": "x"}}, None),
    "two dots": ({"a..b": {"DataType": "String", "StringValue": "x"}}, None),
    "dot first": ({".a": {"DataType": "String", "StringValue": "x"}}, None),
    "space": ({"a b": {"DataType": "String", "StringValue": "x"}}, None),
    "long name": ({"a" * 257: {"DataType": "String", "StringValue": "x"}}, None),
    "eleven": ({f"a{number}": {"DataType": "String", "StringValue": "x"} for number in range(11)}, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", BAD_ATTRIBUTES)
def test_attributes_that_break_the_rules_are_refused(either: Client, queue: str, kind: str) -> None:
    attributes, message = BAD_ATTRIBUTES[kind]
    with refused("InvalidParameterValue", message):
        either.send_message(QueueUrl=queue, MessageBody="hello", MessageAttributes=attributes)
    assert counts(either, queue) == (0, 0, 0)


def test_system_attributes_are_shown_when_asked_for(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue(VisibilityTimeout=0)
    before = int(time.time() * 1000)
    send(either, url, "hello")
    assert "Attributes" not in receive(either, url)[0]
    after = int(time.time() * 1000)
    [message] = receive(either, url, AttributeNames=["All"])
    found = message["Attributes"]
    assert sorted(found) == [
        "ApproximateFirstReceiveTimestamp",
        "ApproximateReceiveCount",
        "SenderId",
        "SentTimestamp",
    ]
    assert before - 1000 <= int(found["SentTimestamp"]) <= after + 1000
    assert int(found["SentTimestamp"]) <= int(found["ApproximateFirstReceiveTimestamp"]) <= after + 1000
    assert found["ApproximateReceiveCount"] == "2"
    [again] = receive(either, url, MessageSystemAttributeNames=["ApproximateReceiveCount", "SentTimestamp"])
    assert again["Attributes"] == {"ApproximateReceiveCount": "3", "SentTimestamp": found["SentTimestamp"]}
    [last] = receive(either, url, AttributeNames=["ApproximateFirstReceiveTimestamp"])
    assert last["Attributes"] == {
        "ApproximateFirstReceiveTimestamp": found["ApproximateFirstReceiveTimestamp"]
    }


def test_a_trace_header_goes_with_the_message(either: Client, queue: str) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    header = {"AWSTraceHeader": {"DataType": "String", "StringValue": trace}}
    sent = either.send_message(QueueUrl=queue, MessageBody="hello", MessageSystemAttributes=header)
    assert sent["MD5OfMessageSystemAttributes"] == md5_of_attributes(header)
    [message] = receive(either, queue, AttributeNames=["AWSTraceHeader"])
    assert message["Attributes"] == {"AWSTraceHeader": trace}
    with refused("InvalidParameterValue"):
        either.send_message(
            QueueUrl=queue,
            MessageBody="hello",
            MessageSystemAttributes={"Colour": {"DataType": "String", "StringValue": "red"}},
        )


def test_messages_come_in_their_order_up_to_ten_at_once(either: Client, queue: str) -> None:
    sent = [f"m{number}" for number in range(12)]
    send(either, queue, *sent)
    assert bodies(receive(either, queue, 1)) == sent[:1]
    assert bodies(receive(either, queue, 10)) == sent[1:11]
    assert bodies(receive(either, queue, 10)) == sent[11:]
    assert counts(either, queue) == (0, 12, 0)


@pytest.mark.parametrize("count", [0, 11, -1])
def test_not_more_than_ten_are_received(either: Client, queue: str, count: int) -> None:
    with refused(
        "InvalidParameterValue",
        f"Value {count} for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided.",
    ):
        receive(either, queue, count)


@pytest.mark.parametrize("seconds", [21, -1])
def test_not_more_than_twenty_seconds_are_waited(either: Client, queue: str, seconds: int) -> None:
    with refused(
        "InvalidParameterValue",
        f"Value {seconds} for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided.",
    ):
        receive(either, queue, WaitTimeSeconds=seconds)


def test_a_message_of_a_mebibyte_is_the_largest(either: Client, queue: str) -> None:
    largest = 1024 * 1024
    send(either, queue, "a" * largest)
    [message] = receive(either, queue)
    assert len(message["Body"]) == largest
    with refused(
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.",
    ):
        send(either, queue, "a" * (largest + 1))
    # Bytes count, not characters; and attributes count, too: name, type, value.
    with refused("InvalidParameterValue"):
        send(either, queue, "ü" * (largest // 2) + "a")
    attribute = {"name": {"DataType": "String", "StringValue": "v" * 90}}
    send(either, queue, "a" * (largest - 100), MessageAttributes=attribute)
    with refused("InvalidParameterValue"):
        send(either, queue, "a" * (largest - 99), MessageAttributes=attribute)


def test_a_queue_can_take_less(either: Client, make_queue: MakeQueue) -> None:
    url = make_queue(MaximumMessageSize=1024)
    send(either, url, "a" * 1024)
    with refused(
        "InvalidParameterValue",
        "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes.",
    ):
        send(either, url, "a" * 1025)


def test_counters_are_exact(sqs: Client, queue: str) -> None:
    assert counts(sqs, queue) == (0, 0, 0)
    send(sqs, queue, *map(str, range(7)))
    send(sqs, queue, "later", DelaySeconds=60)
    assert counts(sqs, queue) == (7, 0, 1)
    taken = receive_exactly(sqs, queue, 3)
    assert counts(sqs, queue) == (4, 3, 1)
    delete(sqs, queue, taken[:2])
    assert counts(sqs, queue) == (4, 1, 1)
    sqs.change_message_visibility(
        QueueUrl=queue, ReceiptHandle=taken[2]["ReceiptHandle"], VisibilityTimeout=0
    )
    assert counts(sqs, queue) == (5, 0, 1)
    assert sorted(drain(sqs, queue)) == ["2", "3", "4", "5", "6"]
    assert counts(sqs, queue) == (0, 0, 1)
