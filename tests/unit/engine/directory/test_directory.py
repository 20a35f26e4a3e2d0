"""What concerns several parts: guest and how it goes, passwords and their SCRAM credentials, what a deleted user takes along."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.access import Access
from onemq.engine.credentials import HASHES
from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.directory import Directory, DirectoryListener
from onemq.engine.directory.namespaces import NamespaceRecord
from onemq.engine.directory.policies import Policy
from onemq.engine.directory.records import UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.groups.group import Membership
from onemq.engine.groups.offsets import Commit
from onemq.engine.settings import EngineSettings
from onemq.engine.share.group import ShareBeat
from onemq.engine.topics.config import TopicConfig
from onemq.model.demand import Demand
from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.passwords import parse_hash
from onemq.model.principal import Principal
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import all_rights


class Gone(DirectoryListener):
    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []

    def user_removed(self, name: str) -> None:
        self.told.append(("user", name))

    def namespace_removed(self, name: str) -> None:
        self.told.append(("namespace", name))


def with_guest(configured: list[UserRecord] | None = None) -> EngineSettings:
    return EngineSettings(directory=DirectorySettings(configured, guest=not configured))


def directory_of(driver: Driver) -> Directory:
    return driver.broker.directory


def names(driver: Driver) -> list[str]:
    return [user.name for user in directory_of(driver).users.all()]


def test_a_new_broker_has_guest_who_may_everything() -> None:
    driver = Driver(with_guest())
    for end in (driver.restart, driver.crash):
        guest = directory_of(driver).users.find("guest")
        assert guest is not None and guest.tags == ["administrator"]
        assert parse_hash(guest.password_hash).matches("guest")
        rights = directory_of(driver).permissions.rights("guest", "/")
        assert (
            rights is not None and rights.may_configure("x") and rights.may_write("") and rights.may_read("x")
        )
        driver.settle_down()
        end()
    assert names(driver) == ["guest"]


def test_guest_does_not_come_back_once_deleted() -> None:
    driver = Driver(with_guest())
    directory_of(driver).remove_user("guest")
    driver.settle_down()
    for end in (driver.restart, driver.crash):
        end()
        assert names(driver) == []
        assert directory_of(driver).permissions.rights("guest", "/") is None


def test_users_in_the_settings_replace_guest_until_they_go() -> None:
    driver = Driver(with_guest())
    driver.settle_down()
    driver.settings = with_guest([UserRecord("shop", "h", [], configured=True)])
    driver.restart()
    assert names(driver) == ["shop"] and directory_of(driver).permissions.all() == []
    driver.settings = with_guest()
    driver.restart()
    assert names(driver) == ["guest"]


def test_a_guest_that_was_changed_is_a_user_like_others() -> None:
    driver = Driver(with_guest())
    directory_of(driver).store_password(UserRecord("guest", "", []), directory_of(driver).new_password("own"))
    driver.settle_down()
    driver.settings = with_guest([UserRecord("shop", "h", [], configured=True)])
    driver.restart()
    assert names(driver) == ["guest", "shop"]


TAKES: list[Callable[[DirectoryAccess], object]] = [
    lambda admin: admin.put_user("guest", []),
    lambda admin: admin.clear_permission("/", "guest"),
    lambda admin: admin.set_permission("/", "guest", ".*", "", ""),
]


def test_what_was_taken_from_guest_does_not_come_back() -> None:
    for take in TAKES:
        driver = Driver(with_guest())
        take(driver.broker.access(Principal("root", ["administrator"]), "/", all_rights()).directory)
        driver.settle_down()
        for configured in ([UserRecord("shop", "h", [], configured=True)], None):
            driver.settings = with_guest(configured)
            driver.restart()
        guest, rights = (
            directory_of(driver).users.find("guest"),
            directory_of(driver).permissions.rights("guest", "/"),
        )
        assert guest is not None and (not guest.tags or rights is None or not rights.may_write("x"))


def test_no_guest_where_others_are() -> None:
    driver = Driver()
    directory_of(driver).users.store(UserRecord("a", "", []))
    driver.settle_down()
    driver.settings = with_guest()
    driver.restart()
    assert names(driver) == ["a"]


def test_a_password_makes_credentials_and_a_hash_unmakes_them() -> None:
    driver = Driver()
    credentials = driver.broker.catalog.administration.credentials
    user = UserRecord("a", "", [])
    directory_of(driver).store_password(user, directory_of(driver).new_password("pässword"))
    assert parse_hash(user.password_hash).matches("pässword")
    assert sorted(credentials.of_user("a")) == sorted(HASHES)
    directory_of(driver).store_hash(UserRecord("a", user.password_hash, []))
    assert credentials.of_user("a") == {}


def test_a_deleted_user_takes_everything_along() -> None:
    driver = Driver()
    directory = directory_of(driver)
    gone = Gone()
    directory.listeners.append(gone)
    directory.store_password(UserRecord("a", "", []), directory.new_password("p"))
    directory.permissions.grant("a", "/", ".*", ".*", ".*")
    directory.permissions.grant_topic("a", "/", "amq.topic", "^a", "^b")
    directory.limits.set("user", "a", {"max-channels": 3})
    held = directory.permissions.rights("a", "/")
    generation = driver.access.generation()
    directory.remove_user("a")
    assert held is not None and not held.may_read("x")
    assert driver.access.generation() > generation and gone.told == [("user", "a")]
    driver.settle_down()
    for end in (driver.restart, driver.crash):
        end()
        directory = directory_of(driver)
        assert names(driver) == [] and directory.permissions.all() == []
        assert directory.permissions.all_topics() == [] and directory.limits.all("user") == {}
        assert driver.broker.catalog.administration.credentials.of_user("a") == {}


def test_a_deleted_namespace_takes_everything_along() -> None:
    driver = Driver()
    directory = directory_of(driver)
    gone = Gone()
    directory.listeners.append(gone)
    catalog = driver.broker.catalog
    for round_number in range(2):
        directory.add_namespace(NamespaceRecord("shop", "x"))
        directory.permissions.grant("a", "shop", ".*", ".*", ".*")
        directory.limits.set("namespace", "shop", {"max-queues": 100})
        directory.parameters.set("shop", "c", "n", 1)
        directory.set_policy(Policy("shop", "p", ".*", {"max-length": 9}))
        access = driver.new_access(namespace="shop")
        sink = RecordingSink()
        fill(access, sink)
        driver.settle_down()
        directory.remove_namespace("shop")
        assert gone.told.pop() == ("namespace", "shop") and sink.ended == [("tag", "deleted")]
        with pytest.raises(Refusal) as caught:
            access.queues.declare("late", QueueSettings())
        assert caught.value.reason == Reason.NAMESPACE_DENIED
        access.close()
        driver.settle_down()
        if round_number:
            driver.crash()
        else:
            driver.restart()
        directory, catalog = directory_of(driver), driver.broker.catalog
        directory.listeners.append(gone)
        assert list(catalog.namespaces) == ["/"] and not catalog.logs
        assert directory.permissions.all() == [] and directory.limits.all("namespace") == {}
        assert directory.parameters.all() == [] and catalog.policies.all("", False) == []
        assert directory.namespaces.find("shop").description == ""
        broker = driver.broker
        assert not broker.groups.groups and not broker.shares.groups and not broker.shares.shares
        assert (
            broker.transactions.all("shop") == [] and not broker.notices.topics and not catalog.topics.by_id
        )


def fill(access: Access, sink: RecordingSink) -> None:
    """One of everything in its namespace."""
    access.queues.declare("q", QueueSettings())
    delayed = ExchangeSettings("direct")
    delayed.delayed = True
    access.exchanges.declare("delayed", delayed)
    access.exchanges.bind_queue("q", "delayed", "k", {})
    access.exchanges.bind_queue("q", "amq.topic", "k", {})
    route = access.route("", "q")
    access.publish(route, Record(b"x", route.address))
    access.consume("q", sink, "tag", Demand(), None, no_ack=False, exclusive=False, arguments={})
    catalog = access.catalog
    space = catalog.namespaces[access.namespace]
    topic = catalog.topics.create(space, "t", 2, TopicConfig({}))
    access.queues.declare("t", QueueSettings())
    access.groups.commit("g", Membership(), [Commit("t", 0, 0)], modern=True)
    access.shares.heartbeat("s", ShareBeat("A" * 22, 0, ["t"]))
    access.transactions.initialise("tx", 60_000)
    access.notices.save_topic(access.notices.new_topic("notices", {}, {}))
    assert topic.partitions
