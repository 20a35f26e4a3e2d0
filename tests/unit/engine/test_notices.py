"""Notice topics: fan-out as one commit, filters, order, archives and replays, rights, and all of it after a restart."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.notices.notice import Notice, NoticeAttribute, from_bytes, to_bytes
from onemq.engine.notices.notices import TOKEN_MS
from onemq.engine.notices.outgoing import PARCELS_MAX
from onemq.engine.notices.rendering import Courier, Parcel, Renderer
from onemq.engine.notices.topic import NoticeTopic, Subscription
from onemq.engine.routing.filter_policy.policy import MESSAGE_ATTRIBUTES
from onemq.engine.routing.filter_policy.tokens import PolicyError
from onemq.engine.settings import EngineSettings
from onemq.model.entities import REJECT_PUBLISH, QueueSettings
from onemq.model.record import NO_ADDRESS, Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights

NAME = "news"
LONG_MS = 3_600_000


class PlainRenderer(Renderer):
    """A record's value says it all."""

    def render(
        self,
        topic: NoticeTopic,
        subscription: Subscription,
        notice: Notice,
        target: QueueSettings | None,
        replayed: bool,
    ) -> Record:
        text = f"{notice.text_for(subscription.protocol)}{' again' if replayed else ''}"
        return Record(text.encode(), NO_ADDRESS)

    def deduplication(self, target: QueueSettings, notice: Notice) -> tuple[str, str]:
        return ("", notice.deduplication_id if target.grouping else "")

    def dead(self, subscription: Subscription, record: Record, reason: str, target: QueueSettings) -> Record:
        return Record((record.value or b"") + b" died: " + reason.encode(), NO_ADDRESS)


class KeepingCourier(Courier):
    """Keeps its parcels until the test ends them."""

    def __init__(self) -> None:
        super().__init__()
        self.parcels: list[Parcel] = []

    def take(self, parcel: Parcel) -> None:
        self.parcels.append(parcel)

    def texts(self) -> list[str]:
        return [(parcel.record.value or b"").decode() for parcel in self.parcels]


class Newsroom:
    """A driver with a head for notices, over restarts."""

    def __init__(self, settings: EngineSettings | None = None) -> None:
        self.driver = Driver(settings)
        self.count = 0
        self.wire()

    def wire(self) -> None:
        self.courier = KeepingCourier()
        self.driver.broker.notices.serve(PlainRenderer(), self.courier)

    def subscribe_endpoint(self, dead: str = "") -> Subscription:
        """One that a courier serves; confirmed."""
        access = self.driver.access.notices
        found = Subscription("web", access.topic(NAME), "http", "http://there")
        found.token = "token"
        found.dead_letters = dead
        access.save_subscription(found)
        access.confirmed(found)
        return found

    def crash(self) -> None:
        self.driver.crash()
        self.wire()
        self.driver.settle_down()

    def restart(self) -> None:
        self.driver.restart()
        self.wire()
        self.driver.settle_down()

    def topic(self, name: str = NAME, *, counted: bool = False, days: int = 0) -> NoticeTopic:
        found = self.driver.access.notices.new_topic(name, {"A": "a"}, {"t": "v"})
        found.counted = counted
        found.archive_days = days
        self.driver.access.notices.save_topic(found)
        return found

    def subscribe(
        self, queue: str, *, topic: str = NAME, policy: str = "", protocol: str = "sqs", dead: str = ""
    ) -> Subscription:
        access = self.driver.access.notices
        found = Subscription(f"id-{queue}", access.topic(topic), protocol, f"arn:{queue}")
        found.queue = queue
        found.confirmed = True
        found.policy_text = policy
        found.scope = MESSAGE_ATTRIBUTES
        found.dead_letters = dead
        access.save_subscription(found)
        return found

    def notice(self, text: str, identifier: str = "") -> Notice:
        self.count += 1
        found = Notice(f"m{self.count}", text, self.driver.now_ms, "http://here")
        found.deduplication_id = identifier
        return found

    def publish(
        self, text: str, *, topic: str = NAME, identifier: str = "", kind: str = ""
    ) -> tuple[str, int]:
        self.driver.broker.begin_turn(self.driver.now_ms)
        notice = self.notice(text, identifier)
        if kind:
            notice.attributes.append(NoticeAttribute("kind", "String", kind))
        access = self.driver.access.notices
        published = access.publish(access.topic_to_fill(topic), notice)
        self.driver.settle_down()
        return published.message_id, published.sequence

    def drain(self, queue: str) -> list[str]:
        return [value.decode() for value in self.driver.drain(queue)]


