"""The look-up of users: those of the settings before those of the directory, and only with the right password."""

from __future__ import annotations

from engine_driver import Driver
from onemq.auth.users import User, Users
from onemq.engine.directory.records import UserRecord
from onemq.model.passwords import hash_password


def test_only_the_right_password_of_a_known_user_fits() -> None:
    users = Users({"a": User("a", ["x"], hash_password("p", bytes(4))), "b": User("b", [], None)})
    found = users.authenticate("a", "p")
    assert found is not None and found.principal.name == "a" and found.principal.tags == ["x"]
    for name, password in (("a", "q"), ("a", ""), ("b", ""), ("b", "p"), ("c", "p"), ("", ""), ("c", "")):
        assert users.authenticate(name, password) is None, (name, password)


def test_an_empty_password_never_fits_even_where_it_was_hashed() -> None:
    users = Users({"a": User("a", [], hash_password("", bytes(4)))})
    assert users.authenticate("a", "") is None


def test_users_of_the_directory_are_found_as_they_stand() -> None:
    directory = Driver().broker.directory
    users = Users({"a": User("a", [], hash_password("settings", bytes(4)))}, directory)
    assert users.authenticate("b", "p") is None
    directory.store_password(UserRecord("a", "", []), directory.new_password("directory"))
    directory.store_password(UserRecord("b", "", ["x"], {"AKIA": "secret"}), directory.new_password("p"))
    assert users.authenticate("a", "settings") and not users.authenticate("a", "directory")
    found = users.authenticate("b", "p")
    assert found is not None and found.principal.tags == ["x"] and users.find("b") is found
    assert users.find_access_key("AKIA") == (found, "secret")
    directory.store_password(UserRecord("b", "", []), directory.new_password("q"))
    assert users.authenticate("b", "p") is None and users.authenticate("b", "q") is not None
    assert users.find_access_key("AKIA") is None
    directory.remove_user("b")
    assert users.find("b") is None and users.authenticate("b", "q") is None


def test_default_guest() -> None:
    directory = Driver().broker.directory
    users = Users({}, directory)
    assert not users.has_default_guest()
    directory.store_password(UserRecord("guest", "", []), directory.new_password("guest"))
    assert users.has_default_guest()
    guest = users.find("guest")
    assert guest is not None and guest.loopback_only and guest.scram is not None
    directory.store_password(UserRecord("guest", "", []), directory.new_password("other"))
    assert not users.has_default_guest()
