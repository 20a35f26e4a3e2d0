"""Principals' ways to the directory, and what they are refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from engine_driver import Driver
from onemq.engine.access import Access
from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.directory.records import PermissionRecord, UserRecord
from onemq.engine.directory.settings import DirectorySettings
from onemq.engine.settings import EngineSettings
from onemq.model.principal import Principal
from onemq.model.refusal import Refusal
from onemq.model.rights import no_rights


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
