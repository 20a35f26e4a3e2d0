"""basic.get: one message, now."""

from librt.strings import BytesWriter

from onemq.engine.consumption import GetResult, GetWaiter
from onemq.heads.amqp091.channel import Channel, ReplySlot, address_bytes, consumed_properties
from onemq.heads.amqp091.codec import write_get_ok, write_method_frame
from onemq.heads.amqp091.commands.names import queue_name
from onemq.heads.amqp091.methods import BasicGet, BasicGetEmpty


class PendingGet(GetWaiter):
    """One basic.get. Its answer comes at once, or later in the place that it has reserved among the channel's replies."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel
        self.slot: ReplySlot | None = None
        self.answered = False

    def got(self, result: GetResult | None) -> None:
        self.answered = True
        channel = self.channel
        if channel.closing:
            return
        frames = _answer(channel, result)
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


def _answer(channel: Channel, result: GetResult | None) -> bytes:
    frames = BytesWriter()
    if result is None:
        write_method_frame(frames, channel.number, BasicGetEmpty().encode())
        return frames.getvalue()
    record = result.record
    channel.delivery_tag += 1
    delivery = result.delivery
    if delivery is not None:
        delivery.tag = channel.delivery_tag
        channel.unacked[int(channel.delivery_tag)] = delivery
    properties = consumed_properties(record, result.queue, result.attempts, result.failures)
    write_get_ok(
        frames,
        channel.number,
        channel.delivery_tag,
        result.attempts > 0,
        address_bytes(record.address),
        result.remaining,
        properties,
        b"" if record.value is None else record.value,
        channel.session.frame_bytes_max,
    )
    return frames.getvalue()
