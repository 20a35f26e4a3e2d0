"""The settings of groups: consumer groups with server-side assignment, and share groups; durable.

Job: the table of what a group takes (Kafka's, and onemq's own), and each group's own values.
Must not: know which groups exist (a group may be configured before it has members), or act on a setting.
Spec: Kafka documentation, "Group Configs"; KIP-848, KIP-932, KIP-1240.
"""

import re
from typing import Final

from onemq.engine.core import Core
from onemq.engine.parts import PART_GROUP_CONFIGS, Part
from onemq.engine.topics.config import check_value
from onemq.engine.topics.config_table import (
    BOOLEAN,
    DEAD_LETTER_TOPIC,
    INT,
    LONG,
    RETRY_DELAY_MAX_MS,
    RETRY_DELAY_MS,
    STRING,
    ConfigEntry,
)
from onemq.model.refusal import Reason, Refusal

CONSUMER_SESSION_TIMEOUT_MS: Final = "consumer.session.timeout.ms"
CONSUMER_HEARTBEAT_INTERVAL_MS: Final = "consumer.heartbeat.interval.ms"
SHARE_SESSION_TIMEOUT_MS: Final = "share.session.timeout.ms"
SHARE_HEARTBEAT_INTERVAL_MS: Final = "share.heartbeat.interval.ms"
SHARE_RECORD_LOCK_DURATION_MS: Final = "share.record.lock.duration.ms"
SHARE_DELIVERY_COUNT_LIMIT: Final = "share.delivery.count.limit"
SHARE_PARTITION_MAX_RECORD_LOCKS: Final = "share.partition.max.record.locks"
SHARE_AUTO_OFFSET_RESET: Final = "share.auto.offset.reset"
SHARE_ISOLATION_LEVEL: Final = "share.isolation.level"
SHARE_RENEW_ACKNOWLEDGE_ENABLE: Final = "share.renew.acknowledge.enable"
BY_DURATION: Final = "by_duration:"

_GROUPS_MAX: Final = 100_000
_DURATION: Final = re.compile(
    r"P(?:(\d{1,9})D)?(?:T(?:(\d{1,9})H)?(?:(\d{1,9})M)?(?:(\d{1,9})(?:\.(\d{1,9}))?S)?)?", re.IGNORECASE
)

_ENTRIES: Final = [
    ConfigEntry(
        "consumer.assignment.interval.ms",
        INT,
        "1000",
        "Milliseconds between two computations of a group's assignment. Here it is computed when something has changed.",
        low=0,
        high=15_000,
        synonyms=("group.consumer.assignment.interval.ms",),
        effective=False,
    ),
    ConfigEntry(
        CONSUMER_HEARTBEAT_INTERVAL_MS,
        INT,
        "5000",
        "Milliseconds between two heartbeats of a member of a consumer group.",
        low=5_000,
        high=15_000,
        synonyms=("group.consumer.heartbeat.interval.ms",),
    ),
    ConfigEntry(
        CONSUMER_SESSION_TIMEOUT_MS,
        INT,
        "45000",
        "A member of a consumer group that is silent for this many milliseconds is removed.",
        low=45_000,
        high=60_000,
        synonyms=("group.consumer.session.timeout.ms",),
    ),
    ConfigEntry(
        "share.assignment.interval.ms",
        INT,
        "1000",
        "Milliseconds between two computations of a share group's assignment. Here it is computed when something has changed.",
        low=0,
        high=15_000,
        synonyms=("group.share.assignment.interval.ms",),
        effective=False,
    ),
    ConfigEntry(
        SHARE_AUTO_OFFSET_RESET,
        STRING,
        "latest",
        "Where a share group begins on a topic: earliest, latest, or by_duration: with an ISO 8601 duration before now.",
    ),
    ConfigEntry(
        SHARE_DELIVERY_COUNT_LIMIT,
        INT,
        "5",
        "How often a share group delivers a record at most.",
        low=2,
        high=10,
        synonyms=("group.share.delivery.count.limit",),
    ),
    ConfigEntry(
        SHARE_HEARTBEAT_INTERVAL_MS,
        INT,
        "5000",
        "Milliseconds between two heartbeats of a member of a share group.",
        low=5_000,
        high=15_000,
        synonyms=("group.share.heartbeat.interval.ms",),
    ),
    ConfigEntry(
        SHARE_ISOLATION_LEVEL,
        STRING,
        "read_uncommitted",
        "Whether a share group is given records of transactions that are not committed.",
        words=("read_committed", "read_uncommitted"),
    ),
    ConfigEntry(
        SHARE_PARTITION_MAX_RECORD_LOCKS,
        INT,
        "2000",
        "Records of one partition that a share group may hold at a time.",
        low=100,
        high=4_000,
        synonyms=("group.share.partition.max.record.locks",),
    ),
    ConfigEntry(
        SHARE_RECORD_LOCK_DURATION_MS,
        INT,
        "30000",
        "Milliseconds for which a delivered record is kept from the group's other members.",
        low=15_000,
        high=60_000,
        synonyms=("group.share.record.lock.duration.ms",),
    ),
    ConfigEntry(
        SHARE_RENEW_ACKNOWLEDGE_ENABLE,
        BOOLEAN,
        "true",
        "Whether a member may renew the lock on a record that it holds.",
    ),
    ConfigEntry(
        SHARE_SESSION_TIMEOUT_MS,
        INT,
        "45000",
        "A member of a share group that is silent for this many milliseconds is removed.",
        low=45_000,
        high=60_000,
        synonyms=("group.share.session.timeout.ms",),
    ),
    ConfigEntry(
        DEAD_LETTER_TOPIC,
        STRING,
        "",
        "onemq: where records go that the share group rejects or that reach its delivery limit; it goes before the topic's.",
    ),
    ConfigEntry(
        RETRY_DELAY_MS,
        LONG,
        "0",
        "onemq: milliseconds that a record released by the share group waits, times the number of its deliveries.",
        low=0,
    ),
    ConfigEntry(
        RETRY_DELAY_MAX_MS,
        LONG,
        "0",
        "onemq: the longest such wait in milliseconds; 0: no limit but a day.",
        low=0,
    ),
]

