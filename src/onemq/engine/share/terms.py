"""What holds for one group on one topic: its own settings, else the topic's, else the server's.

Must not: keep anything (settings change while groups live).
Spec: KIP-932 and KIP-1240 (group configs); onemq's own names in engine/topics/config_table.py.
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.group_configs import (
    BY_DURATION,
    SHARE_AUTO_OFFSET_RESET,
    SHARE_DELIVERY_COUNT_LIMIT,
    SHARE_ISOLATION_LEVEL,
    SHARE_PARTITION_MAX_RECORD_LOCKS,
    SHARE_RECORD_LOCK_DURATION_MS,
    SHARE_RENEW_ACKNOWLEDGE_ENABLE,
    GroupConfigs,
    duration_ms,
)
from onemq.engine.topics.config import TopicConfig
from onemq.engine.topics.config_table import DEAD_LETTER_TOPIC, RETRY_DELAY_MAX_MS, RETRY_DELAY_MS

RETRY_DELAY_LONGEST_MS: Final = 86_400_000
FROM_LATEST: Final = -1
FROM_EARLIEST: Final = -2


class Terms:
    """See the module."""

    __slots__ = ("configs", "group")

    def __init__(self, configs: GroupConfigs, group: str) -> None:
        self.configs = configs
        self.group = group

    def lock_ms(self) -> int:
        """For how long a delivered record is kept from others, ms."""
        return self.configs.whole(self.group, SHARE_RECORD_LOCK_DURATION_MS)

    def locks_max(self) -> int:
        """Records from the first that is not done with to the last one delivered, at most."""
        return self.configs.whole(self.group, SHARE_PARTITION_MAX_RECORD_LOCKS)

    def committed_only(self) -> bool:
        return self.configs.value(self.group, SHARE_ISOLATION_LEVEL) == "read_committed"

    def may_renew(self) -> bool:
        return self.configs.value(self.group, SHARE_RENEW_ACKNOWLEDGE_ENABLE) == "true"

    def delivery_limit(self, topic: TopicConfig) -> i64:
        if not self.configs.explicit(self.group, SHARE_DELIVERY_COUNT_LIMIT) and topic.delivery_limit > 0:
            return topic.delivery_limit
        return self.configs.whole(self.group, SHARE_DELIVERY_COUNT_LIMIT)

    def retry_delay_ms(self, topic: TopicConfig, deliveries: i64) -> i64:
        """How long a record waits that came back after so many deliveries: longer each time."""
        delay: i64 = topic.retry_delay_ms
        most: i64 = topic.retry_delay_max_ms
        if self.configs.explicit(self.group, RETRY_DELAY_MS):
            delay = self.configs.whole(self.group, RETRY_DELAY_MS)
            most = self.configs.whole(self.group, RETRY_DELAY_MAX_MS)
        if delay <= 0:
            return 0
        if most <= 0:
            most = RETRY_DELAY_LONGEST_MS
        return min(delay * max(deliveries, 1), max(most, delay))

    def dead_letter_topic(self, topic: TopicConfig) -> str:
        """ "" = none."""
        if self.configs.explicit(self.group, DEAD_LETTER_TOPIC):
            return self.configs.value(self.group, DEAD_LETTER_TOPIC)
        return topic.dead_letter_topic

    def first_time_ms(self, now_ms: i64) -> i64:
        """Where a group begins: FROM_LATEST, FROM_EARLIEST, or at the records of that time."""
        text = self.configs.value(self.group, SHARE_AUTO_OFFSET_RESET)
        if text == "earliest":
            return FROM_EARLIEST
        if text.startswith(BY_DURATION):
            return max(now_ms - duration_ms(text[len(BY_DURATION) :]), 0)
        return FROM_LATEST
