"""Notice topics and their subscriptions: what is known of them. Data, with the forms in which facts keep them.

Must not: decide anything. `attributes` are the head's own words, kept as they came.
"""

from typing import Final

from onemq.engine.counters import Counters
from onemq.engine.kept_queue import KeptQueue
from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.routing.filter_policy.policy import FilterPolicy

NOT_REPLAYING: Final = -1


class NoticeTopic:
    """One topic of a namespace.

    Attributes:
        sequence: notices counted so far, where they are counted. archive: keeps its notices, or None.
        subscriptions: by id, in the order in which they were made.
        counters: of what was published to it.
    """

    __slots__ = (
        "archive",
        "archive_days",
        "attributes",
        "counted",
        "counters",
        "name",
        "namespace",
        "sequence",
        "subscriptions",
        "tags",
    )

    def __init__(self, namespace: str, name: str, attributes: dict[str, str], tags: dict[str, str]) -> None:
        self.namespace = namespace
        self.name = name
        self.attributes = attributes
        self.tags = tags
        self.counted = False
        self.counters = Counters()
        self.sequence = 0
        self.archive_days = 0
        self.archive: KeptQueue | None = None
        self.subscriptions: dict[str, Subscription] = {}

    def to_plain(self) -> dict[str, object]:
        return {
            "op": "topic",
            "ns": self.namespace,
            "name": self.name,
            "attributes": self.attributes,
            "tags": self.tags,
            "counted": self.counted,
            "days": self.archive_days,
            "archive": 0 if self.archive is None else self.archive.log.log_id,
        }


class Subscription:
    """One subscriber of a topic.

    Attributes:
        id: unique. protocol, endpoint: as the subscriber named them.
        queue: name of the queue that gets what is published; "" = it goes to `outgoing`, a queue of its own that a courier empties.
        dead_letters: name of the queue that gets what cannot be delivered; "" = nowhere.
        policy_text, scope: its filter policy; `policy` is that, compiled.
        confirmed: it gets notices. token: proves that its endpoint agrees. made_ms: when it was made.
        replay_next: offset in the archive that it gets next, NOT_REPLAYING = none. replay_from_ms: notices before are passed over.
        replay_to_ms: notices after it end the replay; 0 = it goes on until it has caught up.
    """

    __slots__ = (
        "attributes",
        "confirmed",
        "dead_letters",
        "endpoint",
        "id",
        "made_ms",
        "outgoing",
        "policy",
        "policy_text",
        "protocol",
        "queue",
        "replay_from_ms",
        "replay_next",
        "replay_to_ms",
        "scope",
        "token",
        "topic",
    )

    def __init__(self, identifier: str, topic: NoticeTopic, protocol: str, endpoint: str) -> None:
        self.id = identifier
        self.topic = topic
        self.protocol = protocol
        self.endpoint = endpoint
        self.attributes: dict[str, str] = {}
        self.queue = ""
        self.dead_letters = ""
        self.policy_text = ""
        self.scope = ""
        self.policy: FilterPolicy | None = None
        self.confirmed = False
        self.token = ""
        self.made_ms = 0
        self.outgoing: LedgerQueue | None = None
        self.replay_next = NOT_REPLAYING
        self.replay_from_ms = 0
        self.replay_to_ms = 0

    def follows_archive(self) -> bool:
        """A replay without an end is under way: what is published now comes to it by the archive, in order."""
        return self.replay_next != NOT_REPLAYING and self.replay_to_ms == 0

    def to_plain(self) -> dict[str, object]:
        return {
            "op": "sub",
            "id": self.id,
            "ns": self.topic.namespace,
            "topic": self.topic.name,
            "protocol": self.protocol,
            "endpoint": self.endpoint,
            "attributes": self.attributes,
            "queue": self.queue,
            "dead": self.dead_letters,
            "policy": self.policy_text,
            "scope": self.scope,
            "confirmed": self.confirmed,
            "token": self.token,
            "made": self.made_ms,
            "outgoing": 0 if self.outgoing is None else self.outgoing.log.log_id,
            "replay": [self.replay_next, self.replay_from_ms, self.replay_to_ms],
        }

    def take_plain(self, change: dict[str, object]) -> None:
        """All but the objects it names."""
        attributes = change["attributes"]
        made = change["made"]
        replay = change["replay"]
        assert isinstance(attributes, dict) and isinstance(made, int) and isinstance(replay, list)
        self.attributes = attributes
        self.queue = str(change["queue"])
        self.dead_letters = str(change["dead"])
        self.policy_text = str(change["policy"])
        self.scope = str(change["scope"])
        self.confirmed = bool(change["confirmed"])
        self.token = str(change["token"])
        self.made_ms = made
        self.replay_next, self.replay_from_ms, self.replay_to_ms = replay
