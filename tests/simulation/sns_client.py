"""A client of the simulated broker that sends SNS's requests: it subscribes queues, raw or not, with filter policies, and publishes.

It tells the shadow what every queue has to get of a publish: the copies are one commit.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from urllib.parse import urlencode

from onemq.engine.notices.access import NoticeAccess
from onemq.heads.aws.sns.signing import Signer
from onemq.model.entities import REJECT_PUBLISH
from simulation.aws_client import ACCOUNT, AwsClient
from simulation.checkers import check
from simulation.notice_shadow import (
    FIFO_TOPIC,
    NOTICE_TOPICS,
    PLAIN_TOPIC,
    POLICIES,
    NoticeShadow,
    Subscribed,
)

Seen = Callable[[str], None]


class PlainSigner(Signer):
    """Signs by a hash over the key that the engine keeps: real keys are never the same, and their lengths differ."""

    def prepare(self, access: NoticeAccess, now_ms: int) -> None:
        if not access.key_text():
            access.keep_key("a key")
        self._text = access.key_text()

    def sign(self, text: str, version: str) -> str:
        return hashlib.sha256(f"{self._text} {text}".encode()).hexdigest()


def topic_arn(name: str) -> str:
    return f"arn:aws:sns:us-east-1:{ACCOUNT}:{name}"


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


class Draft:
    """A message that is about to be published. kind "": it has no such attribute."""

    def __init__(
        self, number: int, body: bytes, kind: str, size: int, group: str, duplication_id: str
    ) -> None:
        self.number = number
        self.body = body
        self.kind = kind
        self.size = size
        self.group = group
        self.duplication_id = duplication_id

    def parameters(self) -> dict[str, str]:
        found = {"Message": self.body.decode()}
        given = [("size", "Number", str(self.size))]
        if self.kind:
            given.append(("kind", "String", self.kind))
        for at, (name, kind, value) in enumerate(given, 1):
            found[f"MessageAttributes.entry.{at}.Name"] = name
            found[f"MessageAttributes.entry.{at}.Value.DataType"] = kind
            found[f"MessageAttributes.entry.{at}.Value.StringValue"] = value
        if self.group:
            found["MessageGroupId"] = self.group
            found["MessageDeduplicationId"] = self.duplication_id
        return found


class SnsClient(AwsClient):
    @property
    def notices(self) -> NoticeShadow:
        return self.shadow.notices

    def _says(self, operation: str, parameters: dict[str, str], seen: Seen) -> None:
        def answered(status: int, body: bytes) -> None:
            check(status == 200, f"{self.name}: {operation} {parameters}: {status} {body!r}")
            seen(body.decode())

        form = {"Action": operation, "Version": "2010-03-31", **parameters}
        headers = "Content-Type: application/x-www-form-urlencoded\r\n"
        self._posts(headers, urlencode(form).encode(), answered)

    def _position(self) -> int:
        return int(self.world.broker.core.position())

    def _durable(self, position: int, what: str) -> None:
        """To be checked when it is told."""

        def told() -> None:
            self.world.count(f"SNS {what}")
            check(position <= self.shadow.durable, f"{self.name} was told of {what} before it was durable")

        self.told.append(told)

    def act(self) -> None:
        if self.is_busy():
            return
        random = self.world.random
        topic = random.choice(NOTICE_TOPICS)
        subscribed = self.notices.subscribed(topic)
        dice = random.random()
        if dice < 0.15 or not subscribed:
            self.subscribe(topic)
        elif dice < 0.25:
            self.change(topic, random.choice(list(subscribed)))
        elif dice < 0.3:
            self.unsubscribe(topic, random.choice(list(subscribed)))
        else:
            self.publish(topic)

    def create(self, topic: str) -> None:
        parameters = {"Name": topic}
        if topic == FIFO_TOPIC:
            parameters |= {"Attributes.entry.1.key": "FifoTopic", "Attributes.entry.1.value": "true"}
        self._says("CreateTopic", parameters, lambda answer: None)

    def subscribe(self, topic: str) -> None:
        random = self.world.random
        queue = self.mixed.some_queue_to_subscribe(topic == FIFO_TOPIC)
        raw = random.random() < 0.5
        policy = random.choice(list(POLICIES)) if random.random() < 0.6 else ""
        if queue in self.notices.subscribed(topic):
            return
        given = [("RawMessageDelivery", "true" if raw else "false"), ("FilterPolicy", policy or "{}")]
        parameters = {"TopicArn": topic_arn(topic), "Protocol": "sqs", "Endpoint": queue_arn(queue)}
        for at, (name, value) in enumerate(given, 1):
            parameters[f"Attributes.entry.{at}.key"] = name
            parameters[f"Attributes.entry.{at}.value"] = value

        def seen(answer: str) -> None:
            found = re.search("<SubscriptionArn>(.*?)</SubscriptionArn>", answer)
            assert found is not None, answer
            position = self._position()
            self.notices.say(topic, queue, Subscribed(found[1], raw, policy), position)
            self.world.note(f"{self.name} subscribes {queue} to {topic} at {position} raw={raw} {policy}")
            self._durable(position, "subscriptions")

        self._says("Subscribe", parameters, seen)

    def change(self, topic: str, queue: str) -> None:
        old = self.notices.subscribed(topic)[queue]
        new = Subscribed(old.arn, old.raw, old.policy)
        if self.world.random.random() < 0.5:
            new.raw = not old.raw
            name, value = "RawMessageDelivery", "true" if new.raw else "false"
        else:
            new.policy = self.world.random.choice(list(POLICIES))
            name, value = "FilterPolicy", new.policy or "{}"
        parameters = {"SubscriptionArn": old.arn, "AttributeName": name, "AttributeValue": value}
        self._of_subscription("SetSubscriptionAttributes", parameters, topic, queue, new)

    def unsubscribe(self, topic: str, queue: str) -> None:
        arn = self.notices.subscribed(topic)[queue].arn
        self._of_subscription("Unsubscribe", {"SubscriptionArn": arn}, topic, queue, None)

    def _of_subscription(
        self, operation: str, parameters: dict[str, str], topic: str, queue: str, new: Subscribed | None
    ) -> None:
        def seen(answer: str) -> None:
            position = self._position()
            self.notices.say(topic, queue, new, position)
            self.world.note(f"{self.name}: {operation} of {queue} to {topic} at {position}: {new}")
            self._durable(position, "changes")

        self._says(operation, parameters, seen)

    # Publishing.

    def publish(self, topic: str) -> None:
        drafts = [self._draft(topic) for _ in range(self.world.random.choice([1, 1, 1, 3]))]
        parameters = {"TopicArn": topic_arn(topic)}
        if len(drafts) == 1:
            parameters |= drafts[0].parameters()
        for at, draft in enumerate(drafts if len(drafts) > 1 else [], 1):
            entry = f"PublishBatchRequestEntries.member.{at}"
            parameters[f"{entry}.Id"] = str(at)
            parameters |= {f"{entry}.{name}": value for name, value in draft.parameters().items()}

        def seen(answer: str) -> None:
            ids = re.findall("<MessageId>(.*?)</MessageId>", answer)
            check(len(ids) == len(drafts), f"{self.name} publishes {len(drafts)}: {answer}")
            sequences = re.findall("<SequenceNumber>1(.*?)000</SequenceNumber>", answer) or [""] * len(ids)
            for draft, message_id, sequence in zip(drafts, ids, sequences, strict=True):
                self._published(topic, draft, message_id, sequence)
            self._durable(self._position(), "confirms")

        self._says("Publish" if len(drafts) == 1 else "PublishBatch", parameters, seen)

    def _draft(self, topic: str) -> Draft:
        random = self.world.random
        number, body = self.world.new_body()
        kind, size = random.choice(["", "a", "b", "c"]), random.randrange(10)
        if topic == PLAIN_TOPIC:
            return Draft(number, body, kind, size, "", "")
        duplication_id = f"d{random.randrange(12)}" if random.random() < 0.4 else f"n{number}"
        return Draft(number, body, kind, size, random.choice("abc"), duplication_id)

    def _published(self, topic: str, draft: Draft, message_id: str, sequence: str) -> None:
        shadow, position = self.shadow, self._position()
        window_ms = self.mixed.window_ms
        if draft.duplication_id:
            known = shadow.seen_before(topic, draft.duplication_id, window_ms)
            if known is not None:
                check(
                    known.message_id == message_id,
                    f"{draft.duplication_id} of {topic} was published again as {message_id}",
                )
                self.world.count("SNS duplicates")
                return
            shadow.accept(topic, draft.duplication_id, position, message_id)
            self.notices.count(int(sequence), position)
        queues = []
        for name, subscribed in self.notices.subscribed(topic).items():
            if name not in shadow.queues:
                continue
            if not POLICIES[subscribed.policy](draft.kind, draft.size):
                self.notices.filtered += 1
                continue
            if name in shadow.strict:
                if shadow.seen_before(name, draft.duplication_id, window_ms) is not None:
                    self.world.count("copies that a queue had")
                    continue
                shadow.accept(name, draft.duplication_id, position, message_id)
            self._copy(topic, draft, message_id, name, subscribed, position)
            queues.append(name)
        self.world.note(f"{self.name} publishes {draft.number} to {topic} for {queues} at {position}")

    def _copy(
        self, topic: str, draft: Draft, message_id: str, name: str, subscribed: Subscribed, position: int
    ) -> None:
        queue = self.shadow.queues[name]
        token = self.shadow.publish(draft.number, draft.body, queue, position, False)
        self.notices.copies += 1
        if not subscribed.raw:
            token.envelope = {
                "Type": "Notification",
                "MessageId": message_id,
                "TopicArn": topic_arn(topic),
                "Message": draft.body.decode(),
            }
        if name in self.shadow.strict:
            token.group, token.rank = (draft.group,), token.sequence
        # A full queue refuses it, and nobody hears of that.
        token.unsure = queue.settings.overflow == REJECT_PUBLISH
