"""What SNS's topics must be like: who is subscribed and how, at which commits that was said, and what each of them has to get."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from onemq.engine.broker import Broker
from simulation.checkers import check

PLAIN_TOPIC: Final = "n1"
FIFO_TOPIC: Final = "n2.fifo"
NOTICE_TOPICS: Final = (PLAIN_TOPIC, FIFO_TOPIC)

Passes = Callable[[str, int], bool]
"""Whether a message with this kind ("" = none) and this size passes."""
POLICIES: Final[dict[str, Passes]] = {
    "": lambda kind, size: True,
    '{"kind": ["a", "b"]}': lambda kind, size: kind in ("a", "b"),
    '{"kind": [{"anything-but": ["a"]}]}': lambda kind, size: kind not in ("", "a"),
    '{"kind": [{"exists": false}]}': lambda kind, size: not kind,
    '{"size": [{"numeric": [">=", 5]}]}': lambda kind, size: size >= 5,
    '{"kind": ["a", "c"], "size": [{"numeric": ["<", 5]}]}': lambda kind, size: (
        kind in ("a", "c") and size < 5
    ),
}


class Subscribed:
    """A queue's subscription, as it was said last."""

    def __init__(self, arn: str, raw: bool, policy: str) -> None:
        self.arn = arn
        self.raw = raw
        self.policy = policy

    def __repr__(self) -> str:
        return f"raw={self.raw} {self.policy or 'all'}"


class NoticeShadow:
    """said: by topic and queue, commits with what they said, None = not subscribed. sequences: of the FIFO topic, with commits."""

    def __init__(self) -> None:
        self.said: dict[tuple[str, str], list[tuple[int, Subscribed | None]]] = {}
        self.sequences: list[tuple[int, int]] = []
        self.copies = 0
        self.filtered = 0

    def say(self, topic: str, queue: str, subscribed: Subscribed | None, position: int) -> None:
        self.said.setdefault((topic, queue), []).append((position, subscribed))

    def subscribed(self, topic: str) -> dict[str, Subscribed]:
        """By queue."""
        found: dict[str, Subscribed] = {}
        for (name, queue), said in self.said.items():
            subscribed = said[-1][1] if said else None
            if name == topic and subscribed is not None:
                found[queue] = subscribed
        return found

    def count(self, sequence: int, position: int) -> None:
        """The FIFO topic has given a number."""
        wanted = self.sequences[-1][1] + 1 if self.sequences else sequence
        check(sequence == wanted, f"{FIFO_TOPIC} counts {sequence}, not {wanted}")
        self.sequences.append((position, sequence))

    def restart(self, position: int) -> None:
        for key, said in list(self.said.items()):
            self.said[key] = [one for one in said if one[0] <= position]
        self.sequences = [one for one in self.sequences if one[0] <= position]

    def check_recovered(self, broker: Broker) -> None:
        for name in NOTICE_TOPICS:
            topic = broker.notices.topics.get(("/", name))
            there = {
                found.queue: Subscribed(
                    "", found.attributes.get("RawMessageDelivery") == "true", found.policy_text
                )
                for found in (topic.subscriptions.values() if topic is not None else ())
            }
            wanted = self.subscribed(name)
            check(
                {queue: repr(found) for queue, found in there.items()}
                == {queue: repr(found) for queue, found in wanted.items()},
                f"subscriptions of {name} after recovery: {there}, not {wanted}",
            )
