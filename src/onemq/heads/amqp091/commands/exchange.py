"""exchange.declare, delete, bind, unbind."""

from onemq.heads.amqp091.arguments import plain_arguments
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.commands.names import (
    RESERVED_PREFIX,
    forbid_default_exchange,
    forbid_reserved,
    forgive_absent,
    stripped,
)
from onemq.heads.amqp091.exchange_arguments import exchange_settings, second_declaration
from onemq.heads.amqp091.frames import ACCESS_REFUSED
from onemq.heads.amqp091.methods import (
    ExchangeBind,
    ExchangeBindOk,
    ExchangeDeclare,
    ExchangeDeclareOk,
    ExchangeDelete,
    ExchangeDeleteOk,
    ExchangeUnbind,
    ExchangeUnbindOk,
)
from onemq.heads.amqp091.replies import AmqpRefusal, entity_text
from onemq.model.entities import ExchangeSettings
from onemq.model.refusal import Refusal


def declare(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ExchangeDeclare.decode(data, start, end)
    session = channel.session
    name = stripped(method.exchange)
    if method.passive:
        forbid_default_exchange(name)
        session.access.exchanges.check(name)
    else:
        session.access.exchanges.declare(name, _settings(channel, name, method))
    if not method.no_wait:
        channel.send_durable(ExchangeDeclareOk())


def _settings(channel: Channel, name: str, method: ExchangeDeclare) -> ExchangeSettings:
    """RabbitMQ checks the arguments of a new exchange, and only compares those of one that is there."""
    if name != "" and _exists(channel, name):
        return second_declaration(
            method.type, method.durable, method.auto_delete, method.internal, method.arguments
        )
    settings = exchange_settings(
        name,
        channel.session.vhost,
        method.type,
        method.durable,
        method.auto_delete,
        method.internal,
        method.arguments,
    )
    forbid_default_exchange(name)
    forbid_reserved("exchange", name)
    return settings


def _exists(channel: Channel, name: str) -> bool:
    try:
        channel.session.access.exchanges.check(name)
    except Refusal:
        return False
    return True


def delete(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ExchangeDelete.decode(data, start, end)
    session = channel.session
    name = stripped(method.exchange)
    forbid_default_exchange(name)
    if name.startswith(RESERVED_PREFIX):
        raise AmqpRefusal(
            ACCESS_REFUSED, f"deletion of system {entity_text('exchange', name, session.vhost)} not allowed"
        )
    session.access.exchanges.delete(name, method.if_unused)
    if not method.no_wait:
        channel.send_durable(ExchangeDeleteOk())


def bind(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ExchangeBind.decode(data, start, end)
    destination, source = stripped(method.destination), stripped(method.source)
    forbid_default_exchange(destination)
    forbid_default_exchange(source)
    channel.session.access.exchanges.bind_exchange(
        destination, source, method.routing_key, plain_arguments(method.arguments)
    )
    if not method.no_wait:
        channel.send_durable(ExchangeBindOk())


def unbind(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = ExchangeUnbind.decode(data, start, end)
    destination, source = stripped(method.destination), stripped(method.source)
    forbid_default_exchange(destination)
    forbid_default_exchange(source)
    arguments = plain_arguments(method.arguments)
    try:
        channel.session.access.exchanges.unbind_exchange(destination, source, method.routing_key, arguments)
    except Refusal as refusal:
        forgive_absent(refusal)
    if not method.no_wait:
        channel.send_durable(ExchangeUnbindOk())
