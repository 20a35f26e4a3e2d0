"""Names in commands: what an empty one means, which are refused before the engine is asked.

Spec: AMQP 0-9-1 classes exchange and queue, with RabbitMQ's readings.
"""

from typing import Final

from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.frames import ACCESS_REFUSED, NOT_FOUND
from onemq.heads.amqp091.replies import AmqpRefusal
from onemq.model.refusal import Reason, Refusal

REPLY_TO: Final = "amq.rabbitmq.reply-to"
RESERVED_PREFIX: Final = "amq."


def stripped(name: str) -> str:
    """A name without line ends, as RabbitMQ takes it."""
    if "\n" in name or "\r" in name:
        return name.replace("\n", "").replace("\r", "")
    return name


def queue_name(channel: Channel, name: str) -> str:
    """The queue meant: an empty name is the one declared last on the channel."""
    if name == "":
        if channel.last_queue == "":
            raise AmqpRefusal(NOT_FOUND, "no previously declared queue")
        return channel.last_queue
    return stripped(name)


def forbid_reserved(kind: str, name: str) -> None:
    """Names that begin with amq. are the broker's own to give."""
    if name.startswith(RESERVED_PREFIX):
        raise AmqpRefusal(ACCESS_REFUSED, f"{kind} name '{name}' contains reserved prefix 'amq.*'")


def forgive_absent(refusal: Refusal) -> None:
    """Raises the refusal again unless something is missing: unbinding what is not there is fine with RabbitMQ."""
    if refusal.reason != Reason.NOT_FOUND:
        raise refusal


def forbid_default_exchange(name: str) -> None:
    if name == "":
        raise AmqpRefusal(ACCESS_REFUSED, "operation not permitted on the default exchange")
