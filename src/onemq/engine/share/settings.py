"""Limits of share groups. What a group can have otherwise stands in engine/group_configs.py.

Must not: be asked about by heads (the engine applies them).
Spec: Kafka broker configs `group.share.*`.
"""


class ShareSettings:
    """Defaults are Kafka's, but for the limit of groups, which Kafka does not have.

    Attributes:
        members_max: members of one group. groups_max: groups in all. sessions_max: members that fetch at a time.
        topics_max: topics that one member may name. places_max: partitions that one member may fetch from.
        dead_letter_bytes: read at once of a log for dead letters.
    """

    __slots__ = ("dead_letter_bytes", "groups_max", "members_max", "places_max", "sessions_max", "topics_max")

    def __init__(
        self,
        members_max: int = 200,
        groups_max: int = 10_000,
        sessions_max: int = 2_000,
        topics_max: int = 10_000,
        places_max: int = 100_000,
        dead_letter_bytes: int = 1 << 20,
    ) -> None:
        self.members_max = members_max
        self.groups_max = groups_max
        self.sessions_max = sessions_max
        self.topics_max = topics_max
        self.places_max = places_max
        self.dead_letter_bytes = dead_letter_bytes
