"""Accesses with few rights or with a name, and what they are refused."""

from collections.abc import Callable

import pytest

from engine_driver import Driver, RecordingSink
from onemq.engine.access import Access
from onemq.model.demand import Demand
from onemq.model.principal import Principal
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import NamePattern, Rights


def refused(reason: Reason, call: Callable[[], object]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        call()
    assert caught.value.reason == reason
    return caught.value


def consume(
    access: Access, queue: str, sink: RecordingSink | None = None, *, exclusive: bool = False
) -> object:
    return access.consume(
        queue, sink or RecordingSink(), "tag", Demand(), None, no_ack=False, exclusive=exclusive, arguments={}
    )


def limited(driver: Driver, *, configure: str = "", write: str = "", read: str = "") -> Access:
    return driver.new_access(Rights(NamePattern(configure), NamePattern(write), NamePattern(read)))


def person(driver: Driver, name: str = "ann") -> Access:
    """Somebody whom the directory knows and gives everything."""
    permissions = driver.broker.directory.permissions
    permissions.grant(name, "/", ".*", ".*", ".*")
    rights = permissions.rights(name, "/")
    assert rights is not None
    return driver.broker.access(Principal(name, []), "/", rights)
