"""Publishing and getting by RabbitMQ's management API: one more way in and out for the matrix of tables.py."""

from __future__ import annotations

import base64
import http.client
import json
from dataclasses import replace
from typing import Any

from broker_process import BrokerProcess
from conformance.driver import WITHIN_SECONDS, Envelope, Queue, until

PROPERTIES = ("content_type", "correlation_id", "message_id", "reply_to", "timestamp")
LOGIN = "Basic " + base64.b64encode(b"operator:operator").decode()


class ManagementClient:
    def __init__(self, broker: BrokerProcess) -> None:
        self._connection = http.client.HTTPConnection(
            broker.host, broker.ports["http"], timeout=WITHIN_SECONDS
        )

    def _asks(self, method: str, path: str, body: Any) -> Any:
        headers = {"Authorization": LOGIN, "Content-Type": "application/json"}
        self._connection.request(method, path, json.dumps(body), headers)
        answer = self._connection.getresponse()
        data = answer.read()
        assert answer.status < 300, f"{method} {path}: {answer.status} {data!r}"
        return json.loads(data) if data else None

    def declare(self, queue: Queue) -> None:
        self._asks("PUT", f"/api/queues/%2F/{queue.name}", {"durable": True})

    def send(self, queue: str, envelope: Envelope) -> Envelope:
        """JSON has no octets: headers of bytes stay behind."""
        headers = {name: value for name, value in envelope.headers.items() if isinstance(value, str)}
        sent: dict[str, Any] = dict(headers)
        if envelope.key is not None:
            sent["x-key"] = envelope.key
        properties: dict[str, Any] = {"headers": sent, "delivery_mode": 2}
        for name in PROPERTIES:
            if getattr(envelope, name) is not None:
                properties[name] = getattr(envelope, name)
        routed = self._asks(
            "POST",
            "/api/exchanges/%2F/amq.default/publish",
            {
                "properties": properties,
                "routing_key": queue,
                "payload": base64.b64encode(envelope.body).decode(),
                "payload_encoding": "base64",
            },
        )
        assert routed == {"routed": True}
        return replace(envelope, headers=dict(headers))

    def fetch(self, queue: str) -> Envelope:
        wanted = {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"}
        found: list[Any] = until(
            lambda: self._asks("POST", f"/api/queues/%2F/{queue}/get", wanted), f"no message in {queue}"
        )
        (message,) = found
        body = message["payload"].encode()
        if message["payload_encoding"] == "base64":
            body = base64.b64decode(body)
        # Without properties it is an empty list, as RabbitMQ has it.
        properties: dict[str, Any] = message["properties"] or {}
        headers: dict[str, Any] = dict(properties.get("headers", {}))
        key = headers.pop("x-key", None)
        shown = {name: properties.get(name) for name in PROPERTIES}
        return Envelope(body, {name: str(value) for name, value in headers.items()}, key, **shown)

    def close(self) -> None:
        self._connection.close()


class Management:
    """A way in and out, as tables.py takes them."""

    name = "management API"
    listener = "http"

    def connect(self, broker: BrokerProcess) -> ManagementClient:
        return ManagementClient(broker)
