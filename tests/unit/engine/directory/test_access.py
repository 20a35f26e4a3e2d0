"""The way to the directory: tags decide, the settings win, names are checked, everything is noted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Driver
from onemq.engine.access import Access
from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.ports import Act, Auditor
from onemq.engine.settings import EngineSettings
from onemq.model.passwords import hash_password
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import no_rights

Call = Callable[[DirectoryAccess], object]


class Notes(Auditor):
    def __init__(self) -> None:
        self.acts: list[Act] = []

    def note(self, act: Act) -> None:
        self.acts.append(act)


def access_of(driver: Driver, *tags: str, name: str = "me") -> Access:
    return driver.broker.access(Principal(name, list(tags)), "/", no_rights())


def directory_of(driver: Driver, *tags: str, name: str = "me") -> DirectoryAccess:
    return access_of(driver, *tags, name=name).directory


def refused(call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    return caught.value


def configured() -> Driver:
    users = [UserRecord("shop", "h", [], {"K": "s"}, configured=True)]
    permissions = [PermissionRecord("shop", "/", ".*", ".*", ".*", configured=True)]
    return Driver(EngineSettings(directory=DirectorySettings(users, permissions)))


ADMINISTRATORS: list[Call] = [
    lambda directory: directory.users(),
    lambda directory: directory.user("shop"),
    lambda directory: directory.put_user("x", []),
    lambda directory: directory.delete_user("shop"),
    lambda directory: directory.set_access_key("shop", "A", "s"),
    lambda directory: directory.remove_access_key("shop", "A"),
    lambda directory: directory.permissions(),
    lambda directory: directory.permission("/", "shop"),
    lambda directory: directory.set_permission("/", "shop", "", "", ""),
    lambda directory: directory.clear_permission("/", "shop"),
    lambda directory: directory.topic_permissions(),
    lambda directory: directory.set_topic_permission("/", "shop", "x", "", ""),
    lambda directory: directory.clear_topic_permissions("/", "shop"),
    lambda directory: directory.put_namespace("x"),
    lambda directory: directory.user_limits(),
    lambda directory: directory.set_user_limit("shop", "max-channels", 1),
    lambda directory: directory.clear_user_limit("shop", "max-channels"),
    lambda directory: directory.set_namespace_limit("/", "max-queues", 1),
    lambda directory: directory.clear_namespace_limit("/", "max-queues"),
    lambda directory: directory.set_operator_policy("/", "p", ".*", {"max-length": 1}),
    lambda directory: directory.delete_operator_policy("/", "p"),
]
POLICYMAKERS: list[Call] = [
    lambda directory: directory.parameters("/"),
    lambda directory: directory.set_parameter("/", "c", "n", 1),
    lambda directory: directory.clear_parameter("/", "c", "n"),
    lambda directory: directory.global_parameters(),
    lambda directory: directory.set_global_parameter("n", 1),
    lambda directory: directory.clear_global_parameter("n"),
    lambda directory: directory.set_policy("/", "p", ".*", {"max-length": 1}),
    lambda directory: directory.delete_policy("/", "p"),
]


@pytest.mark.parametrize("call", ADMINISTRATORS)
def test_administrators_only(call: Call) -> None:
    driver = configured()
    for tags in ([], ["management"], ["policymaker"], ["monitoring"]):
        refusal = refused(lambda tags=tags: call(directory_of(driver, *tags)))  # type: ignore[misc]
        assert (refusal.reason, refusal.wanted) == (Reason.ACCESS_DENIED, "administrator"), tags


@pytest.mark.parametrize("call", POLICYMAKERS)
def test_policymakers_where_they_may_enter(call: Call) -> None:
    driver = configured()
    for tags in ([], ["management"], ["monitoring"]):
        refusal = refused(lambda tags=tags: call(directory_of(driver, *tags, name="shop")))  # type: ignore[misc]
        assert (refusal.reason, refusal.wanted) == (Reason.ACCESS_DENIED, "policymaker"), tags
    owner = directory_of(driver, "policymaker", name="shop")
    owner.set_parameter("/", "c", "n", 1)
    owner.set_global_parameter("n", 1)
    owner.set_policy("/", "p", ".*", {"max-length": 1})
    call(owner)


def test_policymakers_may_nothing_elsewhere() -> None:
    stranger = directory_of(configured(), "policymaker")
    for call in (POLICYMAKERS[0], POLICYMAKERS[1], POLICYMAKERS[6], POLICYMAKERS[7]):
        refusal = refused(lambda call=call: call(stranger))  # type: ignore[misc]
        assert (refusal.reason, refusal.entity_kind) == (Reason.ACCESS_DENIED, "namespace")


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


def test_limits() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    admin.put_user("a", [])
    admin.set_user_limit("a", "max-channels", 5)
    admin.set_user_limit("a", "max-connections", -1)
    admin.set_namespace_limit("/", "max-queues", 5)
    assert admin.user_limits() == {"a": {"max-channels": 5, "max-connections": -1}}
    assert directory_of(driver, name="a").user_limits("a") == admin.user_limits("a")
    assert directory_of(driver, "monitoring").namespace_limits() == {"/": {"max-queues": 5}}
    assert directory_of(driver).namespace_limits() == {}
    assert refused(lambda: directory_of(driver).namespace_limits("/")).reason == Reason.ACCESS_DENIED
    admin.clear_user_limit("a", "max-connections")
    admin.clear_user_limit("a", "max-connections")
    admin.clear_namespace_limit("/", "max-queues")
    assert admin.user_limits("a") == {"a": {"max-channels": 5}} and admin.namespace_limits("/") == {}
    refusal = refused(lambda: admin.set_user_limit("a", "max-queues", 1))
    assert (refusal.reason, refusal.detail) == (
        Reason.INVALID,
        'Unrecognised terms [{<<"max-queues">>,1}] in user-limits',
    )
    refusal = refused(lambda: admin.set_user_limit("a", "max-channels", "x"))
    assert refusal.detail == 'max-channels should be a number, actually was <<"x">>'
    refusal = refused(lambda: admin.set_namespace_limit("/", "max-queues", "1"))
    assert refusal.detail == ('Validation failed\n\nmax-queues should be a number, actually was <<"1">>\n')
    refusal = refused(lambda: admin.set_namespace_limit("/", "foo", True))
    assert refusal.detail == 'Validation failed\n\nUnrecognised terms [{<<"foo">>,true}] in limits\n'
    assert refused(lambda: admin.set_user_limit("no", "max-channels", 1)).reason == Reason.NOT_FOUND


def test_parameters() -> None:
    admin = directory_of(Driver(), "administrator")
    admin.set_parameter("/", "shovel", "s", {"a": 1})
    admin.set_operator_policy("/", "o", ".*", {"max-length": 1})
    admin.set_parameter("/", "operator_policy", "o2", {"pattern": "^a", "definition": {"expires": 5}})
    admin.set_parameter("/", "vhost-limits", "limits", {"max-queues": 7})
    assert [(found.component, found.name) for found in admin.parameters("/")] == [
        ("shovel", "s"),
        ("operator_policy", "o"),
        ("operator_policy", "o2"),
        ("vhost-limits", "limits"),
    ]
    assert admin.parameter("/", "vhost-limits", "limits").value == {"max-queues": 7}
    assert admin.parameter("/", "operator_policy", "o2").value == {
        "pattern": "^a",
        "definition": {"expires": 5},
        "priority": 0,
        "apply-to": "all",
    }
    assert admin.operator_policy("/", "o2").definition == {"expires": 5}
    for component, name in (("shovel", "s"), ("operator_policy", "o"), ("vhost-limits", "limits")):
        admin.clear_parameter("/", component, name)
    assert [found.name for found in admin.parameters()] == ["o2"]
    assert refused(lambda: admin.clear_parameter("/", "shovel", "s")).reason == Reason.NOT_FOUND
    assert refused(lambda: admin.parameter("/", "shovel", "s")).reason == Reason.NOT_FOUND
    refusal = refused(lambda: admin.set_parameter("/", "policy", "p", {}))
    assert (refusal.reason, refusal.detail) == (
        Reason.INVALID,
        "policies may not be set using this method",
    )
    assert refused(lambda: admin.set_parameter("/", "vhost-limits", "limits", 5)).reason == Reason.INVALID
    admin.set_global_parameter("cluster_name", "here")
    assert admin.global_parameter("cluster_name").value == "here" == admin.cluster_name()
    admin.clear_global_parameter("cluster_name")
    assert refused(lambda: admin.global_parameter("cluster_name")).reason == Reason.NOT_FOUND


def test_policies() -> None:
    driver = Driver()
    admin = directory_of(driver, "administrator")
    assert admin.set_policy("/", "p", "^a", {"max-length": 1}, 3, "queues") is True
    assert admin.set_policy("/", "p", "^b", {"max-length": 1}) is False
    assert admin.set_operator_policy("/", "p", "^c", {"max-length": 1}) is True
    assert [policy.pattern for policy in admin.policies()] == ["^b"]
    assert admin.policy("/", "p").apply_to == "all" and admin.operator_policy("/", "p").pattern == "^c"
    assert directory_of(driver, "monitoring").policies("/")[0].name == "p"
    assert directory_of(driver, "management").policies() == []
    assert refused(lambda: admin.set_policy("/", "", "^a", {"max-length": 1})).reason == Reason.INVALID
    assert refused(lambda: admin.set_policy("no", "p", "^a", {"max-length": 1})).reason == Reason.NOT_FOUND
    admin.delete_policy("/", "p")
    admin.delete_operator_policy("/", "p")
    assert refused(lambda: admin.delete_policy("/", "p")).entity_kind == "policy"
    assert refused(lambda: admin.policy("/", "p")).reason == Reason.NOT_FOUND


def test_acts_are_noted_without_secrets() -> None:
    driver = Driver()
    notes = Notes()
    driver.broker.core.auditor = notes
    admin = directory_of(driver, "administrator")
    admin.put_user("a", ["x"], password=admin.new_password("secret-word"))
    admin.set_access_key("a", "AK", "secret-word")
    admin.set_policy("/", "p", "^a", {"max-length": 1})
    refused(lambda: directory_of(driver).set_policy("/", "p", "^a", {"max-length": 1}))
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
