"""What all parts of /v1/ share: AMQP's words, the connections, the broker's surroundings, and which namespaces a request is about.

Must not: answer anything.
"""

from collections.abc import Callable
from typing import Final, TypeVar

from onemq.engine.access import Access
from onemq.engine.views import QueueView, TopicView
from onemq.heads.contract import Peers, Worker
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.gathering import answer_gathered
from onemq.heads.management.rabbitmq.ports import AmqpWords, NodePort
from onemq.heads.management.routes import Parameter
from onemq.model.refusal import Reason, Refusal

NAMESPACE: Final = Parameter("namespace", "of this namespace only")
NUMBER_MAX: Final = 1 << 62
"""Of times and offsets: sums of them must fit 64 bits."""
SETTING_MAX: Final = 10**15
"""Of settings: 31,000 years, or a petabyte. Products of them must fit 64 bits."""
S = TypeVar("S")
T = TypeVar("T")


class Service:
    """See the module."""

    def __init__(self, words: AmqpWords, peers: Peers, node: NodePort, worker: Worker) -> None:
        self.words = words
        self.peers = peers
        self.node = node
        self.worker = worker


def looking(call: Call) -> Access:
    """The namespace of the path, to look into. Refusal NAMESPACE_DENIED."""
    return call.watch(call.values["namespace"])


def acting(call: Call) -> Access:
    """The namespace of the path, to change something in. Refusal NAMESPACE_DENIED."""
    return call.access(call.values["namespace"])


def accesses(call: Call) -> list[Access]:
    """To look into the namespace that the query names, or into all that the user sees."""
    if "namespace" in call.query:
        return [call.watch(call.query.text("namespace"))]
    return [call.watch(name) for name in call.namespaces()]


def bad_request(text: str) -> Problem:
    return Problem(400, "bad_request", text)


def answer_named(
    call: Call, names: Callable[[Access], list[str]], build: Callable[[Access, str], T | None]
) -> None:
    """Completes the call with one object for each name in each namespace that it is about; some in each turn: there may be very many.
    names: of one namespace, in order. build: None, or Refusal NOT_FOUND, for what has gone since."""
    found = [(access, name) for access in accesses(call) for name in names(access)]

    def at(place: int) -> T | None:
        try:
            return build(*found[place])
        except Refusal as refusal:
            if refusal.reason != Reason.NOT_FOUND:
                raise
            return None

    answer_gathered(call, len(found), at)


def answer_records(call: Call, records: list[S], build: Callable[[S], T]) -> None:
    """The same of records, which do not go."""
    answer_gathered(call, len(records), lambda place: build(records[place]))


def within(name: str, value: int, least: int, most: int) -> int:
    """Raises Problem for a number out of its bounds."""
    if not least <= value <= most:
        raise bad_request(f"{name} is from {least} to {most}, not {value}")
    return value


def topic_view(access: Access, name: str) -> TopicView | None:
    """None: there is none that this user may see."""
    try:
        return access.inspection.topic(name)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        return None


def queue_view(access: Access, name: str) -> QueueView | None:
    """The same of a queue; a topic without a queue shows as one."""
    try:
        return access.inspection.queue(name)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        return None
