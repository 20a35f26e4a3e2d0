"""How a change of the catalog is written, and which changes would make the durable part of it: the snapshot's.

catalog_replay.py reads them. Must not: change anything, or decide whether a change is a fact.
"""

from collections.abc import Iterable

from onemq.engine.exchange import Exchange, Namespace
from onemq.engine.queue import Queue
from onemq.engine.routing.destination import Destination
from onemq.engine.settings_codec import exchange_to_plain, queue_to_plain
from onemq.model.entities import QueueSettings


def namespace_change(namespace: Namespace) -> dict[str, object]:
    return {"op": "namespace", "name": namespace.name}


def namespace_gone(name: str) -> dict[str, object]:
    return {"op": "namespace-", "name": name}


def exchange_change(exchange: Exchange) -> dict[str, object]:
    held = exchange.holding
    return {
        "op": "exchange",
        "namespace": exchange.namespace,
        "name": exchange.name,
        "settings": exchange_to_plain(exchange.declared),
        "log": 0 if held is None else held.log.log_id,
    }


def exchange_gone(exchange: Exchange) -> dict[str, object]:
    return {"op": "exchange-", "namespace": exchange.namespace, "name": exchange.name}


def queue_change(queue: Queue, settings: QueueSettings) -> dict[str, object]:
    """A queue that is new; or, over a topic, one that is declared with these settings."""
    return {
        "op": "queue",
        "namespace": queue.namespace,
        "name": queue.name,
        "settings": queue_to_plain(settings),
        "log": queue.log.log_id,
    }


def queue_altered(queue: Queue) -> dict[str, object]:
    change = queue_change(queue, queue.declared)
    change["op"] = "queue~"
    return change


def queue_gone(namespace: str, name: str) -> dict[str, object]:
    return {"op": "queue-", "namespace": namespace, "name": name}


def internal_change(queue: Queue) -> dict[str, object]:
    """A queue that no name leads to, new or altered."""
    return {
        "op": "internal",
        "name": queue.name,
        "settings": queue_to_plain(queue.declared),
        "log": queue.log.log_id,
    }


def internal_gone(queue: Queue) -> dict[str, object]:
    return {"op": "internal-", "log": queue.log.log_id}


def binding_change(
    operation: str,
    source: Exchange,
    destination: Destination,
    routing_key: str,
    arguments: dict[str, object],
) -> dict[str, object]:
    """operation: "bind" or "unbind"."""
    return {
        "op": operation,
        "namespace": source.namespace,
        "source": source.name,
        "to": "queue" if isinstance(destination, Queue) else "exchange",
        "destination": destination.name,
        "key": routing_key,
        "arguments": arguments,
    }


def is_durable_binding(source: Exchange, destination: Destination) -> bool:
    """Both ends survive a restart."""
    if not source.settings.durable:
        return False
    if isinstance(destination, Queue):
        return destination.log.durable
    return not isinstance(destination, Exchange) or destination.settings.durable


def durable_changes(namespaces: Iterable[Namespace], internals: Iterable[Queue]) -> list[dict[str, object]]:
    """The durable catalog as the changes that would make it."""
    changes: list[dict[str, object]] = []
    for namespace in namespaces:
        changes.append(namespace_change(namespace))
        for exchange in namespace.exchanges.values():
            if exchange.settings.durable and not exchange.predeclared:
                changes.append(exchange_change(exchange))
        for topic in namespace.topics.values():
            changes.append(topic.to_plain())
        for queue in namespace.queues.values():
            if queue.log.durable:
                changes.append(queue_change(queue, queue.declared))
        for exchange in namespace.exchanges.values():
            for destination, key, arguments in exchange.matcher.bindings():
                if is_durable_binding(exchange, destination):
                    changes.append(binding_change("bind", exchange, destination, key, arguments))
    for queue in internals:
        if queue.log.durable:
            changes.append(internal_change(queue))
    return changes
