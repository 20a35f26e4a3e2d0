"""Notice topics and subscriptions: durable state, and fan-out. A publish is one commit: its records stand in all queues, or in none.

Job: keep topics, subscriptions and the key that signs; filter, have rendered, append; run replays and what couriers need.
Must not: authorise (access.py does), know a protocol's words, or carry anything outside (a head's courier does).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.catalog import Catalog
from onemq.engine.core import Agenda, Core
from onemq.engine.deduplication import Deduplication, Remembered
from onemq.engine.enqueueing import REFUSED, enqueue
from onemq.engine.exchange import Namespace
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.notices.notice import Notice, from_bytes, to_bytes
from onemq.engine.notices.outgoing import Outgoing
from onemq.engine.notices.rendering import Courier, LosesParcels, Parcel, Renderer
from onemq.engine.notices.replay import Replay, Replays
from onemq.engine.notices.topic import NOT_REPLAYING, NoticeTopic, Subscription
from onemq.engine.parts import PART_NOTICES, Part
from onemq.engine.queue import Queue
from onemq.engine.routing.filter_policy.policy import compile_policy
from onemq.engine.routing.filter_policy.tokens import PolicyError
from onemq.model.entities import QueueSettings
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.refusal import Reason, Refusal

TOPICS_MAX: Final = 100_000
SUBSCRIPTIONS_MAX: Final = 100_000
"""Of one topic."""
TOKEN_MS: Final = 172_800_000
"""How long a subscription waits to be confirmed: two days, then it is forgotten."""
DAY_MS: Final = 86_400_000

NO_QUEUE: Final = "no queue"
QUEUE_FULL: Final = "queue full"
"""Why something could not be delivered to a queue."""


class Notices(Part):
    """See the module.

    Attributes:
        renderer, courier: the head's; None: no head serves notices yet, nothing is published, and what waits for a courier waits.
        key_text: what the head signs with, "" = none made yet.
    """

    def __init__(self, core: Core, catalog: Catalog, deduplication: Deduplication) -> None:
        self.number = PART_NOTICES
        self.core = core
        self.catalog = catalog
        self.deduplication = deduplication
        self.renderer: Renderer | None = None
        self.courier: Courier | None = None
        self.key_text = ""
        self.topics: dict[tuple[str, str], NoticeTopic] = {}
        self.subscriptions: dict[str, Subscription] = {}
        self._tokens: dict[str, Subscription] = {}
        self._outgoing: dict[str, Outgoing] = {}
        self._replays: dict[str, Replay] = {}
        self._agenda = _Pending(self)

    # Topics.

    def topic(self, namespace: str, name: str) -> NoticeTopic:
        """Refusal NOT_FOUND ("notice topic")."""
        found = self.topics.get((namespace, name))
        if found is None:
            raise Refusal(Reason.NOT_FOUND, "notice topic", name)
        return found

    def save_topic(self, topic: NoticeTopic) -> None:
        """Makes it, or takes over what has been changed in it. Refusal LIMIT."""
        key = (topic.namespace, topic.name)
        if key not in self.topics and len(self.topics) >= TOPICS_MAX:
            raise Refusal(Reason.LIMIT, "notice topic", topic.name, f"there are {TOPICS_MAX} topics already")
        self._keep_archive(topic)
        self.topics[key] = topic
        self.core.note(self, topic.to_plain())

    def _keep_archive(self, topic: NoticeTopic) -> None:
        archive = topic.archive
        if topic.archive_days == 0:
            if archive is not None:
                self._end_replays(topic)
                self.catalog.remove_internal(archive)
                topic.archive = None
            return
        settings = QueueSettings()
        settings.kept = True
        settings.persists_all = True
        settings.retention_ms = topic.archive_days * DAY_MS
        if archive is not None:
            if archive.settings.retention_ms != settings.retention_ms:
                self.catalog.alter_internal(archive, settings)
            return
        queue = self.catalog.add_internal(f"archive of {topic.name}", settings)
        assert isinstance(queue, KeptQueue)
        topic.archive = queue

    def _end_replays(self, topic: NoticeTopic) -> None:
        for subscription in topic.subscriptions.values():
            if subscription.replay_next != NOT_REPLAYING:
                subscription.replay_next = NOT_REPLAYING
                self.replay(subscription)
                self.core.note(self, subscription.to_plain())

    def remove_topic(self, topic: NoticeTopic) -> None:
        for subscription in list(topic.subscriptions.values()):
            self.remove_subscription(subscription)
        topic.archive_days = 0
        self._keep_archive(topic)
        self.core.note(self, {"op": "topic-", "ns": topic.namespace, "name": topic.name})
        self._forget_topic(topic)

    def _forget_topic(self, topic: NoticeTopic) -> None:
        self.topics.pop((topic.namespace, topic.name), None)
        self.deduplication.forget(topic.namespace, _owner(topic))

    def clear_namespace(self, name: str) -> None:
        for topic in list(self.topics.values()):
            if topic.namespace == name:
                self.remove_topic(topic)

    # Subscriptions.

    def subscription(self, namespace: str, identifier: str) -> Subscription:
        """Refusal NOT_FOUND ("subscription")."""
        found = self.subscriptions.get(identifier)
        if found is None or found.topic.namespace != namespace:
            raise Refusal(Reason.NOT_FOUND, "subscription", identifier)
        return found

    def save_subscription(self, subscription: Subscription) -> None:
        """Makes it, or takes over what has been changed in it. Refusal LIMIT; PolicyError for a policy that is none."""
        topic = subscription.topic
        fresh = subscription.id not in self.subscriptions
        if fresh and len(topic.subscriptions) >= SUBSCRIPTIONS_MAX:
            raise Refusal(
                Reason.LIMIT, "subscription", topic.name, f"{SUBSCRIPTIONS_MAX} subscriptions already"
            )
        subscription.policy = compile_policy(subscription.policy_text, subscription.scope)
        if fresh:
            subscription.made_ms = int(self.core.now_ms)
            if not subscription.queue:
                self._give_queue(subscription)
        self._add(subscription)
        self.core.note(self, subscription.to_plain())
        self._start(subscription)

    def _give_queue(self, subscription: Subscription) -> None:
        settings = QueueSettings()
        # Couriers always answer.
        settings.consumer_timeout_ms = 0
        queue = self.catalog.add_internal(f"notices to {subscription.endpoint}", settings)
        assert isinstance(queue, LedgerQueue)
        subscription.outgoing = queue

    def _drop_queue(self, subscription: Subscription) -> None:
        outgoing = self._outgoing.pop(subscription.id, None)
        if outgoing is not None:
            outgoing.end()
        queue = subscription.outgoing
        if queue is not None:
            self.catalog.remove_internal(queue)

    def _add(self, subscription: Subscription) -> None:
        self.subscriptions[subscription.id] = subscription
        subscription.topic.subscriptions[subscription.id] = subscription
        if subscription.token:
            self._tokens[subscription.token] = subscription

    def _start(self, subscription: Subscription) -> None:
        """What has to run beside it does."""
        if not subscription.confirmed:
            self.core.schedule(self._agenda, subscription.made_ms + TOKEN_MS)
        courier = self.courier
        queue = subscription.outgoing
        if courier is not None and queue is not None and subscription.id not in self._outgoing:
            self._outgoing[subscription.id] = Outgoing(
                self.core, subscription, queue, courier, _BuriesParcels(self)
            )
        if subscription.replay_next != NOT_REPLAYING and subscription.id not in self._replays:
            self.replay(subscription)

    def suspend(self, subscription: Subscription) -> None:
        """It gets nothing until it is confirmed again, by the token that it has now. What waited for it is dropped."""
        for token in [token for token, found in self._tokens.items() if found is subscription]:
            del self._tokens[token]
        subscription.confirmed = False
        subscription.made_ms = int(self.core.now_ms)
        self._drop_queue(subscription)
        self._give_queue(subscription)
        self.save_subscription(subscription)

    def by_token(self, token: str) -> Subscription | None:
        found = self._tokens.get(token)
        if found is None or (not found.confirmed and found.made_ms + TOKEN_MS <= self.core.now_ms):
            return None
        return found

    def remove_subscription(self, subscription: Subscription) -> None:
        running = self._replays.pop(subscription.id, None)
        if running is not None:
            running.end()
        self._drop_queue(subscription)
        self.core.note(self, {"op": "sub-", "id": subscription.id})
        self._forget(subscription)

    def _forget(self, subscription: Subscription) -> None:
        self.subscriptions.pop(subscription.id, None)
        subscription.topic.subscriptions.pop(subscription.id, None)
        self._tokens.pop(subscription.token, None)

    def forget_unconfirmed(self) -> None:
        """Those that nobody has confirmed in time."""
        now = self.core.now_ms
        next_ms: i64 = 0
        for subscription in list(self.subscriptions.values()):
            if subscription.confirmed:
                continue
            due: i64 = subscription.made_ms + TOKEN_MS
            if due <= now:
                self.remove_subscription(subscription)
            elif next_ms == 0 or due < next_ms:
                next_ms = due
        if next_ms:
            self.core.schedule(self._agenda, next_ms)

    # The key.

    def keep_key(self, text: str) -> None:
        self.key_text = text
        self.core.note(self, {"op": "key", "text": text})

    # Publishing.

    def accepted_before(self, topic: NoticeTopic, scope: str, identifier: str) -> Remembered | None:
        return self.deduplication.find(topic.namespace, _owner(topic), scope, identifier)

    def publish(self, topic: NoticeTopic, notice: Notice, scope: str) -> None:
        """Everywhere it has to go, with this turn's commit. `scope`: of the notice's deduplication id. Refusal LIMIT ("deduplication")."""
        if topic.counted:
            topic.sequence += 1
            notice.sequence = topic.sequence
        if notice.deduplication_id:
            self.deduplication.remember(
                topic.namespace,
                _owner(topic),
                scope,
                notice.deduplication_id,
                notice.message_id,
                notice.sequence,
            )
        if topic.counted:
            self.core.note(
                self, {"op": "count", "ns": topic.namespace, "name": topic.name, "sequence": topic.sequence}
            )
        archive = topic.archive
        if archive is not None:
            archive.append(Record(to_bytes(notice), NO_ADDRESS))
        for subscription in topic.subscriptions.values():
            if subscription.confirmed and not subscription.follows_archive():
                self.offer(subscription, notice, False)

    def offer(self, subscription: Subscription, notice: Notice, replayed: bool) -> None:
        """To one subscriber, if its policy lets it pass."""
        policy = subscription.policy
        if policy is not None and not policy.passes(
            notice.filter_attributes(), notice.text_for(subscription.protocol)
        ):
            return
        renderer = self.renderer
        assert renderer is not None, "notices without a head"
        topic = subscription.topic
        outgoing = subscription.outgoing
        if outgoing is not None:
            outgoing.append(renderer.render(topic, subscription, notice, None, replayed))
            return
        queue = self._queue(topic.namespace, subscription.queue)
        if queue is None:
            record = renderer.render(topic, subscription, notice, None, replayed)
            self.bury(subscription, record, NO_QUEUE)
            return
        scope, identifier = renderer.deduplication(queue.settings, notice)
        if identifier:
            if self.deduplication.find(topic.namespace, queue.name, scope, identifier) is not None:
                return
            self.deduplication.remember(
                topic.namespace, queue.name, scope, identifier, notice.message_id, queue.log.next_offset
            )
        record = renderer.render(topic, subscription, notice, queue.settings, replayed)
        if enqueue(queue, record) & REFUSED:
            self.bury(subscription, record, QUEUE_FULL)

    def tell(self, subscription: Subscription, record: Record) -> None:
        """Has a courier take a record to the subscriber's endpoint that no topic has published."""
        outgoing = subscription.outgoing
        assert outgoing is not None
        outgoing.append(record)

    def _queue(self, namespace: str, name: str) -> Queue | None:
        space: Namespace = self.catalog.namespaces[namespace]
        return self.catalog.queue(space, name) if name else None

    def bury(self, subscription: Subscription, record: Record, reason: str) -> None:
        """It cannot be delivered."""
        target = self._queue(subscription.topic.namespace, subscription.dead_letters)
        renderer = self.renderer
        if target is None or renderer is None:
            return
        enqueue(target, renderer.dead(subscription, record, reason, target.settings))

    # Replays.

    def replay(self, subscription: Subscription) -> None:
        """Starts what `replay_next` says, and ends what ran before."""
        running = self._replays.pop(subscription.id, None)
        if running is not None:
            running.end()
        archive = subscription.topic.archive
        if subscription.replay_next != NOT_REPLAYING and archive is not None and self.renderer is not None:
            self._replays[subscription.id] = Replay(self.core, subscription, archive, _ReplaysNotices(self))

    def replay_notice(self, subscription: Subscription, record: Record) -> None:
        value = record.value
        if value is not None:
            self.offer(subscription, from_bytes(value), True)

    def replay_moved(self, subscription: Subscription) -> None:
        self.core.note(self, {"op": "replay", "id": subscription.id, "next": subscription.replay_next})
        if subscription.replay_next == NOT_REPLAYING:
            self._replays.pop(subscription.id, None)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        operation = str(change["op"])
        if operation == "topic":
            self._apply_topic(change)
        elif operation == "sub":
            self._apply_subscription(change)
        elif operation == "key":
            self.key_text = str(change["text"])
        elif operation in ("topic-", "count"):
            topic = self.topics.get((str(change["ns"]), str(change["name"])))
            if topic is None:
                return
            if operation == "count":
                sequence = change["sequence"]
                assert isinstance(sequence, int)
                topic.sequence = sequence
            else:
                self._forget_topic(topic)
        elif operation in ("sub-", "replay"):
            found = self.subscriptions.get(str(change["id"]))
            if found is None:
                return
            if operation == "replay":
                place = change["next"]
                assert isinstance(place, int)
                found.replay_next = place
            else:
                self._forget(found)
        else:
            raise AssertionError(f"unknown change {operation!r} of notices")

    def _apply_topic(self, change: dict[str, object]) -> None:
        attributes = change["attributes"]
        tags = change["tags"]
        days = change["days"]
        archive_id = change["archive"]
        assert isinstance(attributes, dict) and isinstance(tags, dict)
        assert isinstance(days, int) and isinstance(archive_id, int)
        key = (str(change["ns"]), str(change["name"]))
        topic = self.topics.get(key)
        if topic is None:
            topic = NoticeTopic(key[0], key[1], {}, {})
            self.topics[key] = topic
        topic.attributes = attributes
        topic.tags = tags
        topic.counted = bool(change["counted"])
        topic.archive_days = days
        archive = self.catalog.internals.get(archive_id)
        topic.archive = archive if isinstance(archive, KeptQueue) else None

    def _apply_subscription(self, change: dict[str, object]) -> None:
        topic = self.topics.get((str(change["ns"]), str(change["topic"])))
        if topic is None:
            return
        identifier = str(change["id"])
        outgoing_id = change["outgoing"]
        assert isinstance(outgoing_id, int)
        found = self.subscriptions.get(identifier)
        if found is None:
            found = Subscription(identifier, topic, str(change["protocol"]), str(change["endpoint"]))
        self._tokens.pop(found.token, None)
        found.take_plain(change)
        queue = self.catalog.internals.get(outgoing_id)
        found.outgoing = queue if isinstance(queue, LedgerQueue) else None
        self._add(found)

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        if self.key_text:
            found.append({"op": "key", "text": self.key_text})
        for topic in self.topics.values():
            found.append(topic.to_plain())
            if topic.sequence:
                found.append(
                    {"op": "count", "ns": topic.namespace, "name": topic.name, "sequence": topic.sequence}
                )
            for subscription in topic.subscriptions.values():
                found.append(subscription.to_plain())
        return found

    def serve(self, renderer: Renderer, courier: Courier | None) -> None:
        """A head serves notices from now on: what was under way goes on."""
        self.renderer = renderer
        self.courier = courier
        for subscription in self.subscriptions.values():
            self._start(subscription)

    def finish_recovery(self) -> None:
        for subscription in self.subscriptions.values():
            try:
                subscription.policy = compile_policy(subscription.policy_text, subscription.scope)
            except PolicyError as error:
                raise AssertionError(f"a kept policy cannot be read: {error}") from None
            self._start(subscription)


def _owner(topic: NoticeTopic) -> str:
    """Whose deduplication ids they are: a name that no queue can have by chance."""
    return f"\x1fnotices\x1f{topic.name}"


class _ReplaysNotices(Replays):
    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def replay_notice(self, subscription: Subscription, record: Record) -> None:
        self._notices.replay_notice(subscription, record)

    def replay_moved(self, subscription: Subscription) -> None:
        self._notices.replay_moved(subscription)


class _BuriesParcels(LosesParcels):
    def __init__(self, notices: Notices) -> None:
        self._notices = notices

    def bury_parcel(self, subscription: Subscription, parcel: Parcel, reason: str) -> None:
        self._notices.bury(subscription, parcel.record, reason)


class _Pending(Agenda):
    """The part's entry in the turn's work lists: subscriptions that nobody confirms."""

    def __init__(self, notices: Notices) -> None:
        super().__init__()
        self._notices = notices

    def on_deadline(self) -> None:
        self._notices.forget_unconfirmed()
