"""basic.get: one message, now."""

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.engine.consumption import GetResult, GetWaiter
from onemq.heads.amqp091.channel import Channel, ReplySlot, address_bytes, consumed_properties
from onemq.heads.amqp091.codec import write_get_ok, write_method_frame
from onemq.heads.amqp091.commands.names import queue_name
from onemq.heads.amqp091.methods import BasicGet, BasicGetEmpty


class PendingGet(GetWaiter):
    """One basic.get. Its answer comes at once, or later in the place that it has reserved among the channel's replies:
    with the delivery tag of that place, since what is delivered meanwhile leaves after it."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.slot: ReplySlot | None = None
        self.answered = False
        self.tag: i64 = 0

    def got(self, result: GetResult | None) -> None:
        self.answered = True
        channel = self.channel
        if channel.closing:
            return
        frames = _answer(channel, result, self.tag)
        channel.session.touch()
        if self.slot is not None:
            channel.fill(self.slot, frames)
        elif channel.waits():
            channel.park_frames(frames, 0)
        else:
            channel.session.outbox.writer.write(frames)


def get(channel: Channel, data: bytes, start: int, end: int) -> None:
    method = BasicGet.decode(data, start, end)
    waiter = PendingGet(channel)
    channel.session.access.get(queue_name(channel, method.queue), channel, method.no_ack, waiter)
    if not waiter.answered:
        waiter.slot = channel.reserve()
        channel.delivery_tag += 1
        waiter.tag = channel.delivery_tag


def _answer(channel: Channel, result: GetResult | None, tag: i64) -> bytes:
    """The frames; `tag` 0 takes the channel's next delivery tag."""
    frames = BytesWriter()
    if result is None:
        write_method_frame(frames, channel.number, BasicGetEmpty().encode())
        return frames.getvalue()
    record = result.record
    if tag == 0:
        channel.delivery_tag += 1
        tag = channel.delivery_tag
    delivery = result.delivery
    if delivery is not None:
        delivery.tag = tag
        channel.unacked[int(tag)] = delivery
        channel.lowest_tag = min(channel.lowest_tag, tag)
    properties = consumed_properties(record, result.queue, result.attempts, result.failures)
    write_get_ok(
        frames,
        channel.number,
        tag,
        result.attempts > 0,
        address_bytes(record.address),
        result.remaining,
        properties,
        b"" if record.value is None else record.value,
        channel.session.frame_bytes_max,
    )
    return frames.getvalue()