def test_a_publish_goes_to_every_subscriber_that_lets_it_pass() -> None:
    room = Newsroom()
    room.topic()
    for queue in ("all", "sport", "other"):
        room.driver.declare(queue)
    room.subscribe("all")
    room.subscribe("sport", policy='{"kind": ["sport"]}')
    room.publish("one", kind="sport")
    room.publish("two")
    assert room.drain("all") == ["one", "two"]
    assert room.drain("sport") == ["one"]
    assert room.drain("other") == []


def test_a_publish_is_one_commit() -> None:
    room = Newsroom()
    room.topic(counted=True, days=1)
    for queue in ("a", "b"):
        room.driver.declare(queue)
        room.subscribe(queue)
    room.driver.settle_down()
    before = room.driver.broker.core.last_position
    room.publish("text", identifier="id")
    assert room.driver.broker.core.last_position == before + 1
    # Nothing of one that was not durable is there after a crash.
    access = room.driver.access.notices
    access.publish(access.topic_to_fill(NAME), room.notice("lost"))
    room.driver.broker.end_turn()
    room.crash()
    assert room.drain("a") == ["text"] and room.drain("b") == ["text"]


def test_topics_and_subscriptions_survive() -> None:
    room = Newsroom()
    room.topic(counted=True)
    room.driver.declare("q")
    room.subscribe("q", policy='{"kind": [{"prefix": "a"}]}', dead="d")
    assert room.publish("1", kind="ab") == ("m1", 1)
    for again in (room.crash, room.restart, room.crash):
        again()
        access = room.driver.access.notices
        topic = access.topic(NAME)
        assert (topic.attributes, topic.tags, topic.counted) == ({"A": "a"}, {"t": "v"}, True)
        found = access.subscription("id-q")
        assert (found.protocol, found.endpoint, found.queue, found.dead_letters) == ("sqs", "arn:q", "q", "d")
        assert found.confirmed and list(topic.subscriptions) == ["id-q"]
    assert room.publish("2", kind="b") == ("m2", 2)
    assert room.publish("3", kind="a") == ("m3", 3)
    assert room.drain("q") == ["1", "3"]
    room.driver.access.notices.remove_subscription("id-q")
    room.driver.settle_down()
    room.crash()
    assert room.driver.access.notices.subscriptions() == []
    room.driver.access.notices.remove_topic(NAME)
    room.driver.settle_down()
    room.restart()
    assert room.driver.access.notices.topics() == []


def test_a_structured_notice_has_a_text_per_protocol() -> None:
    room = Newsroom()
    topic = room.topic()
    room.driver.declare("q")
    room.subscribe("q")
    notice = room.notice("for all")
    notice.structured = {"default": "for all", "sqs": "for queues"}
    room.driver.access.notices.publish(topic, notice)
    room.driver.settle_down()
    assert room.drain("q") == ["for queues"]


def test_a_deduplication_id_counts_for_the_window_and_across_restarts() -> None:
    room = Newsroom()
    room.topic(counted=True)
    room.driver.declare("q")
    room.subscribe("q")
    assert room.publish("1", identifier="x") == ("m1", 1)
    assert room.publish("2", identifier="x") == ("m1", 1)
    room.crash()
    assert room.publish("3", identifier="x") == ("m1", 1)
    room.driver.pass_time(300_001)
    assert room.publish("4", identifier="x") == ("m4", 2)
    assert room.drain("q") == ["1", "4"]


def test_a_queue_remembers_ids_of_its_own() -> None:
    room = Newsroom()
    settings = QueueSettings()
    settings.grouping = "strict"
    room.driver.declare("q", settings)
    for name in ("a", "b"):
        room.topic(name)
    room.subscribe("q", topic="a")
    other = Subscription("id-b", room.driver.access.notices.topic("b"), "sqs", "arn:q")
    other.queue = "q"
    other.confirmed = True
    room.driver.access.notices.save_subscription(other)
    room.publish("1", topic="a", identifier="x")
    room.publish("2", topic="b", identifier="x")
    found = room.driver.queue("q").message_count()
    assert found == 1


