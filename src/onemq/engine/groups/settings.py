"""Limits and times of consumer groups. What a group can have otherwise stands in engine/group_configs.py.

Must not: be asked about by heads (the engine applies them).
Spec: Kafka broker configs `group.*` and `offsets.*`.
"""

from typing import Final

UNIFORM: Final = "uniform"
RANGE: Final = "range"
ASSIGNORS: Final = (UNIFORM, RANGE)
"""The server's assignors; the first is the default."""


class GroupSettings:
    """Defaults are Kafka's, but for the delay of a first rebalance (Kafka: 3 s) and the limits that Kafka does not have.

    Attributes:
        session_timeout_min_ms, session_timeout_max_ms: what a classic member may ask for.
        initial_rebalance_delay_ms: how long a new classic group waits for more members.
        new_member_join_timeout_ms: how long a classic member that is new may wait for its first rebalance.
        members_max: members of one group. groups_max: groups of one namespace, those of offsets alone included.
        offset_metadata_bytes_max: the text beside one offset. member_metadata_bytes_max: a classic member's protocols.
        offsets_retention_ms: how long an empty group keeps its offsets. offsets_check_ms: how often that is looked at.
        pattern_length_max: characters of a subscription's regular expression.
    """

    __slots__ = (
        "groups_max",
        "initial_rebalance_delay_ms",
        "member_metadata_bytes_max",
        "members_max",
        "new_member_join_timeout_ms",
        "offset_metadata_bytes_max",
        "offsets_check_ms",
        "offsets_retention_ms",
        "pattern_length_max",
        "session_timeout_max_ms",
        "session_timeout_min_ms",
    )

    def __init__(
        self,
        session_timeout_min_ms: int = 6_000,
        session_timeout_max_ms: int = 1_800_000,
        initial_rebalance_delay_ms: int = 0,
        new_member_join_timeout_ms: int = 300_000,
        members_max: int = 10_000,
        groups_max: int = 100_000,
        offset_metadata_bytes_max: int = 4096,
        member_metadata_bytes_max: int = 1 << 20,
        offsets_retention_ms: int = 7 * 24 * 3_600_000,
        offsets_check_ms: int = 600_000,
        pattern_length_max: int = 1000,
    ) -> None:
        self.session_timeout_min_ms = session_timeout_min_ms
        self.session_timeout_max_ms = session_timeout_max_ms
        self.initial_rebalance_delay_ms = initial_rebalance_delay_ms
        self.new_member_join_timeout_ms = new_member_join_timeout_ms
        self.members_max = members_max
        self.groups_max = groups_max
        self.offset_metadata_bytes_max = offset_metadata_bytes_max
        self.member_metadata_bytes_max = member_metadata_bytes_max
        self.offsets_retention_ms = offsets_retention_ms
        self.offsets_check_ms = offsets_check_ms
        self.pattern_length_max = pattern_length_max
