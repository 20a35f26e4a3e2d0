"""SNS without sockets: delivery policies, documents, signatures, attributes, refusals. Its clients: tests/clients/aws_python."""

from __future__ import annotations

import base64
import json
from itertools import pairwise

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.notices.notice import Notice, NoticeAttribute
from onemq.engine.notices.rendering import Parcel
from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.pages import Pages
from onemq.heads.aws.sns.arns import subscription_id, topic_name
from onemq.heads.aws.sns.courier import SnsCourier
from onemq.heads.aws.sns.delivery_policy import (
    RETRIES_MAX,
    check_policy,
    effective_policy,
    shown_policy,
    shown_subscription_policy,
)
from onemq.heads.aws.sns.envelope import (
    Confirmation,
    document,
    notification_fields,
    notification_text,
    sequence_text,
    time_text,
)
from onemq.heads.aws.sns.paging import next_token, page_start
from onemq.heads.aws.sns.publishing import Message
from onemq.heads.aws.sns.signing import BEGIN_CERTIFICATE, Signer, make_key
from onemq.heads.aws.sns.subscription_attributes import set_attribute, shown_attributes
from onemq.heads.contract import Called, Caller
from onemq.model.record import NO_ADDRESS, Record
from unit.heads.aws.playbook import Stage

NOW_MS = 1_700_000_000_000


# Delivery policies.


def policy(**retry: object) -> str:
    return json.dumps({"healthyRetryPolicy": retry})


def waits(text: str, topic: str = "") -> list[int]:
    found = effective_policy(topic, text)
    return [found.wait_ms(attempt) for attempt in range(1, found.retries + 2)]


def test_the_default_is_three_tries_more_after_twenty_seconds_each() -> None:
    assert waits("") == [20_000, 20_000, 20_000, -1]


def test_phases_follow_one_another() -> None:
    text = policy(
        minDelayTarget=5,
        maxDelayTarget=20,
        numRetries=10,
        numNoDelayRetries=2,
        numMinDelayRetries=1,
        numMaxDelayRetries=3,
        backoffFunction="linear",
    )
    assert waits(text) == [0, 0, 5000, 5000, 10_000, 15_000, 20_000, 20_000, 20_000, 20_000, -1]


@given(
    st.sampled_from(["linear", "arithmetic", "geometric", "exponential"]),
    st.integers(1, 100),
    st.integers(0, 3500),
    st.integers(0, RETRIES_MAX),
)
def test_back_offs_grow_from_the_least_to_the_most(function: str, low: int, span: int, retries: int) -> None:
    text = policy(minDelayTarget=low, maxDelayTarget=low + span, numRetries=retries, backoffFunction=function)
    found = waits(text)
    assert found[-1] == -1 and len(found) == retries + 1
    steps = found[:-1]
    assert all(low * 1000 <= wait <= (low + span) * 1000 for wait in steps)
    assert all(first <= second for first, second in pairwise(steps))
    if retries > 1:
        assert steps[0] in (low * 1000, low * 1000 + (span * 1000 >> min(retries - 1, 64)))
        assert steps[-1] >= (low + span) * 1000 - 1


def test_functions_are_in_their_order() -> None:
    found = {
        function: waits(
            policy(minDelayTarget=1, maxDelayTarget=1000, numRetries=9, backoffFunction=function)
        )[4]
        for function in ("exponential", "geometric", "arithmetic", "linear")
    }
    assert found["geometric"] < found["exponential"] < found["arithmetic"] < found["linear"]


def test_a_topic_may_forbid_subscriptions_their_own() -> None:
    own = policy(minDelayTarget=1, maxDelayTarget=1, numRetries=1)
    of_topic: dict[str, object] = {"defaultHealthyRetryPolicy": {"numRetries": 2}}
    assert waits(own, json.dumps({"http": of_topic})) == [1000, -1]
    of_topic["disableSubscriptionOverrides"] = True
    assert waits(own, json.dumps({"http": of_topic})) == [20_000, 20_000, -1]
    shown = json.loads(shown_policy(json.dumps({"http": of_topic})))["http"]
    assert shown["disableSubscriptionOverrides"] and shown["defaultHealthyRetryPolicy"]["numRetries"] == 2
    assert json.loads(shown_subscription_policy("", own))["healthyRetryPolicy"]["minDelayTarget"] == 1


