"""SQS's operations over playbooks."""

from __future__ import annotations

import base64
import json
from binascii import crc32
from hashlib import md5
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onemq.heads.aws.sqs.digests import SHORT_BYTES, attributes_digest, body_digest
from onemq.heads.aws.sqs.handles import HandleWriter, read_handle
from onemq.heads.aws.sqs.mapping import Message, make_record, plain_message_id
from onemq.heads.aws.sqs.operations import HANDLERS
from onemq.heads.aws.sqs.shapes import SHAPES
from onemq.model.principal import Principal
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.rights import all_rights
from unit.heads.aws.playbook import Failed, Stage


def test_lists_are_given_in_pages() -> None:
    from unit.heads.test_aws import declare

    stage = Stage()
    declare(stage, *(f"queue{number}" for number in range(5)), "other")
    peer = stage.connect()
    found = peer.sqs("ListQueues", QueueNamePrefix="queue", MaxResults=2)
    names = [url.rpartition("/")[2] for url in found["QueueUrls"]]
    while "NextToken" in found:
        found = peer.sqs("ListQueues", QueueNamePrefix="queue", MaxResults=2, NextToken=found["NextToken"])
        names += [url.rpartition("/")[2] for url in found["QueueUrls"]]
    assert names == [f"queue{number}" for number in range(5)]