def test_what_no_queue_takes_goes_to_the_dead_letters() -> None:
    room = Newsroom()
    room.topic()
    full = QueueSettings()
    full.length_max = 1
    full.overflow = REJECT_PUBLISH
    room.driver.declare("full", full)
    room.driver.declare("dead")
    room.subscribe("full", dead="dead")
    room.subscribe("missing", dead="dead")
    room.subscribe("lost")
    room.publish("1")
    room.publish("2")
    assert room.drain("dead") == ["1 died: no queue", "2 died: queue full", "2 died: no queue"]
    assert room.drain("full") == ["1"]


def test_nobody_gets_anything_before_it_is_confirmed_and_nobody_waits_for_ever() -> None:
    room = Newsroom()
    topic = room.topic()
    access = room.driver.access.notices
    for number in (1, 2):
        found = Subscription(f"s{number}", topic, "http", "http://there")
        found.token = f"token{number}"
        access.save_subscription(found)
    room.publish("early")
    assert access.subscription("s1").outgoing is not None
    assert access.find_by_token("nonsense") is None
    confirmed = access.find_by_token("token1")
    assert confirmed is not None and confirmed.id == "s1"
    access.confirmed(confirmed)
    assert access.find_by_token("token1") is confirmed
    room.publish("late")
    assert room.courier.texts() == ["late"]
    room.courier.parcels.pop().delivered()
    room.driver.pass_time(TOKEN_MS)
    assert [each.id for each in room.driver.access.notices.subscriptions()] == ["s1"]
    assert room.driver.access.notices.find_by_token("token2") is None
    room.crash()
    waiting = room.driver.access.notices.subscription("s1").outgoing
    assert waiting is not None and waiting.message_count() == 0
    # No name leads to that queue.
    assert waiting.name not in room.driver.broker.catalog.namespaces["/"].queues
    logs = len(room.driver.broker.catalog.logs)
    room.driver.access.notices.remove_topic(NAME)
    room.driver.settle_down()
    assert len(room.driver.broker.catalog.logs) == logs - 1
    room.restart()
    assert len(room.driver.broker.catalog.logs) == logs - 1


def test_a_replay_gives_what_was_kept_and_goes_on_with_what_is_new() -> None:
    room = Newsroom()
    room.topic(counted=True, days=1)
    for number in range(5):
        room.publish(f"{number}")
        room.driver.pass_time(1000)
    room.driver.declare("q")
    found = room.subscribe("q")
    start = room.driver.now_ms - 3000
    room.driver.access.notices.replay(found, start, 0)
    # Published before the replay has begun: it comes in its order.
    room.publish("new")
    room.driver.pass_time(1000)
    assert not found.follows_archive()
    room.publish("live")
    assert room.drain("q") == ["2 again", "3 again", "4 again", "new again", "live"]


def test_a_replay_with_an_end_leaves_what_is_new_alone() -> None:
    room = Newsroom()
    room.topic(days=1)
    for number in range(4):
        room.publish(f"{number}")
        room.driver.pass_time(1000)
    room.driver.declare("q")
    found = room.subscribe("q")
    start = room.driver.now_ms - 4000
    room.driver.access.notices.replay(found, start, start + 1000)
    room.driver.pass_time(1000)
    room.publish("live")
    assert room.drain("q") == ["0 again", "1 again", "live"]


@pytest.mark.parametrize("clean", [True, False])
def test_a_replay_goes_on_after_a_restart_where_it_was(clean: bool) -> None:
    room = Newsroom(EngineSettings(dispatch_per_turn=100))
    room.topic(days=1)
    for number in range(450):
        room.driver.broker.begin_turn(room.driver.now_ms)
        access = room.driver.access.notices
        access.publish(access.topic_to_fill(NAME), room.notice(f"{number}"))
    room.driver.settle_down()
    room.driver.declare("q")
    room.driver.settle_down()
    found = room.subscribe("q")
    room.driver.access.notices.replay(found, 0, 0)
    for _ in range(4):
        room.driver.turn()
    got = int(room.driver.queue("q").message_count())
    assert 0 < got < 450
    if clean:
        room.restart()
    else:
        room.crash()
    room.driver.pass_time(10_000)
    assert room.drain("q") == [f"{number} again" for number in range(450)]
    assert room.driver.access.notices.subscription("id-q").replay_next == -1


