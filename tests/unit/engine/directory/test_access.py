"""The way to the directory: tags decide, the settings win, names are checked, everything is noted."""

from __future__ import annotations

from collections.abc import Callable

from engine_driver import Driver
from onemq.engine.ports import Act, Auditor
from onemq.model.passwords import hash_password
from onemq.model.refusal import Reason
from unit.engine.directory.ways import configured, directory_of, refused


class Notes(Auditor):
    def __init__(self) -> None:
        self.acts: list[Act] = []

    def note(self, act: Act) -> None:
        self.acts.append(act)


def test_users() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    assert admin.put_user("a", ["x"], password=admin.new_password("p")) is True
    assert admin.put_user("a", ["y"]) is False
    found = admin.user("a")
    assert found.tags == ["y"] and found.password_hash
    encoded = hash_password("q", bytes(4)).encoded()
    admin.put_user("a", [], password_hash=encoded)
    assert admin.user("a").password_hash == encoded
    admin.put_user("a", [], password_hash="")
    assert admin.user("a").password_hash == ""
    assert [user.name for user in admin.users()] == ["a"]
    admin.delete_user("a")
    assert refused(lambda: admin.user("a")).reason == Reason.NOT_FOUND
    assert refused(lambda: admin.delete_user("a")).reason == Reason.NOT_FOUND


def test_what_is_wrong_with_users() -> None:
    admin = directory_of(Driver(), "administrator")
    calls: list[Callable[[], object]] = [
        lambda: admin.put_user("", []),
        lambda: admin.put_user("a" * 256, []),
        lambda: admin.put_user("a\0b", []),
        lambda: admin.put_user("\udcff", []),
        lambda: admin.put_user("a", [], password=admin.new_password("p"), password_hash="h"),
        lambda: admin.put_user("a", [], password_hash="not a hash"),
        lambda: admin.put_user("a", ["t"] * 101),
    ]
    for call in calls:
        assert refused(call).reason == Reason.INVALID
    assert admin.users() == []


def test_access_keys() -> None:
    driver = configured()
    admin = directory_of(driver, "administrator")
    admin.put_user("a", [])
    admin.put_user("b", [])
    admin.set_access_key("a", "AK", "secret")
    assert admin.user("a").access_keys == {"AK": "secret"}
    assert refused(lambda: admin.set_access_key("b", "AK", "s")).reason == Reason.ALREADY_EXISTS
    assert refused(lambda: admin.set_access_key("b", "K", "s")).reason == Reason.ALREADY_EXISTS
    assert refused(lambda: admin.set_access_key("b", "", "s")).reason == Reason.INVALID
    admin.put_user("a", [], password=admin.new_password("p"))
    assert admin.user("a").access_keys == {"AK": "secret"}
    admin.remove_access_key("a", "AK")
    assert admin.user("a").access_keys == {}
    assert refused(lambda: admin.remove_access_key("a", "AK")).reason == Reason.NOT_FOUND


def test_what_stands_in_the_settings_cannot_be_changed() -> None:
    admin = directory_of(configured(), "administrator")
    calls: list[Callable[[], object]] = [
        lambda: admin.put_user("shop", []),
        lambda: admin.delete_user("shop"),
        lambda: admin.set_access_key("shop", "A", "s"),
        lambda: admin.set_permission("/", "shop", "", "", ""),
        lambda: admin.clear_permission("/", "shop"),
    ]
    for call in calls:
        refusal = refused(call)
        assert refusal.reason == Reason.NOT_SUPPORTED and "settings" in refusal.detail
    assert admin.user("shop").configured and admin.permission("/", "shop").configured
    # Elsewhere it may get some: a namespace of the directory is nobody's in the settings.
    admin.put_namespace("new")
    assert admin.set_permission("new", "shop", ".*", ".*", ".*")


def test_permissions() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    admin.put_user("a", [])
    assert admin.set_permission("/", "a", "^c", "^w", "^r") is True
    assert admin.set_permission("/", "a", "", "", "^r") is False
    assert [(found.user, found.read) for found in admin.permissions("/")] == [("a", "^r")]
    assert directory_of(driver, name="a").permissions(user="a")[0].namespace == "/"
    assert admin.permission("/", "a").write == ""
    assert admin.set_topic_permission("/", "a", "amq.topic", "^a", "^b") is True
    assert admin.set_topic_permission("/", "a", "x", "^a", "^b") is True
    assert [found.exchange for found in admin.topic_permissions("/", "a")] == ["amq.topic", "x"]
    admin.clear_topic_permissions("/", "a", "x")
    assert refused(lambda: admin.clear_topic_permissions("/", "a", "x")).reason == Reason.NOT_FOUND
    admin.clear_topic_permissions("/", "a")
    assert admin.topic_permissions() == []
    admin.clear_permission("/", "a")
    assert refused(lambda: admin.clear_permission("/", "a")).reason == Reason.NOT_FOUND
    assert refused(lambda: admin.permission("/", "a")).entity_kind == "permission"
    assert refused(lambda: admin.set_permission("no", "a", "", "", "")).entity_kind == "namespace"
    assert refused(lambda: admin.set_permission("/", "no", "", "", "")).entity_kind == "user"
    assert refused(lambda: admin.set_permission("/", "a", "(", "", "")).reason == Reason.INVALID


def test_namespaces_and_who_sees_them() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    admin.put_user("me", [])
    admin.put_user("a", [])
    assert admin.put_namespace("orders", "shop", ["t"]) is True
    assert admin.put_namespace("orders", "shop's", ["t"]) is False
    assert admin.namespace("orders").description == "shop's"
    assert admin.permission("orders", "me").configure == ".*"
    admin.set_permission("orders", "a", "", "", "")
    for tags, name, seen in (
        (["monitoring"], "x", ["/", "orders"]),
        (["management"], "a", ["orders"]),
        (["management"], "x", []),
    ):
        directory = directory_of(driver, *tags, name=name)
        assert [found.name for found in directory.namespaces()] == seen
    stranger = directory_of(driver, name="stranger")
    assert refused(lambda: stranger.namespace("orders")).reason == Reason.ACCESS_DENIED
    assert refused(lambda: admin.namespace("no")).reason == Reason.NOT_FOUND
    assert refused(lambda: admin.put_namespace("")).reason == Reason.INVALID
    assert refused(lambda: admin.put_namespace("x", default_queue_type="y")).reason == Reason.INVALID
    admin.put_namespace("orders", default_queue_type="quorum")
    assert admin.namespace("orders").default_queue_type == "quorum"
    admin.put_namespace("orders", default_queue_type="undefined")
    assert admin.namespace("orders").default_queue_type == ""


def test_acts_are_noted_without_secrets() -> None:
    driver = Driver()
    notes = Notes()
    driver.broker.core.auditor = notes
    admin = directory_of(driver, "administrator")
    admin.put_user("a", ["x"], password=admin.new_password("secret-word"))
    admin.set_access_key("a", "AK", "secret-word")
    admin.policies.set("/", "p", "^a", {"max-length": 1})
    refused(lambda: directory_of(driver).policies.set("/", "p", "^a", {"max-length": 1}))
    refused(lambda: directory_of(driver).delete_user("a"))
    assert [(act.action, act.kind, act.name, act.result) for act in notes.acts] == [
        ("create", "user", "a", "done"),
        ("alter", "user", "a", "done"),
        ("create", "policy", "p", "done"),
        ("alter", "policy", "p", "refused"),
        ("delete", "user", "a", "refused"),
    ]
    assert notes.acts[2].detail == "in /, '^a': max-length=1"
    assert not any("secret-word" in act.detail + act.reason for act in notes.acts)
