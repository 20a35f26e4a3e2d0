"""queue.declare, bind, unbind, purge, delete."""

from onemq.heads.amqp091.arguments import (
    plain_arguments,
    queue_settings,
    second_declaration,
    with_default_type,
)
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.commands.names import (
    REPLY_TO,
    forbid_default_exchange,
    forbid_reserved,
    forgive_absent,
    queue_name,
    stripped,
)
from onemq.heads.amqp091.methods import (
    QueueBind,
    QueueBindOk,
    QueueDeclare,
    QueueDeclareOk,
    QueueDelete,
    QueueDeleteOk,
    QueuePurge,
    QueuePurgeOk,
    QueueUnbind,
    QueueUnbindOk,
)
from onemq.model.entities import QueueStatus
from onemq.model.refusal import Reason, Refusal


def declare(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = QueueDeclare.decode(data, start, end)
    session = channel.session
    name = stripped(method.queue)
    if name.startswith(REPLY_TO):
        status = _reply_status(channel, name)
    elif method.passive:
        status = session.access.queues.check(name)
    else:
        forbid_reserved("queue", name)
        server_named = name == ""
        if server_named:
            name = session.generated_name("amq.gen")
        default_type = session.access.queues.default_type()
        if default_type:
            method.arguments = with_default_type(
                method.arguments, default_type, method.durable, method.exclusive, method.auto_delete
            )
        existing_type = session.access.queues.type_of(name)
        if existing_type:
            settings = second_declaration(
                existing_type, method.durable, method.exclusive, method.auto_delete, method.arguments
            )
        else:
            settings = queue_settings(
                name,
                session.vhost,
                method.durable,
                method.exclusive,
                method.auto_delete,
                method.arguments,
                server_named,
            )
        status = session.access.queues.declare(name, settings)
    channel.last_queue = status.name
    if not method.no_wait:
        channel.send_durable(QueueDeclareOk(status.name, int(status.ready), int(status.consumers)))


def _reply_status(channel: Channel, name: str) -> QueueStatus:
    """A direct reply-to name: declaring it tells whether somebody waits for the reply."""
    if name != REPLY_TO and not channel.session.access.has_reply(name):
        raise Refusal(Reason.NOT_FOUND, "queue", name)
    return QueueStatus(name, 0, 1)


def _routing_key(channel: Channel, queue: str, routing_key: str) -> str:
    """Without queue and routing key, the queue declared last is both."""
    if queue == "" and routing_key == "":
        return channel.last_queue
    return routing_key


def bind(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = QueueBind.decode(data, start, end)
    queue = queue_name(channel, method.queue)
    exchange = stripped(method.exchange)
    forbid_default_exchange(exchange)
    routing_key = _routing_key(channel, method.queue, method.routing_key)
    channel.session.access.exchanges.bind_queue(
        queue, exchange, routing_key, plain_arguments(method.arguments)
    )
    if not method.no_wait:
        channel.send_durable(QueueBindOk())


def unbind(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = QueueUnbind.decode(data, start, end)
    queue = queue_name(channel, method.queue)
    exchange = stripped(method.exchange)
    forbid_default_exchange(exchange)
    routing_key = _routing_key(channel, method.queue, method.routing_key)
    try:
        channel.session.access.exchanges.unbind_queue(
            queue, exchange, routing_key, plain_arguments(method.arguments)
        )
    except Refusal as refusal:
        forgive_absent(refusal)
    channel.send_durable(QueueUnbindOk())


def purge(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = QueuePurge.decode(data, start, end)
    count = channel.session.access.queues.purge(queue_name(channel, method.queue))
    if not method.no_wait:
        channel.send_durable(QueuePurgeOk(int(count)))


def delete(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = QueueDelete.decode(data, start, end)
    name = queue_name(channel, method.queue)
    count = channel.session.access.queues.delete(name, method.if_unused, method.if_empty)
    if not method.no_wait:
        channel.send_durable(QueueDeleteOk(int(count)))
