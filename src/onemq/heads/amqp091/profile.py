"""What operators see of an AMQP connection: its profile, and field tables as JSON has them.

Must not: lead back into a session: a profile is a copy.
Spec: how RabbitMQ's management API shows field values (rabbit_mgmt_format).
"""

from base64 import b64encode

from onemq.engine.ledger_queue import LedgerQueue
from onemq.engine.queue import QueueParts
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.handshake import DONE, Handshake
from onemq.heads.amqp091.session import Session
from onemq.heads.amqp091.table import Decimal, Timestamp
from onemq.heads.contract import ChannelProfile, ConsumerProfile, Profile


def json_value(value: object) -> object:
    """A field's value as JSON can say it: times are seconds, decimals floats, octets that are no text say so."""
    if isinstance(value, dict):
        return {str(name): json_value(found) for name, found in value.items()}
    if isinstance(value, list):
        return [json_value(found) for found in value]
    if isinstance(value, (bytes, bytearray)):
        octets = bytes(value)
        try:
            return octets.decode("utf-8")
        except UnicodeDecodeError:
            return "Invalid UTF-8, base64 is: " + b64encode(octets).decode("ascii")
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            octets = value.encode("utf-8", "surrogateescape")
            return "Invalid UTF-8, base64 is: " + b64encode(octets).decode("ascii")
        return value
    if isinstance(value, Timestamp):
        return value.seconds
    if isinstance(value, Decimal):
        return float(value.value) / float(10**value.scale)
    if value is None or isinstance(value, (bool, int, float)):
        return value
    return str(value)


def json_table(fields: dict[str, object]) -> dict[str, object]:
    """As `json_value`, of a whole table."""
    return {name: json_value(value) for name, value in fields.items()}


def connection_profile(handshake: Handshake, session: Session | None, channels: list[Channel]) -> Profile:
    """session: None before the connection is open, and when it is over."""
    profile = Profile("AMQP 0-9-1", client_name=handshake.connection_name)
    profile.client_properties = {
        name: json_value(value) for name, value in handshake.client_properties.items()
    }
    profile.mechanism = handshake.mechanism
    profile.channels_max = int(handshake.channels_max)
    profile.frame_bytes_max = int(handshake.frame_bytes_max)
    profile.heartbeat_seconds = int(handshake.heartbeat_seconds)
    if session is None:
        profile.state = "starting" if handshake.state != DONE else "closing"
        return profile
    profile.user = session.user
    profile.namespace = session.vhost
    profile.exclusive_queues = session.access.queues.exclusive()
    for channel in channels:
        if not channel.closing:
            profile.channels.append(_channel_profile(channel))
    return profile


def _channel_profile(channel: Channel) -> ChannelProfile:
    profile = ChannelProfile(int(channel.number), channel.counters)
    profile.prefetch = int(channel.prefetch)
    profile.shared_prefetch = int(channel.shared_demand.limit)
    profile.unsettled = len(channel.unacked)
    confirms = channel.confirms
    if confirms is not None:
        profile.confirms = True
        profile.unconfirmed = confirms.unconfirmed(channel.session.outbox)
    transaction = channel.transaction
    if transaction is not None:
        profile.transactional = True
        profile.held_publishes = len(transaction.publishes)
        for held in transaction.settlements:
            profile.held_settlements += len(held.deliveries)
    for tag, consumer in channel.tags.items():
        shown = ConsumerProfile(
            tag,
            consumer.queue_name,
            not consumer.no_ack,
            consumer.exclusive,
            consumer.active,
            int(consumer.demand.limit),
            consumer.priority,
            json_table(consumer.arguments),
        )
        leaser = consumer.queue
        if isinstance(leaser, QueueParts) and isinstance(leaser.queue, LedgerQueue):
            shown.timeout_ms = int(leaser.queue.timeout_ms())
        profile.consumers.append(shown)
    return profile
