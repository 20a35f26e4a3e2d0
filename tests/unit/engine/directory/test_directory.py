"""What concerns several parts: guest and how it goes, passwords and their SCRAM credentials, what a deleted user takes along."""

from __future__ import annotations

from engine_driver import Driver
from onemq.engine.credentials import HASHES
from onemq.engine.directory.directory import Directory, DirectoryListener
from onemq.engine.directory.records import UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.settings import EngineSettings
from onemq.model.passwords import parse_hash


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
    directory_of(driver).store_password(UserRecord("guest", "", []), "own")
    driver.settle_down()
    driver.settings = with_guest([UserRecord("shop", "h", [], configured=True)])
    driver.restart()
    assert names(driver) == ["guest", "shop"]


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
    directory_of(driver).store_password(user, "pässword")
    assert parse_hash(user.password_hash).matches("pässword")
    assert sorted(credentials.of_user("a")) == sorted(HASHES)
    directory_of(driver).store_hash(UserRecord("a", user.password_hash, []))
    assert credentials.of_user("a") == {}


def test_a_deleted_user_takes_everything_along() -> None:
    driver = Driver()
    directory = directory_of(driver)
    gone = Gone()
    directory.listeners.append(gone)
    directory.store_password(UserRecord("a", "", []), "p")
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
