"""basic.consume, cancel and qos, direct reply-to consumers included.

Spec: AMQP 0-9-1 class basic; RabbitMQ's documentation of consumer prefetch, priorities, streams and direct reply-to.
"""

from onemq.engine.consumption import (
    START_FIRST,
    START_LAST,
    START_NEXT,
    START_OFFSET,
    START_TIME,
    StreamStart,
)
from onemq.engine.queue import QueueParts
from onemq.heads.amqp091.arguments import (
    STREAM,
    ArgumentReader,
    age_text_ms,
    forbid_foreign_consumer_arguments,
    plain_arguments,
    type_name,
)
from onemq.heads.amqp091.channel import Channel
from onemq.heads.amqp091.commands.names import REPLY_TO, queue_name
from onemq.heads.amqp091.frames import (
    NOT_ALLOWED,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    short_string,
)
from onemq.heads.amqp091.methods import (
    BasicCancel,
    BasicCancelOk,
    BasicConsume,
    BasicConsumeOk,
    BasicQos,
    BasicQosOk,
)
from onemq.heads.amqp091.replies import AmqpRefusal, entity_text
from onemq.heads.amqp091.table import FieldValue, Timestamp
from onemq.model.demand import Demand


def consume(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = BasicConsume.decode(data, start, end)
    session = channel.session
    tag = method.consumer_tag
    if tag != "" and (tag in channel.tags or tag == channel.reply_tag):
        raise AmqpRefusal(NOT_ALLOWED, f"attempt to reuse consumer tag '{tag}'")
    if tag == "":
        tag = session.generated_name("amq.ctag")
    if method.queue == REPLY_TO:
        _consume_replies(channel, method, tag)
        return
    queue = queue_name(channel, method.queue)
    kind = session.access.queues.type_of(queue)
    # Without the queue nothing is checked: that it is not there is the answer.
    reader = ArgumentReader(method.arguments if kind else {}, "queue", queue, session.vhost)
    priority: int | None = None
    begin: StreamStart | None = None
    if kind == STREAM:
        begin = stream_start(reader, int(session.access.now_ms()))
    else:
        priority = reader.number("x-priority", negative_allowed=True)
    if kind:
        forbid_foreign_consumer_arguments(reader, kind)
    consumer = session.access.consume(
        queue,
        channel,
        tag,
        Demand(int(channel.prefetch)),
        channel.shared_demand,
        no_ack=method.no_ack,
        exclusive=method.exclusive,
        no_local=method.no_local,
        priority=0 if priority is None else priority,
        start=begin,
        arguments=plain_arguments(method.arguments),
    )
    consumer.encoded_tag = short_string(tag)
    leaser = consumer.queue
    if isinstance(leaser, QueueParts) and leaser.queue.settings.kept:
        if consumer.start is None:
            consumer.start = StreamStart(START_NEXT)
        refusal = stream_refusal(channel, method.no_ack, queue)
        if refusal is not None:
            session.access.cancel(consumer)
            raise refusal
    channel.tags[tag] = consumer
    if not method.no_wait:
        channel.send(BasicConsumeOk(tag))


def _consume_replies(channel: Channel, method: BasicConsume, tag: str) -> None:
    """A consumer of direct replies: a name of its own, known to the engine, instead of a queue."""
    if not method.no_ack:
        raise AmqpRefusal(PRECONDITION_FAILED, "reply consumer cannot acknowledge")
    if channel.reply_tag != "":
        raise AmqpRefusal(PRECONDITION_FAILED, "reply consumer already set")
    session = channel.session
    name = session.generated_name(REPLY_TO + ".g1") + "." + session.generated_name("k")
    session.access.register_reply(name, channel)
    channel.reply_tag = tag
    channel.reply_name = name
    if not method.no_wait:
        channel.send(BasicConsumeOk(tag))


def cancel(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = BasicCancel.decode(data, start, end)
    tag = method.consumer_tag
    if tag != "" and tag == channel.reply_tag:
        forget_replies(channel)
    else:
        consumer = channel.tags.pop(tag, None)
        if consumer is not None:
            channel.session.access.cancel(consumer)
    if not method.no_wait:
        channel.send(BasicCancelOk(tag))


def forget_replies(channel: Channel) -> None:
    """Ends the channel's direct reply-to consumer, if it has one."""
    if channel.reply_name != "":
        channel.session.access.release_reply(channel.reply_name)
        channel.reply_name = ""
        channel.reply_tag = ""


def qos(channel: Channel, data: bytes, start: int, end: int) -> None:
    """RabbitMQ's reading: without `global` for consumers to come, with it one limit shared by the whole channel."""
    method = BasicQos.decode(data, start, end)
    if method.prefetch_size != 0:
        raise AmqpRefusal(NOT_IMPLEMENTED, f"prefetch_size!=0 ({method.prefetch_size})")
    shared = channel.shared_demand
    if method.is_global:
        shared.limit = method.prefetch_count
        channel.session.access.demand_changed(channel)
    else:
        channel.prefetch = method.prefetch_count
        if shared.limit != 0:
            shared.limit = 0
            channel.session.access.demand_changed(channel)
    channel.send(BasicQosOk())


def stream_start(reader: ArgumentReader, now_ms: int) -> StreamStart | None:
    """Where to begin in a stream: x-stream-offset; None where absent."""
    if "x-stream-offset" not in reader.given:
        return None
    value = reader.given["x-stream-offset"]
    start = _parse_start(value, now_ms)
    if start is None:
        shown = f'<<"{value}">>' if isinstance(value, str) else str(value)
        raise AmqpRefusal(
            PRECONDITION_FAILED,
            f"invalid arg 'x-stream-offset' for {reader.entity}: "
            f"{{invalid_stream_offset_arg,{{{type_name(value)},{shown}}}}}",
        )
    return start


def _parse_start(value: FieldValue, now_ms: int) -> StreamStart | None:
    if isinstance(value, Timestamp):
        return StreamStart(START_TIME, value.seconds * 1000)
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return StreamStart(START_OFFSET, value) if value >= 0 else None
    if isinstance(value, str):
        if value in (START_FIRST, START_LAST, START_NEXT):
            return StreamStart(value)
        interval_ms = age_text_ms(value)
        if interval_ms is not None:
            return StreamStart(START_TIME, max(now_ms - interval_ms, 0))
    return None


def stream_refusal(channel: Channel, no_ack: bool, queue: str) -> AmqpRefusal | None:
    """What RabbitMQ asks of a stream's consumers: a prefetch, and acknowledgements."""
    entity = entity_text("queue", queue, channel.session.vhost)
    if channel.prefetch == 0 and channel.shared_demand.limit == 0:
        return AmqpRefusal(PRECONDITION_FAILED, f"consumer prefetch count is not set for stream {entity}")
    if no_ack:
        return AmqpRefusal(
            NOT_IMPLEMENTED, f"automatic acknowledgement not supported by stream queues {entity}"
        )
    return None
