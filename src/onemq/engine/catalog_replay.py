"""What the changes that catalog_changes.py makes do when they are read again: the catalog's own methods, called once more.

Must not: read facts or snapshots (recovery.py does).
"""

from onemq.engine.catalog import Catalog
from onemq.engine.exchange import Namespace
from onemq.engine.routing.destination import Destination
from onemq.engine.settings_codec import exchange_from_plain, queue_from_plain


def apply_change(catalog: Catalog, change: dict[str, object]) -> None:
    """Replays one change. A change whose object is not there (it was not durable) is passed over."""
    operation = str(change["op"])
    if operation == "namespace":
        catalog.add_namespace(str(change["name"]))
        return
    if operation == "namespace-":
        if str(change["name"]) in catalog.namespaces:
            catalog.remove_namespace(str(change["name"]))
        return
    if operation in ("internal", "internal-"):
        _apply_internal(catalog, operation, change)
        return
    namespace = catalog.namespaces.get(str(change["namespace"]))
    if namespace is None:
        return
    if operation in ("bind", "unbind"):
        _apply_binding(catalog, namespace, operation, change)
        return
    name = str(change["name"])
    log_id = change.get("log", 0)
    assert isinstance(log_id, int)
    if operation == "exchange":
        catalog.add_exchange(namespace, name, exchange_from_plain(change["settings"]), log_id)
    elif operation == "exchange-":
        if name in namespace.exchanges:
            catalog.remove_exchange(namespace, namespace.exchanges[name])
    elif operation == "queue":
        if name in namespace.topics:
            catalog.topics.apply_attached(namespace, name, queue_from_plain(change["settings"]))
        else:
            catalog.add_queue(namespace, name, queue_from_plain(change["settings"]), log_id)
    elif operation == "queue~":
        if name in namespace.queues:
            catalog.alter_queue(namespace, namespace.queues[name], queue_from_plain(change["settings"]))
    elif operation in ("topic", "topic-"):
        catalog.topics.apply(namespace, change)
    elif operation == "queue-":
        if name in namespace.queues:
            catalog.remove_queue(namespace, namespace.queues[name])
    else:
        raise AssertionError(f"unknown change {operation!r} in the catalog's facts")


def _apply_internal(catalog: Catalog, operation: str, change: dict[str, object]) -> None:
    log_id = change["log"]
    assert isinstance(log_id, int)
    found = catalog.internals.get(log_id)
    if operation == "internal-":
        if found is not None:
            catalog.remove_internal(found)
    elif found is None:
        catalog.add_internal(str(change["name"]), queue_from_plain(change["settings"]), log_id)
    else:
        catalog.alter_internal(found, queue_from_plain(change["settings"]))


def _apply_binding(catalog: Catalog, namespace: Namespace, operation: str, change: dict[str, object]) -> None:
    source = namespace.exchanges.get(str(change["source"]))
    name = str(change["destination"])
    destination: Destination | None
    if change["to"] == "queue":
        destination = namespace.queues.get(name)
    else:
        destination = namespace.exchanges.get(name)
    arguments = change["arguments"]
    if source is None or destination is None or not isinstance(arguments, dict):
        return
    if operation == "bind":
        catalog.bind(namespace, source, destination, str(change["key"]), arguments)
    else:
        catalog.unbind(namespace, source, destination, str(change["key"]), arguments)
