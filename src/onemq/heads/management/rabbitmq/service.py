"""What all parts of RabbitMQ's API share: AMQP's words, the connections, the broker's surroundings, and names.

Must not: answer anything.
"""

from typing import Final

from onemq.engine.access import Access
from onemq.heads.contract import Peers, Worker
from onemq.heads.management.call import Call
from onemq.heads.management.rabbitmq.bodies import not_found
from onemq.heads.management.rabbitmq.ports import AmqpWords, NodePort

DEFAULT_EXCHANGE: Final = "amq.default"
"""How paths name the exchange whose name is empty."""


class Service:
    """See the module."""

    def __init__(self, words: AmqpWords, peers: Peers, node: NodePort, worker: Worker) -> None:
        self.words = words
        self.peers = peers
        self.node = node
        self.worker = worker

    def looking(self, call: Call) -> Access:
        """The vhost of the path, to look into. Refusal NAMESPACE_DENIED."""
        return call.watch(call.values["vhost"])

    def acting(self, call: Call) -> Access:
        """The vhost of the path, to change something in. Refusal NAMESPACE_DENIED."""
        return call.access(call.values["vhost"])

    def accesses(self, call: Call) -> list[Access]:
        """To look into the vhost of the path, or into all that the user sees."""
        if "vhost" in call.values:
            return [self.looking(call)]
        return [call.watch(name) for name in call.namespaces()]


def exchange_name(name: str) -> str:
    return "" if name == DEFAULT_EXCHANGE else name


def must(found: bool) -> None:
    """404 unless it is there."""
    if not found:
        raise not_found()