def test_an_archive_goes_and_its_replays_with_it() -> None:
    room = Newsroom()
    topic = room.topic(days=1)
    room.publish("1")
    room.driver.declare("q")
    found = room.subscribe("q")
    access = room.driver.access.notices
    access.replay(found, 0, 0)
    topic.archive_days = 0
    access.save_topic(topic)
    room.driver.pass_time(1000)
    room.publish("2")
    assert room.drain("q") == ["2"]
    with pytest.raises(Refusal) as caught:
        access.replay(found, 0, 0)
    assert caught.value.reason == Reason.NOT_FOUND
    room.crash()
    assert room.driver.access.notices.topic(NAME).archive is None


def test_a_bad_policy_is_refused() -> None:
    room = Newsroom()
    room.topic()
    with pytest.raises(PolicyError):
        room.subscribe("q", policy='{"k": "v"}')
    assert room.driver.access.notices.subscriptions() == []


def test_rights() -> None:
    room = Newsroom()
    room.topic()
    room.driver.declare("q")
    room.subscribe("q")

    def access(configure: str, write: str, read: str) -> object:
        rights = Rights(NamePattern(configure), NamePattern(write), NamePattern(read))
        return room.driver.new_access(rights).notices

    def denied(call: object, *arguments: object) -> bool:
        assert callable(call)
        try:
            call(*arguments)
        except Refusal as refusal:
            return refusal.reason == Reason.ACCESS_DENIED
        return False

    from onemq.engine.notices.access import NoticeAccess

    reader = access("", "", "^news$")
    writer = access("", "^news$", "")
    owner = access("^news$", "", "")
    assert (
        isinstance(reader, NoticeAccess)
        and isinstance(writer, NoticeAccess)
        and isinstance(owner, NoticeAccess)
    )
    assert not denied(reader.topic, NAME) and not denied(reader.subscription, "id-q")
    assert denied(reader.topic_to_fill, NAME) and denied(reader.topic_to_change, NAME)
    assert denied(reader.remove_topic, NAME) and denied(reader.remove_subscription, "id-q")
    assert not denied(writer.topic_to_fill, NAME) and denied(writer.topic, NAME)
    assert writer.topics() == [] and writer.subscriptions() == []
    assert [topic.name for topic in owner.topics()] == [NAME]
    # Who may not write into a queue may not have others do it.
    found = Subscription("mine", owner.topic(NAME), "sqs", "arn:q")
    found.queue = "q"
    assert denied(owner.save_subscription, found)
    with pytest.raises(Refusal) as caught:
        owner.subscription("nonsense")
    assert caught.value.reason == Reason.NOT_FOUND


def test_the_key_is_kept() -> None:
    room = Newsroom()
    assert room.driver.access.notices.key_text() == ""
    room.driver.access.notices.keep_key("secret")
    room.driver.settle_down()
    for again in (room.crash, room.restart):
        again()
        assert room.driver.access.notices.key_text() == "secret"


def test_a_notice_in_an_archive_is_as_it_was() -> None:
    notice = Notice("id", "text", 5, "http://here")
    notice.structured = {"default": "text", "sqs": "other"}
    notice.subject = "subject"
    notice.group = "g"
    notice.deduplication_id = "d"
    notice.sequence = 7
    notice.attributes = [NoticeAttribute("b", "Binary", "", b"\x00\xff"), NoticeAttribute("s", "String", "v")]
    again = from_bytes(to_bytes(notice))
    for name in (
        "message_id",
        "text",
        "time_ms",
        "origin",
        "structured",
        "subject",
        "group",
        "deduplication_id",
    ):
        assert getattr(again, name) == getattr(notice, name)
    assert again.sequence == 7 and again.text_for("sqs") == "other" and again.text_for("http") == "text"
    assert [(each.name, each.kind, each.text, each.octets) for each in again.attributes] == [
        ("b", "Binary", "", b"\x00\xff"),
        ("s", "String", "v", None),
    ]


# What a courier takes.