@pytest.mark.parametrize(
    "bad",
    [
        "",
        "[]",
        policy(numRetries=-1),
        policy(numRetries="3"),
        policy(numRetries=True),
        policy(minDelayTarget=0),
        policy(maxDelayTarget=3601),
        policy(numRetries=1, numNoDelayRetries=2),
        policy(numRetries=100, minDelayTarget=60, maxDelayTarget=60),
        json.dumps({"healthyRetryPolicy": []}),
        json.dumps({"requestPolicy": {"headerContentType": "nonsense/x"}}),
        json.dumps({"throttlePolicy": 3}),
    ],
)
def test_bad_policies(bad: str) -> None:
    with pytest.raises(AwsError) as caught:
        check_policy(bad, "Invalid parameter: ", of_topic=False)
    assert caught.value.text.startswith("Invalid parameter: DeliveryPolicy: ")


NAMES = st.sampled_from(
    [
        "http",
        "healthyRetryPolicy",
        "defaultHealthyRetryPolicy",
        "numRetries",
        "minDelayTarget",
        "requestPolicy",
    ]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5000) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=8,
)


@given(JSON, st.booleans())
def test_what_is_let_pass_can_be_read(value: object, of_topic: bool) -> None:
    text = json.dumps(value)
    try:
        check_policy(text, "", of_topic)
    except AwsError:
        return
    found = effective_policy(text, "") if of_topic else effective_policy("", text)
    assert found.wait_ms(found.retries + 1) == -1
    shown_policy(text if of_topic else "")


# Documents and signatures.


def notice() -> Notice:
    found = Notice("id-1", 'text "é"', NOW_MS + 7, "http://here:4566")
    found.subject = "subject"
    return found


def test_a_document_is_written_as_sns_writes_it() -> None:
    fields = [("Type", "Notification"), ("Message", 'a "b"\né')]
    attributes = [NoticeAttribute("n", "Number", "1"), NoticeAttribute("b", "Binary", "", b"\x00")]
    assert document(fields, attributes) == (
        "{\n"
        '  "Type" : "Notification",\n'
        '  "Message" : "a \\"b\\"\\né",\n'
        '  "MessageAttributes" : {\n'
        '    "n" : {"Type":"Number","Value":"1"},\n'
        '    "b" : {"Type":"Binary","Value":"AA=="}\n'
        "  }\n"
        "}"
    )


def test_times_and_numbers() -> None:
    assert time_text(NOW_MS + 7) == "2023-11-14T22:13:20.007Z"
    assert sequence_text(12) == "10000000000000012000" and len(sequence_text(10**15)) == 20


def test_a_notification_of_a_fifo_topic_and_of_a_replay() -> None:
    found = notice()
    found.sequence = 3
    names = [name for name, _ in notification_fields("arn", found, "text", True)]
    assert names == [
        "Type",
        "MessageId",
        "SequenceNumber",
        "TopicArn",
        "Subject",
        "Message",
        "Timestamp",
        "Replayed",
    ]


def test_signatures_are_verified_by_the_certificate() -> None:
    text = make_key(NOW_MS)
    pages = Pages()
    signer = Signer(pages)
    signer.show(text)
    url = signer.certificate_url("http://here:4566")
    assert url.startswith("http://here:4566/SimpleNotificationService-") and url.endswith(".pem")
    page = pages.find(url[len("http://here:4566") :].encode(), b"")
    assert page is not None and text[text.index(BEGIN_CERTIFICATE) :].encode() == page.body
    certificate = x509.load_pem_x509_certificate(page.body)
    assert certificate.fingerprint(hashes.SHA256()).hex()[:32] in url
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    signer._load()
    signed = notification_text("arn", notice(), "text")
    assert signed == (
        "Message\ntext\nMessageId\nid-1\nSubject\nsubject\nTimestamp\n2023-11-14T22:13:20.007Z\n"
        "TopicArn\narn\nType\nNotification\n"
    )
    for version, chosen in (("1", hashes.SHA1()), ("2", hashes.SHA256())):
        key.verify(
            base64.b64decode(signer.sign(signed, version)), signed.encode(), padding.PKCS1v15(), chosen
        )