GROUP_CONFIGS: Final[dict[str, ConfigEntry]] = {entry.name: entry for entry in _ENTRIES}


def duration_ms(text: str) -> int:
    """An ISO 8601 duration of days, hours, minutes and seconds ("P1DT2H") in milliseconds. Refusal INVALID ("config")."""
    found = _DURATION.fullmatch(text.strip())
    if found is None or text.strip().upper() in ("P", "PT") or text.strip().upper().endswith("T"):
        raise Refusal(
            Reason.INVALID,
            "config",
            SHARE_AUTO_OFFSET_RESET,
            f"Invalid duration {text}: it takes the form PnDTnHnMn.nS",
        )
    days, hours, minutes, seconds, fraction = found.groups()
    total = int(days or 0) * 24 + int(hours or 0)
    total = total * 60 + int(minutes or 0)
    total = total * 60 + int(seconds or 0)
    return total * 1000 + int(((fraction or "") + "000")[:3])


def validate_group(overrides: dict[str, str]) -> None:
    """A group's whole set. Refusal INVALID ("config")."""
    for name, value in overrides.items():
        entry = GROUP_CONFIGS.get(name)
        if entry is None:
            raise Refusal(Reason.INVALID, "config", name, f"Unknown group config name: {name}")
        check_value(entry, value)
        if name == SHARE_AUTO_OFFSET_RESET and value not in ("latest", "earliest"):
            if not value.startswith(BY_DURATION):
                raise Refusal(
                    Reason.INVALID,
                    "config",
                    name,
                    f"Invalid value {value} for configuration {name}: it takes latest, earliest or by_duration:PnDTnHnMn.nS",
                )
            duration_ms(value[len(BY_DURATION) :])
    for session, interval in (
        (CONSUMER_SESSION_TIMEOUT_MS, CONSUMER_HEARTBEAT_INTERVAL_MS),
        (SHARE_SESSION_TIMEOUT_MS, SHARE_HEARTBEAT_INTERVAL_MS),
    ):
        if int(_value(overrides, session)) <= int(_value(overrides, interval)):
            raise Refusal(Reason.INVALID, "config", session, f"{session} must be greater than {interval}")


def _value(overrides: dict[str, str], name: str) -> str:
    found = overrides.get(name)
    if found is not None:
        return found
    entry = GROUP_CONFIGS.get(name)
    return "" if entry is None or entry.default is None else entry.default


class GroupConfigs(Part):
    """See the module. Whoever calls `configure` has asked whether that is allowed."""

    def __init__(self, core: Core) -> None:
        self.number = PART_GROUP_CONFIGS
        self._core = core
        self._groups: dict[str, dict[str, str]] = {}

    def groups(self) -> list[str]:
        """Names of groups that have values of their own."""
        return sorted(name for name, overrides in self._groups.items() if overrides)

    def overrides(self, group: str) -> dict[str, str]:
        """The group's own values: always the same map for one group, not to be changed by the caller."""
        return self._groups.setdefault(group, {})

    def value(self, group: str, name: str) -> str:
        """The group's value, or the default; "" for a setting that does not exist."""
        found = self._groups.get(group)
        return _value({} if found is None else found, name)

    def explicit(self, group: str, name: str) -> bool:
        """The group has a value of its own."""
        found = self._groups.get(group)
        return found is not None and name in found

    def whole(self, group: str, name: str) -> int:
        """The same, of a setting that is a whole number."""
        return int(self.value(group, name))

    def configure(self, group: str, overrides: dict[str, str], check_only: bool = False) -> None:
        """`overrides`: all that are to be set from now on. Refusal INVALID ("config", "group"), LIMIT ("group")."""
        if not group:
            raise Refusal(Reason.INVALID, "group", group, "Default group resources are not allowed.")
        validate_group(overrides)
        if group not in self._groups and len(self._groups) >= _GROUPS_MAX:
            raise Refusal(Reason.LIMIT, "group", group, f"{_GROUPS_MAX} groups are configured already")
        if not check_only:
            change: dict[str, object] = {"group": group, "config": dict(overrides)}
            self._core.note(self, change)
            self.apply(change)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        group = change["group"]
        config = change["config"]
        assert isinstance(group, str) and isinstance(config, dict)
        kept = self.overrides(group)
        kept.clear()
        for name, value in config.items():
            kept[name] = value

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for group, overrides in self._groups.items():
            if overrides:
                found.append({"group": group, "config": dict(overrides)})
        return found
