"""Users made at run time: kept over restarts, looked up behind those of the settings."""

from __future__ import annotations

from engine_driver import Driver
from onemq.engine.acls import CLUSTER, CLUSTER_NAME, DELETE, DESCRIBE, TOPIC
from onemq.engine.directory.records import UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.settings import EngineSettings
from onemq.model.principal import Principal
from onemq.model.rights import no_rights


def test_users_survive_and_their_keys_are_found() -> None:
    driver = Driver()
    for end in (driver.restart, driver.crash):
        users = driver.broker.directory.users
        users.store(UserRecord("a", "hash", ["x", "y"], {"K1": "s1", "K2": "s2"}))
        users.store(UserRecord("b", "", []))
        users.store(UserRecord("a", "other", ["z"], {"K2": "s3"}))
        driver.settle_down()
        users.remove("b")
        driver.settle_down()
        end()
        users = driver.broker.directory.users
        found = users.find("a")
        assert found is not None and users.find("b") is None
        assert (found.password_hash, found.tags, found.access_keys) == ("other", ["z"], {"K2": "s3"})
        assert users.key_owner("K2") == "a" and users.key_owner("K1") == ""
        assert [user.name for user in users.all()] == ["a"] and users.has_any()


def test_settings_win() -> None:
    configured = UserRecord("a", "of the settings", [], {"K": "s"}, configured=True)
    driver = Driver(EngineSettings(directory=DirectorySettings([configured])))
    users = driver.broker.directory.users
    users.store(UserRecord("a", "made", []))
    users.store(UserRecord("b", "made", []))
    assert users.find("a") is configured and users.find_added("a") is None
    assert [user.password_hash for user in users.all()] == ["of the settings", "made"]
    assert users.is_configured_key("K") and not users.is_configured_key("L")


def test_new_tags_hold_for_who_is_connected() -> None:
    driver = Driver()
    users = driver.broker.directory.users
    users.store(UserRecord("bob", "", ["administrator"]))
    found = users.find("bob")
    assert found is not None
    access = driver.broker.access(Principal("bob", found.tags), "/", no_rights())
    assert access.authority.allows(TOPIC, DELETE, "t") and access.directory.standing.is_administrator()
    users.store(UserRecord("bob", "", ["monitoring"]))
    assert (
        not access.authority.allows(TOPIC, DELETE, "t") and not access.directory.standing.is_administrator()
    )
    assert access.authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME)
    users.remove("bob")
    assert not access.authority.allows(CLUSTER, DESCRIBE, CLUSTER_NAME)
