"""One principal's way to notices. A part of Access, which authorises here: publish = write, look = read, make and change = configure,
on the topic's name; whoever subscribes a queue must be allowed to write into it.

Must not: know a protocol. What is changed is durable at `Access.position()`.
"""

from onemq.engine.auditing import Audit
from onemq.engine.counters import Tally
from onemq.engine.notices.notice import Notice
from onemq.engine.notices.notices import Notices
from onemq.engine.notices.topic import NOT_REPLAYING, NoticeTopic, Subscription
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import Rights


class Published:
    """What a publish was answered with; again, for the same deduplication id."""

    __slots__ = ("message_id", "sequence")

    def __init__(self, message_id: str, sequence: int) -> None:
        self.message_id = message_id
        self.sequence = sequence


class NoticeAccess:
    """See the module. Methods with a topic or subscription: Refusal NOT_FOUND, ACCESS_DENIED ("notice topic", "subscription")."""

    def __init__(self, notices: Notices, namespace: str, rights: Rights, tally: Tally, audit: Audit) -> None:
        self._audit = audit
        self._notices = notices
        self._tally = tally
        self._namespace = namespace
        self._rights = rights

    def _demand(self, allowed: bool, name: str, right: str) -> None:
        if not allowed:
            raise Refusal(Reason.ACCESS_DENIED, "notice topic", name, right)

    def _may_configure(self, name: str) -> None:
        self._demand(self._rights.may_configure(name), name, "configure")

    def _may_read(self, name: str) -> None:
        rights = self._rights
        self._demand(rights.may_read(name) or rights.may_configure(name), name, "read")

    def _may_fill(self, queue: str) -> None:
        if queue and not self._rights.may_write(queue):
            raise Refusal(Reason.ACCESS_DENIED, "queue", queue, "write")

    # Topics.

    def find_topic(self, name: str) -> NoticeTopic | None:
        """For whoever is about to make it."""
        self._may_configure(name)
        return self._notices.topics.get((self._namespace, name))

    def new_topic(self, name: str, attributes: dict[str, str], tags: dict[str, str]) -> NoticeTopic:
        """Not there before `save_topic`."""
        self._may_configure(name)
        return NoticeTopic(self._namespace, name, attributes, tags)

    def save_topic(self, topic: NoticeTopic) -> None:
        known = (self._namespace, topic.name) in self._notices.topics
        with self._audit.doing("alter" if known else "create", "notice topic", topic.name) as act:
            self._may_configure(topic.name)
            self._notices.save_topic(topic)
            if not known:
                act.nothing()

    def remove_topic(self, name: str) -> None:
        """One that is not there is fine."""
        with self._audit.doing("delete", "notice topic", name) as act:
            self._may_configure(name)
            found = self._notices.topics.get((self._namespace, name))
            if found is None:
                act.nothing()
                return
            self._notices.remove_topic(found)

    def topic(self, name: str) -> NoticeTopic:
        """To look at; to change it, see `topic_to_change`."""
        self._may_read(name)
        return self._notices.topic(self._namespace, name)

    def topic_to_change(self, name: str) -> NoticeTopic:
        self._may_configure(name)
        return self._notices.topic(self._namespace, name)

    def topic_to_fill(self, name: str) -> NoticeTopic:
        self._demand(self._rights.may_write(name), name, "write")
        return self._notices.topic(self._namespace, name)

    def topics(self) -> list[NoticeTopic]:
        """Those that may be looked at, by name."""
        found: list[NoticeTopic] = []
        for (namespace, name), topic in sorted(self._notices.topics.items()):
            if namespace == self._namespace and (
                self._rights.may_read(name) or self._rights.may_configure(name)
            ):
                found.append(topic)
        return found

    # Subscriptions.

    def save_subscription(self, subscription: Subscription) -> None:
        """Makes or changes it. PolicyError for a filter policy that is none; nothing is changed then but the object."""
        action = "alter" if subscription.id in self._notices.subscriptions else "create"
        detail = f"{subscription.protocol} {subscription.endpoint}"
        with self._audit.doing(action, "subscription", subscription.topic.name, detail):
            self._may_configure(subscription.topic.name)
            self._may_fill(subscription.queue)
            self._may_fill(subscription.dead_letters)
            self._notices.save_subscription(subscription)

    def subscription(self, identifier: str) -> Subscription:
        found = self._notices.subscription(self._namespace, identifier)
        self._may_read(found.topic.name)
        return found

    def subscription_to_change(self, identifier: str) -> Subscription:
        found = self._notices.subscription(self._namespace, identifier)
        self._may_configure(found.topic.name)
        return found

    def subscriptions(self) -> list[Subscription]:
        """Of all topics that may be looked at."""
        found: list[Subscription] = []
        for topic in self.topics():
            found.extend(topic.subscriptions.values())
        return found

    def remove_subscription(self, identifier: str) -> None:
        """One that is not there is fine."""
        found = self._notices.subscriptions.get(identifier)
        if found is not None and found.topic.namespace == self._namespace:
            detail = f"{found.protocol} {found.endpoint}"
            with self._audit.doing("delete", "subscription", found.topic.name, detail):
                self._may_configure(found.topic.name)
                self._notices.remove_subscription(found)

    def linked_subscription(self, identifier: str) -> Subscription | None:
        """By the id that only its subscriber has been sent: no right is needed, as for `leave`."""
        found = self._notices.subscriptions.get(identifier)
        return found if found is not None and found.topic.namespace == self._namespace else None

    def leave(self, subscription: Subscription, farewell: Record | None) -> None:
        """It is gone; with a farewell, which a courier takes to it, it may come back by its (new) token until that is too old."""
        if farewell is None:
            self._notices.remove_subscription(subscription)
            return
        self._notices.suspend(subscription)
        self._notices.tell(subscription, farewell)

    def find_by_token(self, token: str) -> Subscription | None:
        """The endpoint has shown the token it was sent: no right is needed. None: there is no such token, or not any more."""
        found = self._notices.by_token(token)
        if found is None or found.topic.namespace != self._namespace:
            return None
        return found

    def confirmed(self, subscription: Subscription) -> None:
        """It gets notices from now on: `find_by_token` has found it."""
        subscription.confirmed = True
        self._notices.save_subscription(subscription)

    def tell(self, subscription: Subscription, record: Record) -> None:
        """Has a courier take the record to the subscriber's endpoint."""
        self._may_configure(subscription.topic.name)
        self._notices.tell(subscription, record)

    # Publishing.

    def publish(self, topic: NoticeTopic, notice: Notice, scope: str = "") -> Published:
        """Refusal TOO_LARGE is the head's; LIMIT ("deduplication")."""
        notices = self._notices
        self._demand(self._rights.may_write(topic.name), topic.name, "write")
        if notice.deduplication_id:
            before = notices.accepted_before(topic, scope, notice.deduplication_id)
            if before is not None:
                return Published(before.message_id, int(before.offset))
        notices.publish(topic, notice, scope)
        tracer = notices.core.tracer
        if tracer is not None:
            texts: list[tuple[str, bytes | None]] = [
                (each.name, each.text.encode("utf-8", "surrogatepass")) for each in notice.attributes
            ]
            if notice.trace:
                texts.append(("AWSTraceHeader", notice.trace.encode("utf-8", "surrogatepass")))
            tracer.noticed(texts, topic.name, len(notice.text))
        self._tally.published(1, len(notice.text))
        topic.counters.published += 1
        topic.counters.published_bytes += len(notice.text)
        return Published(notice.message_id, notice.sequence)

    # Replays.

    def replay(self, subscription: Subscription, from_ms: int, to_ms: int) -> None:
        """From the archive's notices of that time on; to_ms 0: until it has caught up. Refusal NOT_FOUND ("archive")."""
        detail = f"{subscription.protocol} {subscription.endpoint} from {from_ms}"
        with self._audit.doing("replay", "subscription", subscription.topic.name, detail):
            self._may_configure(subscription.topic.name)
            if subscription.topic.archive is None:
                raise Refusal(Reason.NOT_FOUND, "archive", subscription.topic.name)
            subscription.replay_next = 0
            subscription.replay_from_ms = from_ms
            subscription.replay_to_ms = to_ms
            self._restart(subscription)

    def end_replay(self, subscription: Subscription) -> None:
        self._may_configure(subscription.topic.name)
        subscription.replay_next = NOT_REPLAYING
        self._restart(subscription)

    def _restart(self, subscription: Subscription) -> None:
        self._notices.replay(subscription)
        self._notices.save_subscription(subscription)

    # The key that signs.

    def key_text(self) -> str:
        return self._notices.key_text

    def keep_key(self, text: str) -> None:
        """The head has made one. It is durable before anything that it signs: in the same commit at the latest."""
        self._notices.keep_key(text)