class Queue:
    """One queue as a client sees it."""

    def __init__(self, stage: Stage, name: str = "orders", **attributes: str) -> None:
        self.peer = stage.connect()
        self.url = self.peer.sqs("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def asks(self, operation: str, **parameters: Any) -> Any:
        return self.peer.sqs(operation, QueueUrl=self.url, **parameters)

    def send(self, body: str, **parameters: Any) -> Any:
        return self.asks("SendMessage", MessageBody=body, **parameters)

    def receive(self, **parameters: Any) -> list[Any]:
        found: list[Any] = self.asks("ReceiveMessage", MaxNumberOfMessages=10, **parameters).get(
            "Messages", []
        )
        return found

    def bodies(self, **parameters: Any) -> list[str]:
        return [message["Body"] for message in self.receive(**parameters)]

    def counts(self) -> tuple[str, ...]:
        names = ("", "NotVisible", "Delayed")
        found = self.asks("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
        return tuple(found[f"ApproximateNumberOfMessages{name}"] for name in names)

    def refuses(self, operation: str, **parameters: Any) -> Failed:
        with pytest.raises(Failed) as caught:
            self.asks(operation, **parameters)
        return caught.value


@pytest.fixture
def stage() -> Stage:
    return Stage()


def test_every_operation_of_sqs_has_its_shape_and_the_table_only_what_is_served() -> None:
    assert set(HANDLERS) == set(SHAPES)
    assert len(SHAPES) == 23


def test_a_message_there_and_back(stage: Stage) -> None:
    queue = Queue(stage)
    given = {
        "text": {"DataType": "String", "StringValue": "ä"},
        "number": {"DataType": "Number.int", "StringValue": "7"},
        "bytes": {"DataType": "Binary", "BinaryValue": "AAEC"},
    }
    system = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1"}}
    sent = queue.send("hello", MessageAttributes=given, MessageSystemAttributes=system)
    assert sent["MD5OfMessageBody"] == "5d41402abc4b2a76b9719d911017c592"
    (found,) = queue.receive(MessageAttributeNames=["All"], AttributeNames=["All"])
    assert (found["Body"], found["MessageId"], found["MessageAttributes"]) == (
        "hello",
        sent["MessageId"],
        given,
    )
    assert found["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert found["Attributes"] == {
        "SenderId": "000000000000",
        "SentTimestamp": str(stage.now_ms),
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(stage.now_ms),
        "AWSTraceHeader": "Root=1",
    }
    assert queue.counts() == ("0", "1", "0")
    queue.asks("DeleteMessage", ReceiptHandle=found["ReceiptHandle"])
    assert queue.counts() == ("0", "0", "0")


def test_digest_of_attributes() -> None:
    """Recorded of AWS."""
    assert attributes_digest({"Hello": ("String", b"There"), "General": ("String", b"Kenobi")}) == (
        "fca026605781cb4126a1e9044df24232"
    )


def test_visibility(stage: Stage) -> None:
    queue = Queue(stage, VisibilityTimeout="5")
    queue.send("a")
    (first,) = queue.receive()
    assert queue.receive() == []
    queue.asks("ChangeMessageVisibility", ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=10)
    stage.wait(9_000)
    assert queue.receive() == []
    stage.wait(1_001)
    queue.asks("ChangeMessageVisibility", ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=1)
    assert queue.receive() == []
    stage.wait(1_001)
    (second,) = queue.receive(AttributeNames=["ApproximateReceiveCount"])
    assert second["Attributes"] == {"ApproximateReceiveCount": "2"}
    failure = queue.refuses(
        "ChangeMessageVisibility", ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=1
    )
    assert (failure.status, failure.code) == (400, "InvalidParameterValue")
    queue.asks("ChangeMessageVisibility", ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=0)
    assert queue.bodies() == ["a"]
    assert queue.refuses("DeleteMessage", ReceiptHandle="nonsense").code == "ReceiptHandleIsInvalid"


def test_long_polls(stage: Stage) -> None:
    queue = Queue(stage)
    other = stage.connect()
    other.says("ReceiveMessage", QueueUrl=queue.url, WaitTimeSeconds=20)
    other.hears_nothing()
    queue.send("late")
    assert other.result()["Messages"][0]["Body"] == "late"
    other.says("ReceiveMessage", QueueUrl=queue.url, WaitTimeSeconds=2)
    stage.wait(2_001)
    assert other.result() == {}
    other.says("ReceiveMessage", QueueUrl=queue.url, WaitTimeSeconds=20)
    other.leaves()
    queue.send("for the next")
    assert queue.bodies() == ["for the next"]
    stopping = stage.connect()
    stopping.says("ReceiveMessage", QueueUrl=queue.url, WaitTimeSeconds=20)
    stopping.conversation.drain("stopping")
    assert stopping.hears_one().json == {}


def test_delays(stage: Stage) -> None:
    queue = Queue(stage, DelaySeconds="3")
    queue.send("later")
    queue.send("at once", DelaySeconds=0)
    queue.send("much later", DelaySeconds=900)
    assert queue.counts() == ("1", "0", "2")
    assert queue.bodies() == ["at once"]
    stage.wait(3_001)
    assert queue.bodies() == ["later"]


def test_batches(stage: Stage) -> None:
    queue = Queue(stage)
    entries = [
        {"Id": "a", "MessageBody": "one"},
        {"Id": "b", "MessageBody": "\x01"},
        {"Id": "c", "MessageBody": "two"},
    ]
    found = queue.asks("SendMessageBatch", Entries=entries)
    assert [entry["Id"] for entry in found["Successful"]] == ["a", "c"]
    assert [(entry["Id"], entry["Code"]) for entry in found["Failed"]] == [("b", "InvalidMessageContents")]
    handles = [message["ReceiptHandle"] for message in queue.receive()]
    settled = [{"Id": str(number), "ReceiptHandle": handle} for number, handle in enumerate([*handles, "x"])]
    found = queue.asks("DeleteMessageBatch", Entries=settled)
    assert ([entry["Id"] for entry in found["Successful"]], len(found["Failed"])) == (["0", "1"], 1)
    prefix = "AWS.SimpleQueueService."
    assert queue.refuses("SendMessageBatch", Entries=[]).code == prefix + "EmptyBatchRequest"
    assert (
        queue.refuses("SendMessageBatch", Entries=entries * 4).code == prefix + "TooManyEntriesInBatchRequest"
    )
    assert (
        queue.refuses("SendMessageBatch", Entries=entries[:1] * 2).code == prefix + "BatchEntryIdsNotDistinct"
    )
    assert queue.refuses("SendMessageBatch", Entries=[{"Id": "a:b"}]).code == prefix + "InvalidBatchEntryId"
    large = [{"Id": str(number), "MessageBody": "x" * 600_000} for number in range(2)]
    assert queue.refuses("SendMessageBatch", Entries=large).code == prefix + "BatchRequestTooLong"


def test_sizes(stage: Stage) -> None:
    queue = Queue(stage, MaximumMessageSize="1024")
    queue.send("x" * 1024)
    failure = queue.refuses("SendMessage", MessageBody="x" * 1025)
    assert failure.code == "InvalidParameterValue"
    assert (
        failure.text == "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."
    )
    assert queue.peer.link.log[-1].startswith("too_large: SendMessage: 1025 bytes, at most 1024 are taken; ")


def test_making_a_queue_twice(stage: Stage) -> None:
    queue = Queue(stage, DelaySeconds="1")
    assert Queue(stage).url == queue.url
    assert Queue(stage, DelaySeconds="1").url == queue.url
    failure = queue.refuses("CreateQueue", QueueName="orders", Attributes={"DelaySeconds": "2"})
    assert (failure.shape, failure.code) == ("QueueNameExists", "QueueAlreadyExists")
    assert "DelaySeconds" in failure.text
    for name in ("a b", "x" * 81, "a.fifo"):
        assert queue.refuses("CreateQueue", QueueName=name).code == "InvalidParameterValue"


def test_attributes(stage: Stage) -> None:
    queue = Queue(stage)
    found = queue.asks("GetQueueAttributes", AttributeNames=["All"])["Attributes"]
    assert found["QueueArn"] == "arn:aws:sqs:us-east-1:000000000000:orders"
    assert (found["VisibilityTimeout"], found["MessageRetentionPeriod"]) == ("30", "345600")
    assert (found["MaximumMessageSize"], found["SqsManagedSseEnabled"]) == ("1048576", "true")
    queue.asks("SetQueueAttributes", Attributes={"VisibilityTimeout": "1", "Policy": "{}"})
    wanted = ["VisibilityTimeout", "Policy"]
    assert queue.asks("GetQueueAttributes", AttributeNames=wanted)["Attributes"] == {
        "VisibilityTimeout": "1",
        "Policy": "{}",
    }
    queue.asks("SetQueueAttributes", Attributes={"Policy": ""})
    assert queue.asks("GetQueueAttributes", AttributeNames=["Policy"]) == {}
    assert queue.asks("GetQueueAttributes") == {}
    for attributes, code in (
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue"),
        ({"Nonsense": "1"}, "InvalidAttributeName"),
        ({"FifoQueue": "true"}, "InvalidAttributeName"),
        ({"SqsManagedSseEnabled": "true", "KmsMasterKeyId": "k"}, "InvalidAttributeName"),
        (
            {"RedrivePolicy": '{"deadLetterTargetArn": "dummy", "maxReceiveCount": 42}'},
            "InvalidParameterValue",
        ),
    ):
        assert queue.refuses("SetQueueAttributes", Attributes=attributes).code == code


def test_dead_letters(stage: Stage) -> None:
    dead = Queue(stage, "dead")
    policy = '{"deadLetterTargetArn": "arn:aws:sqs:us-east-1:000000000000:dead", "maxReceiveCount": "2"}'
    queue = Queue(stage, "orders", RedrivePolicy=policy, VisibilityTimeout="0")
    queue.send("poison")
    assert queue.bodies() == ["poison"]
    stage.wait(1)
    assert queue.bodies() == ["poison"]
    stage.wait(1)
    assert queue.bodies() == []
    (found,) = dead.receive(AttributeNames=["DeadLetterQueueSourceArn"])
    assert found["Attributes"] == {"DeadLetterQueueSourceArn": "arn:aws:sqs:us-east-1:000000000000:orders"}
    assert dead.asks("ListDeadLetterSourceQueues") == {"queueUrls": [queue.url]}
    nowhere = policy.replace(":dead", ":none")
    assert (
        queue.refuses("SetQueueAttributes", Attributes={"RedrivePolicy": nowhere}).code
        == "InvalidParameterValue"
    )


def test_fifo(stage: Stage) -> None:
    queue = Queue(stage, "q.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    first = queue.send("a", MessageGroupId="g")
    again = queue.send("a", MessageGroupId="g")
    assert again == first
    later = queue.send("b", MessageGroupId="g")
    assert int(later["SequenceNumber"]) > int(first["SequenceNumber"])
    queue.send("c", MessageGroupId="h", MessageDeduplicationId="own")
    (one,) = queue.asks("ReceiveMessage", AttributeNames=["All"])["Messages"]
    assert (one["Body"], one["Attributes"]["MessageGroupId"]) == ("a", "g")
    assert one["Attributes"]["SequenceNumber"] == first["SequenceNumber"]
    # Its group waits, the other one does not.
    assert queue.bodies() == ["c"]
    queue.asks("DeleteMessage", ReceiptHandle=one["ReceiptHandle"])
    (two,) = queue.receive(VisibilityTimeout=1)
    stage.wait(1_001)
    assert "has expired" in queue.refuses("DeleteMessage", ReceiptHandle=two["ReceiptHandle"]).text
    assert queue.refuses("SendMessage", MessageBody="x").code == "MissingParameter"
    failure = queue.refuses("SendMessage", MessageBody="x", MessageGroupId="g", DelaySeconds=2)
    assert failure.text.startswith("Value 2 for parameter DelaySeconds is invalid.")


def test_fair_queues(stage: Stage) -> None:
    queue = Queue(stage)
    queue.send("none")
    for body in ("a1", "a2", "a3", "b1"):
        queue.send(body, MessageGroupId=body[0])
    found = []
    for _ in range(5):
        found.append(queue.asks("ReceiveMessage")["Messages"][0]["Body"])
    assert sorted(found) == ["a1", "a2", "a3", "b1", "none"]
    # The group with fewest messages out goes first: nobody waits behind a busy one.
    assert found.index("b1") < found.index("a2")


def test_purging(stage: Stage) -> None:
    queue = Queue(stage)
    queue.send("a")
    queue.send("b")
    queue.asks("ReceiveMessage")
    queue.asks("PurgeQueue")
    assert queue.counts() == ("0", "0", "0")
    assert queue.refuses("PurgeQueue").status == 403
    stage.wait(60_000)
    queue.asks("PurgeQueue")


def test_tags_and_permissions(stage: Stage) -> None:
    queue = Queue(stage)
    queue.asks("TagQueue", Tags={"a": "1", "b": "2"})
    queue.asks("UntagQueue", TagKeys=["a", "none"])
    assert queue.asks("ListQueueTags") == {"Tags": {"b": "2"}}
    queue.asks("AddPermission", Label="x", AWSAccountIds=["111111111111"], Actions=["SendMessage"])
    assert (
        queue.refuses("AddPermission", Label="x", AWSAccountIds=["111111111111"], Actions=["*"]).code
        == "InvalidParameterValue"
    )
    text = queue.asks("GetQueueAttributes", AttributeNames=["Policy"])["Attributes"]["Policy"]
    assert json.loads(text)["Statement"][0]["Action"] == "SQS:SendMessage"
    queue.asks("RemovePermission", Label="x")
    assert queue.asks("GetQueueAttributes", AttributeNames=["Policy"]) == {}


def test_a_connection_that_speaks_of_several_queues_by_several_names(stage: Stage) -> None:
    peer = stage.connect()
    urls = [peer.sqs("CreateQueue", QueueName=name)["QueueUrl"] for name in ("one", "two")]
    long_one = "http://" + "x" * 300 + "/000000000000/one"
    for url in (*urls, *urls, "/000000000000/one", "two", long_one, urls[1], long_one):
        peer.sqs("SendMessage", QueueUrl=url, MessageBody=url)
    for url, count in zip(urls, (5, 4), strict=True):
        found = peer.sqs("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
        assert len(found) == count


def test_a_queue_that_was_deleted_and_made_again_is_another_for_the_same_connection(stage: Stage) -> None:
    queue = Queue(stage)
    queue.send("first")
    (message,) = queue.receive()
    queue.asks("DeleteQueue")
    assert queue.refuses("SendMessage", MessageBody="nowhere").shape == "QueueDoesNotExist"
    Queue(stage)
    queue.send("second")
    # The handle is the other queue's.
    queue.asks("DeleteMessage", ReceiptHandle=message["ReceiptHandle"])
    assert queue.bodies() == ["second"]


def test_what_is_no_receipt_handle(stage: Stage) -> None:
    queue = Queue(stage)
    queue.send("text")
    (message,) = queue.receive()
    handle = message["ReceiptHandle"]
    assert len(handle) == 48
    numbers = b"\xff" * 32
    negative = base64.b64encode(numbers + crc32(numbers + b"orders").to_bytes(4, "big")).decode()
    forged = (
        "x",
        handle[:-1],
        handle + "A",
        handle[:-1] + "*",
        handle[:-1] + "é",
        handle[1:] + "A",
        negative,
    )
    for text in (*forged, HandleWriter("other").write(1, 0, 1, 1).decode()):
        assert queue.refuses("DeleteMessage", ReceiptHandle=text).shape == "ReceiptHandleIsInvalid"
    queue.asks("DeleteMessage", ReceiptHandle=handle)
    assert queue.counts() == ("0", "0", "0")


def test_receipt_handles_stay_what_they_were() -> None:
    """Clients keep them over an update of the broker."""
    text = HandleWriter("qé").write(3, 4, 5, 6).decode()
    assert text == "AAAAAAAAAAMAAAAAAAAABAAAAAAAAAAFAAAAAAAAAAbi7Q4j"
    found = read_handle("qé", text)
    assert found is not None
    assert (found.log_id, found.offset, found.attempt, found.first_at_ms) == (3, 4, 5, 6)
    assert read_handle("q", text) is None


@given(st.text(max_size=20), st.lists(st.tuples(*[st.integers(0, 2**63 - 1)] * 4), min_size=1))
def test_handles_of_one_writer_are_read_as_what_they_name(queue: str, leases: list[tuple[int, ...]]) -> None:
    """And as they have been written ever since: 32 octets and their check sum with the queue's name."""
    writer = HandleWriter(queue)
    for numbers in leases:
        text = writer.write(*numbers)
        content = b"".join(number.to_bytes(8, "big") for number in numbers)
        check = crc32(content + queue.encode()).to_bytes(4, "big")
        assert text == base64.b64encode(content + check)
        found = read_handle(queue, text.decode())
        assert found is not None
        assert (found.log_id, found.offset, found.attempt, found.first_at_ms) == numbers
        assert read_handle(queue + "x", text.decode()) is None


@pytest.mark.parametrize("size", [0, 1, SHORT_BYTES, SHORT_BYTES + 1, 100_000])
def test_digests_are_md5_whoever_makes_them(size: int) -> None:
    body = b"\xe9" * size
    assert body_digest(body) == md5(body, usedforsecurity=False).hexdigest()


def publishes_records(stage: Stage, *records: Record) -> None:
    access = stage.broker.access(Principal("test", []), "/", all_rights())
    route = access.queue_route("orders")
    for record in records:
        access.publish(route, record)
    stage.turn()


MESSAGE_ID = "8c1a3f0e-97b0-4c0e-8d4d-4e2f5d1f6a70"


@given(st.lists(st.text() | st.binary(), min_size=1, max_size=10), st.booleans())
def test_bodies_in_an_answer_are_json_as_anybody_writes_it(bodies: list[str | bytes], asks: bool) -> None:
    """Quotes, control characters, what lies beyond the BMP; and values that are no UTF-8."""
    stage = Stage()
    queue = Queue(stage)
    values = [body.encode("utf-8", "replace") if isinstance(body, str) else body for body in bodies]
    message = Message(MESSAGE_ID, "sender", 1, {}, "", "")
    publishes_records(stage, *[make_record(value, "", message, 0) for value in values])
    names = {"AttributeNames": ["SenderId", "ApproximateReceiveCount"]} if asks else {}
    queue.peer.says("ReceiveMessage", QueueUrl=queue.url, MaxNumberOfMessages=10, **names)
    answer = queue.peer.hears_one()
    assert answer.body == json.dumps(answer.json, ensure_ascii=False, separators=(",", ":")).encode()
    found = answer.json["Messages"]
    shown = [value.decode("utf-8", "replace") for value in values]
    assert [each["Body"] for each in found] == shown
    assert [each["MD5OfBody"] for each in found] == [md5(body.encode()).hexdigest() for body in shown]
    assert {each["MessageId"] for each in found} == {MESSAGE_ID}
    assert len({each["ReceiptHandle"] for each in found}) == len(values)
    extra = {"SenderId": "sender", "ApproximateReceiveCount": "1"} if asks else None
    assert [each.get("Attributes") for each in found] == [extra] * len(values)


def test_the_usual_id_is_found_without_decoding() -> None:
    def found(message_id: str) -> bytes:
        return plain_message_id(make_record(b"text", "", Message(message_id, "s", 1, {}, "", ""), 0))

    assert found(MESSAGE_ID) == MESSAGE_ID.encode()
    assert found(MESSAGE_ID + "x") == found("") == b""


def test_ids_of_any_length(stage: Stage) -> None:
    queue = Queue(stage)
    names = ("id", MESSAGE_ID, MESSAGE_ID[1:], MESSAGE_ID + "x", "x" * 300)
    publishes_records(
        stage, *[make_record(b"text", "", Message(name, "s", 1, {}, "", ""), 0) for name in names]
    )
    assert [each["MessageId"] for each in queue.receive()] == [*names]


@pytest.mark.parametrize(
    ("system", "attributes"),
    [
        ((), ()),
        (("ApproximateReceiveCount",), ()),
        (("SentTimestamp",), ()),
        (("All",), ()),
        ((), ("n",)),
        (("MessageGroupId", "SenderId"), ("All",)),
    ],
)
def test_what_was_asked_for_is_the_same_in_both_protocols(
    stage: Stage, system: tuple[str, ...], attributes: tuple[str, ...]
) -> None:
    queue = Queue(stage)
    given = {
        "n": {"StringValue": "v", "DataType": "String"},
        "m": {"BinaryValue": "/w==", "DataType": "Binary"},
    }
    queue.send("text", MessageAttributes=given, MessageGroupId="group")
    foreign = Record(b"\xff", NO_ADDRESS)
    foreign.headers = [("n", b"v")]
    publishes_records(stage, foreign)
    found = queue.receive(
        AttributeNames=list(system), MessageAttributeNames=list(attributes), VisibilityTimeout=0
    )
    form = {f"AttributeName_{number}": name for number, name in enumerate(system, 1)}
    form |= {f"MessageAttributeName_{number}": name for number, name in enumerate(attributes, 1)}
    answer = queue.peer.query("ReceiveMessage", QueueUrl=queue.url, MaxNumberOfMessages="10", **form)
    shown = answer.xml.findall("ReceiveMessageResult/Message")
    assert len(shown) == len(found) == 2
    for message, element in zip(found, shown, strict=True):
        for name in ("MessageId", "MD5OfBody", "Body", "MD5OfMessageAttributes"):
            assert element.findtext(name) == message.get(name), name
        other = {each.findtext("Name"): each.findtext("Value") for each in element.findall("Attribute")}
        counts = [of.pop("ApproximateReceiveCount", None) for of in (message.get("Attributes", {}), other)]
        assert counts in ([None, None], ["1", "2"])
        assert other == message.get("Attributes", {})
        other = {
            each.findtext("Name"): each.findtext("Value/StringValue")
            for each in element.findall("MessageAttribute")
        }
        assert other == {
            name: each.get("StringValue") for name, each in message.get("MessageAttributes", {}).items()
        }


def test_records_of_other_protocols(stage: Stage) -> None:
    queue = Queue(stage)
    access = stage.broker.access(Principal("test", []), "/", all_rights())
    route = access.queue_route("orders")
    plain = Record(b"text", NO_ADDRESS)
    plain.headers = [("header", b"value"), ("bytes", b"\xff"), ("no name", b"x"), ("none", None)]
    access.publish(route, plain)
    access.publish(route, Record(b"\xff\x00", NO_ADDRESS))
    stage.turn()
    first, second = queue.receive(MessageAttributeNames=["All"])
    assert first["Body"] == "text"
    assert first["MessageAttributes"] == {
        "header": {"StringValue": "value", "DataType": "String"},
        "bytes": {"BinaryValue": "/w==", "DataType": "Binary"},
    }
    assert second["Body"] == "/wA="
    assert second["MessageAttributes"]["onemq.encoding"]["StringValue"] == "base64"
    assert first["MessageId"] != second["MessageId"]


def test_what_other_protocols_see(stage: Stage) -> None:
    message = Message("id", "sender", 1, {"name": ("String", b"v")}, "dedup", "trace")
    record = make_record(b"body", "group", message, 0)
    natives = stage.broker.catalog.natives
    assert (record.value, record.key) == (b"body", b"group")
    assert natives.headers(record) == {"name": "v"}
    assert natives.plain_headers(record) == [
        ("message-id", b"id"),
        ("name", b"v"),
        ("MessageDeduplicationId", b"dedup"),
        ("AWSTraceHeader", b"trace"),
    ]


def test_both_protocols_give_the_same(stage: Stage) -> None:
    queue = Queue(stage)
    answer = queue.peer.query(
        "SendMessage",
        path="/000000000000/orders",
        MessageBody="<b>&\r",
        MessageAttribute_1_Name="n",
        MessageAttribute_1_Value_DataType="String",
        MessageAttribute_1_Value_StringValue="v",
    )
    assert answer.status == 200, answer
    got = queue.peer.query(
        "ReceiveMessage", QueueUrl=queue.url, MessageAttributeName_1="All", AttributeName_1="All"
    )
    message = got.xml.find("ReceiveMessageResult/Message")
    assert message is not None
    assert message.findtext("Body") == "<b>&\r"
    assert message.findtext("MessageAttribute/Value/StringValue") == "v"
    assert {element.findtext("Name") for element in message.findall("Attribute")} >= {
        "SentTimestamp",
        "SenderId",
    }


def test_dead_letters_go_home(stage: Stage) -> None:
    dead = Queue(stage, "dead")
    arn = "arn:aws:sqs:us-east-1:000000000000:dead"
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    queue = Queue(stage, "orders", RedrivePolicy=policy, VisibilityTimeout="0")
    sent = queue.send("poison")
    stage.wait(5)
    assert (queue.bodies(), queue.bodies(), dead.counts()) == (["poison"], [], ("1", "0", "0"))
    handle = dead.peer.sqs("StartMessageMoveTask", SourceArn=arn)["TaskHandle"]
    stage.wait(1_000)
    (task,) = dead.peer.sqs("ListMessageMoveTasks", SourceArn=arn)["Results"]
    assert (task["Status"], task["ApproximateNumberOfMessagesMoved"]) == ("COMPLETED", 1)
    (back,) = queue.receive(AttributeNames=["SentTimestamp"])
    assert (back["Body"], back["MessageId"]) == ("poison", sent["MessageId"])
    assert dead.refuses("CancelMessageMoveTask", TaskHandle=handle).status == 404
    assert (
        dead.refuses("StartMessageMoveTask", SourceArn=arn.replace("dead", "orders")).code
        == "InvalidParameterValue"
    )


def test_a_send_under_an_alarm_waits_until_it_is_over() -> None:
    stage = Stage()
    peer, other = stage.connect(), stage.connect()
    url = other.sqs("CreateQueue", QueueName="q")["QueueUrl"]
    peer.link.alarm = "low on disk"
    peer.says("SendMessage", QueueUrl=url, MessageBody="one")
    peer.hears_nothing()
    assert other.sqs("ReceiveMessage", QueueUrl=url) == {}
    peer.link.alarm = ""
    peer.conversation.unblocked()
    stage.turn()
    assert "MessageId" in peer.result()
    assert [message["Body"] for message in other.sqs("ReceiveMessage", QueueUrl=url)["Messages"]] == ["one"]