def test_a_parcel_is_delivered_once() -> None:
    room = Newsroom()
    room.topic()
    room.subscribe_endpoint()
    room.publish("1")
    assert room.courier.texts() == ["1"] and room.courier.parcels[0].attempts == 1
    for _ in range(2):
        room.courier.parcels[0].delivered()
    room.courier.parcels[0].lost("late")
    room.driver.pass_time(LONG_MS)
    assert room.courier.texts() == ["1"]
    room.crash()
    room.driver.pass_time(LONG_MS)
    assert room.courier.parcels == []


def test_another_try_comes_when_it_is_due_also_after_a_crash() -> None:
    room = Newsroom()
    room.topic()
    room.subscribe_endpoint()
    room.publish("1")
    room.courier.parcels.pop().again(7000)
    room.driver.pass_time(6999)
    assert room.courier.parcels == []
    room.driver.pass_time(1)
    parcel = room.courier.parcels.pop()
    assert parcel.attempts == 2
    parcel.again(7000)
    room.driver.settle_down()
    room.crash()
    room.driver.pass_time(6999)
    assert room.courier.parcels == []
    room.driver.pass_time(1)
    assert [parcel.attempts for parcel in room.courier.parcels] == [3]


def test_what_was_on_its_way_when_the_power_failed_comes_back() -> None:
    room = Newsroom()
    room.topic()
    room.subscribe_endpoint()
    room.publish("1")
    assert len(room.courier.parcels) == 1
    for attempts, end in ((2, room.crash), (3, room.restart), (4, room.crash)):
        end()
        assert [(parcel.attempts, parcel.record.value) for parcel in room.courier.parcels] == [
            (attempts, b"1")
        ]
    # Nothing but its end ends it.
    room.driver.pass_time(LONG_MS)
    assert len(room.courier.parcels) == 1
    room.courier.parcels.pop().again(10)
    room.driver.pass_time(10)
    assert [parcel.attempts for parcel in room.courier.parcels] == [5]


def test_what_is_lost_goes_to_the_dead_letters() -> None:
    room = Newsroom()
    room.topic()
    room.driver.declare("dead")
    room.subscribe_endpoint(dead="dead")
    room.publish("1")
    room.courier.parcels[0].lost("HTTP status 404")
    room.driver.settle_down()
    assert room.drain("dead") == ["1 died: HTTP status 404"]


def test_a_courier_has_so_many_parcels_of_a_subscription_at_a_time() -> None:
    room = Newsroom()
    room.topic()
    room.subscribe_endpoint()
    for number in range(3 * PARCELS_MAX):
        room.publish(str(number))
    assert room.courier.texts() == [str(number) for number in range(PARCELS_MAX)]
    for parcel in list(room.courier.parcels):
        parcel.delivered()
    room.driver.settle_down()
    assert len(room.courier.parcels) == 2 * PARCELS_MAX


def test_who_leaves_gets_a_farewell_and_may_come_back() -> None:
    room = Newsroom()
    room.topic()
    found = room.subscribe_endpoint()
    for number in range(PARCELS_MAX + 5):
        room.publish(str(number))
    access = room.driver.access.notices
    found.token = "new"
    access.leave(found, Record(b"farewell", NO_ADDRESS))
    for parcel in list(room.courier.parcels):
        parcel.delivered()
    room.driver.settle_down()
    assert room.courier.texts()[PARCELS_MAX:] == ["farewell"]
    room.courier.parcels[-1].delivered()
    room.publish("not for them")
    assert access.find_by_token("token") is None
    room.crash()
    access = room.driver.access.notices
    assert access.find_by_token("token") is None
    again = access.find_by_token("new")
    assert again is not None and again.id == "web"
    access.confirmed(again)
    room.publish("back")
    assert room.courier.texts() == ["back"]
    access.leave(again, None)
    room.driver.settle_down()
    assert access.subscriptions() == []


def test_a_parcel_of_a_subscription_that_has_gone_is_ended_without_effect() -> None:
    room = Newsroom()
    room.topic()
    room.subscribe_endpoint()
    room.publish("1")
    room.driver.access.notices.remove_subscription("web")
    room.courier.parcels[0].again(5)
    room.driver.pass_time(LONG_MS)
    assert len(room.courier.parcels) == 1