def test_confirmations() -> None:
    found = Confirmation(
        "SubscriptionConfirmation", "arn:t", "arn:t:s", "tok", "id", NOW_MS, "http://here:4566"
    )
    assert found.subscribe_url == "http://here:4566/?Action=ConfirmSubscription&TopicArn=arn:t&Token=tok"
    assert found.text().startswith("Message\nYou have chosen to subscribe to the topic arn:t.\nTo confirm")
    assert "\nSubscribeURL\nhttp://here" in found.text() and found.text().endswith(
        "Type\nSubscriptionConfirmation\n"
    )
    assert [name for name, _ in found.fields()][:4] == ["Type", "MessageId", "Token", "TopicArn"]


# The courier.


class ParcelOf(Parcel):
    def __init__(self, kind: str, attempts: int, delivery_policy: str = "") -> None:
        topic = NoticeTopic("/", "t", {}, {})
        subscription = Subscription("s", topic, "http", "http://there/x")
        if delivery_policy:
            subscription.attributes["DeliveryPolicy"] = delivery_policy
        record = Record(b"body", NO_ADDRESS)
        record.headers = [("x-amz-sns-message-type", kind.encode()), ("Content-Type", b"text/plain")]
        super().__init__(subscription, record, attempts)
        self.ended: list[object] = []

    def delivered(self) -> None:
        self.ended.append("delivered")

    def again(self, wait_ms: int) -> None:
        self.ended.append(wait_ms)

    def lost(self, reason: str) -> None:
        self.ended.append(reason)


class FakeCaller(Caller):
    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[str, list[tuple[str, str]], bytes, int]] = []
        self.called: Called | None = None

    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        self.calls.append((url, headers, body, time_ms))
        self.called = called


def carried(parcel: ParcelOf, status: int) -> object:
    caller = FakeCaller()
    SnsCourier(caller).take(parcel)
    headers = parcel.record.headers
    assert headers is not None
    assert caller.calls == [
        ("http://there/x", [(name, (value or b"").decode()) for name, value in headers], b"body", 15_000)
    ]
    assert caller.called is not None and parcel.ended == []
    if status:
        caller.called.answered(status)
    else:
        caller.called.failed("not reached")
    assert len(parcel.ended) == 1
    return parcel.ended[0]


@pytest.mark.parametrize(
    ("status", "attempts", "end"),
    [
        (200, 1, "delivered"),
        (204, 4, "delivered"),
        (500, 1, 20_000),
        (429, 3, 20_000),
        (500, 4, "HTTP status 500"),
        (404, 1, "HTTP status 404"),
        (302, 1, "HTTP status 302"),
        (0, 1, 20_000),
        (0, 4, "not reached"),
    ],
)
def test_what_becomes_of_a_notification(status: int, attempts: int, end: object) -> None:
    assert carried(ParcelOf("Notification", attempts), status) == end


def test_a_confirmation_that_is_refused_is_forgotten() -> None:
    assert carried(ParcelOf("SubscriptionConfirmation", 1), 404) == "delivered"
    assert carried(ParcelOf("SubscriptionConfirmation", 1), 500) == 20_000


# Requests.


def test_arns() -> None:
    assert topic_name("arn:aws:sns:eu-west-1:1:name") == "name"
    assert subscription_id("arn:aws:sns:eu-west-1:1:name:uuid") == "uuid"
    for bad in ("arn:aws:sqs:r:1:name", "x:aws:sns:r:1:name", "arn:aws:sns:r:1:", "arn:aws:sns:r:1:a:b"):
        with pytest.raises(AwsError):
            topic_name(bad)
    with pytest.raises(AwsError) as caught:
        subscription_id("arn:aws:sns:r:1:name")
    assert caught.value.text == "Invalid parameter: SubscriptionId"


