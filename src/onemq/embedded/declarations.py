"""Queues as the native API declares them: a few words of ours, and RabbitMQ's arguments for the rest.

They are put into RabbitMQ's words, so that an AMQP client that declares the same queue with the same arguments is content.
"""

from collections.abc import Mapping

from onemq.embedded.errors import Refused
from onemq.heads.amqp091.arguments import queue_settings
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.model.entities import QueueSettings


def settings_of_queue(
    name: str,
    namespace: str,
    *,
    durable: bool,
    dead_letter_to: str | None,
    delivery_limit: int | None,
    ttl_seconds: float | None,
    length_max: int | None,
    visibility_seconds: float | None,
    arguments: Mapping[str, object] | None,
) -> QueueSettings:
    """Raises Refused INVALID for an argument that RabbitMQ would not take."""
    given: dict[str, object] = {}
    if dead_letter_to is not None:
        given["x-dead-letter-exchange"] = ""
        given["x-dead-letter-routing-key"] = dead_letter_to
    if delivery_limit is not None:
        given["x-delivery-limit"] = delivery_limit
        # Only these count failed deliveries.
        given["x-queue-type"] = "quorum"
    if ttl_seconds is not None:
        given["x-message-ttl"] = int(ttl_seconds * 1000)
    if length_max is not None:
        given["x-max-length"] = length_max
    given.update(arguments or {})
    try:
        settings = queue_settings(name, namespace, durable, False, False, given)  # type: ignore[arg-type]
    except AmqpRefusal as error:
        raise Refused("INVALID", str(error)) from None
    if visibility_seconds is not None:
        settings.visibility_ms = int(visibility_seconds * 1000)
    return settings
