"""Who may begin, see and cancel redrives. What they do then is in test_redrive_movers.py."""

from __future__ import annotations

import pytest

from engine_driver import Driver
from onemq.engine.settings import EngineSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights


@pytest.mark.parametrize(
    ("write", "read", "destination", "allowed"),
    [
        ("^b$", "^a$", "b", True),
        ("^b$", "", "b", False),
        ("", "^a$", "b", False),
        ("", "^a$", None, True),
    ],
)
def test_read_here_and_write_there(write: str, read: str, destination: str | None, allowed: bool) -> None:
    driver = Driver()
    driver.declare("a")
    driver.declare("b")
    access = driver.new_access(Rights(NamePattern(""), NamePattern(write), NamePattern(read)))
    if allowed:
        identifier = access.redrives.start("a", destination, 1)
        assert [task.identifier for task in access.redrives.list("a")] == [identifier]
        assert access.redrives.cancel(identifier).identifier == identifier
    else:
        with pytest.raises(Refusal) as caught:
            access.redrives.start("a", destination, 1)
        assert caught.value.reason == Reason.ACCESS_DENIED


def test_namespaces_do_not_see_each_other() -> None:
    driver = Driver(EngineSettings(namespaces=["/", "other"]))
    driver.declare("a")
    identifier = driver.access.redrives.start("a", None, 1)
    other = driver.new_access(namespace="other")
    with pytest.raises(Refusal) as caught:
        other.redrives.cancel(identifier)
    assert caught.value.reason == Reason.NOT_FOUND
