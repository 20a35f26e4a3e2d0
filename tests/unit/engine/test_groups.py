"""Groups over the whole broker: who may do what, what administrators see, topics that go, restarts."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.access import Access
from onemq.engine.groups.classic_member import Joined, JoinRequest, JoinWaiter, Protocol, Synced, SyncWaiter
from onemq.engine.groups.consumer_member import Beat
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights


class Ends(JoinWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.result: Joined | None = None

    def joined(self, result: Joined) -> None:
        self.result = result


class SyncEnds(SyncWaiter):
    def __init__(self) -> None:
        super().__init__()
        self.result: Synced | None = None

    def synced(self, result: Synced) -> None:
        self.result = result


@pytest.fixture
def driver() -> Driver:
    made = Driver()
    made.access.topics.create("t", 2, {})
    made.settle_down()
    return made


def reader_of(driver: Driver, configure: str = "", read: str = "") -> Access:
    return driver.new_access(Rights(NamePattern(configure), NamePattern(""), NamePattern(read)))


def join(access: Access, group: str) -> Joined:
    end = Ends()
    request = JoinRequest(
        "", None, "client", "/127.0.0.1", 10_000, 10_000, "consumer", [Protocol("range", b"m")], False
    )
    access.groups.join(group, request, end)
    assert end.result is not None
    return end.result


def beat(access: Access, group: str, *, topics: list[str] | None = None, pattern: str | None = None) -> Beat:
    made = Beat("m", 0, "client", "/127.0.0.1")
    made.topics = topics
    made.pattern = pattern
    made.owned = {}
    made.rebalance_timeout_ms = 10_000
    return made


def reason(refusal: Refusal | None) -> Reason | None:
    return None if refusal is None else refusal.reason


def test_members_need_to_read_the_group(driver: Driver) -> None:
    access = reader_of(driver, read="^mine$")
    assert reason(join(access, "yours").refusal) == Reason.ACCESS_DENIED
    assert join(access, "mine").refusal is None
    end = SyncEnds()
    access.groups.sync("yours", Membership(1, "m"), None, None, {}, end)
    assert end.result is not None and reason(end.result.refusal) == Reason.ACCESS_DENIED
    for work in (
        lambda: access.groups.heartbeat("yours", Membership(1, "m")),
        lambda: access.groups.leave("yours", []),
        lambda: access.groups.commit("yours", Membership(), [], True),
        lambda: access.groups.commit_transactional("yours", 1, [], Membership()),
        lambda: access.groups.check_fetch("yours", "", -1),
        lambda: access.groups.describe_classic("yours"),
        lambda: access.groups.describe_consumer("yours"),
        lambda: access.groups.consumer_heartbeat("yours", beat(access, "yours", topics=["t"])),
        lambda: access.groups.delete("mine"),
        lambda: access.groups.delete_offsets("mine", []),
    ):
        with pytest.raises(Refusal) as caught:
            work()
        assert (caught.value.reason, caught.value.entity_kind) == (Reason.ACCESS_DENIED, "group")


def test_a_group_needs_a_name(driver: Driver) -> None:
    assert reason(join(driver.access, "").refusal) == Reason.GROUP_ID
    # Offsets may be kept under none.
    driver.access.groups.commit("", Membership(), [Commit("t", 0, 1)], True)
    assert driver.access.groups.committed("", "t", 0, False) is not None


def test_expressions_find_what_the_member_may_know_of(driver: Driver) -> None:
    driver.access.topics.create("secret", 1, {})
    access = reader_of(driver, read="^(t|g)$")
    answer = access.groups.consumer_heartbeat("g", beat(access, "g", pattern=".*"))
    topic = driver.access.topics.find("t")
    assert answer.assigned == {topic.topic_id: {0, 1}}
    with pytest.raises(Refusal) as caught:
        access.groups.consumer_heartbeat("g", beat(access, "g", topics=["secret"]))
    assert caught.value.entity_kind == "topic"


def test_lists_and_descriptions(driver: Driver) -> None:
    access = driver.access
    joined = join(access, "classic")
    access.groups.consumer_heartbeat("modern", beat(access, "modern", topics=["t"]))
    access.groups.commit("simple", Membership(), [Commit("t", 0, 1)], True)
    found = {one.name: (one.protocol_type, one.state, one.kind) for one in access.groups.list()}
    assert found == {
        "classic": ("consumer", "CompletingRebalance", "classic"),
        "modern": ("consumer", "Stable", "consumer"),
        "simple": ("", "Empty", "classic"),
    }
    assert [one.name for one in reader_of(driver, read="^simple$").groups.list()] == ["simple"]
    view = access.groups.describe_classic("classic")
    assert view.found and view.protocol == "" and view.members[0].metadata == b""
    end = SyncEnds()
    access.groups.sync("classic", Membership(1, joined.member_id), None, None, {joined.member_id: b"a"}, end)
    view = access.groups.describe_classic("classic")
    (member,) = view.members
    assert (view.state, view.protocol, member.metadata, member.assignment) == ("Stable", "range", b"m", b"a")
    assert (member.client_id, member.client_host) == ("client", "/127.0.0.1")
    assert not access.groups.describe_classic("modern").found
    assert not access.groups.describe_classic("none").found
    modern = access.groups.describe_consumer("modern")
    topic_id = access.topics.find("t").topic_id
    assert (modern.state, modern.epoch, modern.target_epoch, modern.assignor) == ("Stable", 1, 1, "uniform")
    assert modern.members[0].assigned == modern.members[0].target == [(topic_id, "t", [0, 1])]
    for name in ("classic", "none"):
        with pytest.raises(Refusal) as caught:
            access.groups.describe_consumer(name)
        assert caught.value.reason == Reason.NOT_FOUND


def test_offsets_go_with_their_topic_for_good(driver: Driver) -> None:
    driver.access.groups.commit("g", Membership(), [Commit("t", 0, 7)], True)
    driver.access.groups.commit_transactional("g", 5, [Commit("t", 1, 8)], Membership())
    driver.settle_down()
    with pytest.raises(Refusal) as caught:
        driver.access.groups.committed("g", "t", 1, True)
    assert caught.value.reason == Reason.UNSTABLE_OFFSET
    driver.restart()
    found = driver.access.groups.committed("g", "t", 0, True)
    assert found is not None and found.offset == 7
    assert driver.access.groups.committed_partitions("g") == {"t": [0]}
    driver.access.topics.delete(driver.access.topics.find("t"))
    driver.access.topics.create("t", 2, {})
    driver.settle_down()
    driver.restart()
    assert driver.access.groups.committed_partitions("g") == {}
    assert driver.access.groups.committed("g", "t", 1, True) is None


def test_members_outlive_a_restart_of_the_broker(driver: Driver) -> None:
    joined = join(driver.access, "g")
    driver.access.groups.sync("g", Membership(1, joined.member_id), None, None, {}, SyncEnds())
    driver.access.groups.consumer_heartbeat("modern", beat(driver.access, "modern", topics=["t"]))
    driver.settle_down()
    driver.restart()
    driver.access.groups.heartbeat("g", Membership(1, joined.member_id))
    again = Beat("m", 1)
    assert driver.access.groups.consumer_heartbeat("modern", again).epoch == 1
    driver.access.topics.add_partitions(driver.access.topics.find("t"), 3)
    grown = driver.access.groups.consumer_heartbeat("modern", again)
    assert grown.assigned is not None and list(grown.assigned.values()) == [{0, 1, 2}]
    driver.pass_time(10_000)
    with pytest.raises(Refusal) as caught:
        driver.access.groups.heartbeat("g", Membership(1, joined.member_id))
    assert caught.value.reason == Reason.UNKNOWN_MEMBER