def test_pages_begin_behind_the_last_key_whether_it_is_there_or_not() -> None:
    keys = [f"{number:03d}" for number in range(250)]
    token = next_token(keys, 100)
    assert token is not None and page_start(keys, "") == 0
    assert page_start(keys, token) == 100
    assert page_start([*keys[:99], *keys[100:]], token) == 99
    assert next_token(keys, 300) is None and page_start([], token) == 0


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        (
            ".a",
            {"DataType": "String", "StringValue": "v"},
            "Invalid message attribute name starting with character '.' was found.",
        ),
        (
            "a.",
            {"DataType": "String", "StringValue": "v"},
            "Invalid message attribute name ending with character '.' was found.",
        ),
        (
            "a..b",
            {"DataType": "String", "StringValue": "v"},
            "Message attribute name can not have successive '.' character.",
        ),
        (
            "a!",
            {"DataType": "String", "StringValue": "v"},
            "Invalid non-alphanumeric character '#x21' was found",
        ),
        (
            "a",
            {"DataType": "Text", "StringValue": "v"},
            "The message attribute 'a' has an invalid message attribute type",
        ),
        (
            "a",
            {"DataType": "String"},
            "The message attribute 'a' must contain non-empty message attribute value",
        ),
        ("a", {"DataType": "String", "StringValue": ""}, "The message attribute 'a' must contain non-empty"),
        (
            "a",
            {"DataType": "Binary", "StringValue": "v"},
            "The message attribute 'a' with type 'Binary' must use field 'Binary'.",
        ),
        (
            "a",
            {"DataType": "String", "BinaryValue": "AA=="},
            "The message attribute 'a' with type 'String' must use field 'String'.",
        ),
        (
            "a",
            {"StringValue": "v"},
            "1 validation error detected: Value null at 'messageAttributes.a.member.dataType'",
        ),
    ],
)
def test_bad_message_attributes(name: str, value: dict[str, object], text: str) -> None:
    with pytest.raises(AwsError) as caught:
        Message({"Message": "x", "MessageAttributes": {name: value}})
    assert caught.value.text.startswith(text)


def test_all_parts_of_a_message_count() -> None:
    attributes = {
        "ab": {"DataType": "String", "StringValue": "é"},
        "c": {"DataType": "Binary", "BinaryValue": "AAEC"},
    }
    assert Message({"Message": "xyz", "MessageAttributes": attributes}).bytes == 3 + (2 + 6 + 2) + (1 + 6 + 3)


def test_subscription_attributes() -> None:
    topic = NoticeTopic("/", "t", {}, {})
    found = Subscription("s", topic, "sqs", "arn:aws:sqs:r:1:q")
    found.queue = "q"
    set_attribute(found, "RawMessageDelivery", "TRUE", "")
    set_attribute(found, "FilterPolicy", '{"a": ["b"]}', "")
    set_attribute(found, "FilterPolicyScope", "MessageBody", "")
    set_attribute(found, "RedrivePolicy", '{"deadLetterTargetArn": "arn:aws:sqs:r:1:dead"}', "")
    shown = shown_attributes(found)
    assert (shown["RawMessageDelivery"], shown["FilterPolicyScope"]) == ("true", "MessageBody")
    assert (found.dead_letters, found.policy_text) == ("dead", '{"a": ["b"]}')
    set_attribute(found, "FilterPolicy", "{}", "")
    set_attribute(found, "RedrivePolicy", "", "")
    shown = shown_attributes(found)
    assert "FilterPolicy" not in shown and "FilterPolicyScope" not in shown and found.dead_letters == ""
    for name, value, text in (
        ("Fake", "x", "AttributeName"),
        ("ReplayPolicy", "{}", "AttributeName"),
        (
            "FilterPolicyScope",
            "x",
            "FilterPolicyScope: Invalid value [x]. Please use either MessageBody or MessageAttributes",
        ),
        ("RawMessageDelivery", "", "RawMessageDelivery: Invalid value []. Must be true or false."),
        ("RedrivePolicy", "{", "RedrivePolicy: failed to parse JSON."),
        (
            "RedrivePolicy",
            '{"deadLetterTargetArn": "x"}',
            "RedrivePolicy: deadLetterTargetArn is an invalid arn",
        ),
    ):
        with pytest.raises(AwsError) as caught:
            set_attribute(found, name, value, "Invalid parameter: ")
        assert caught.value.text == f"Invalid parameter: {text}"


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"PointType": "x"}',
        '{"PointType": "Timestamp"}',
        '{"PointType": "Timestamp", "StartingPoint": "never"}',
    ],
)
def test_bad_replay_policies(text: str) -> None:
    topic = NoticeTopic("/", "t.fifo", {}, {})
    found = Subscription("s", topic, "sqs", "arn:aws:sqs:r:1:q.fifo")
    with pytest.raises(AwsError) as caught:
        set_attribute(found, "ReplayPolicy", text, "")
    assert caught.value.text.startswith("ReplayPolicy: ")


def test_requests_of_sns_are_told_by_their_version() -> None:
    answer = Stage().connect().query("ListQueues", version="2010-03-31")
    assert (answer.status, answer.xml.findtext("Error/Code")) == (400, "InvalidAction")
