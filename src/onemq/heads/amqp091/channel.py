"""One channel: its state, and the place where its deliveries go.

The commands (commands/) work on it. Must not: interpret methods, call the engine from a delivery.
Spec: AMQP 0-9-1 classes channel and basic.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.engine.consumption import Consumer, Delivery, Leaser, Sink
from onemq.engine.queue import QueueParts
from onemq.heads.amqp091.codec import write_deliver, write_method_frame
from onemq.heads.amqp091.confirms import Confirms
from onemq.heads.amqp091.frames import short_string
from onemq.heads.amqp091.mapping import BCC_FIELD, delivery_properties, with_long_header
from onemq.heads.amqp091.methods import BasicCancel, Method
from onemq.heads.amqp091.properties import PropertyInfo
from onemq.heads.amqp091.session import Session, Target
from onemq.heads.amqp091.transactions import Transaction
from onemq.model.demand import Demand
from onemq.model.record import NATIVE_AMQP091, Address, Record

EXPECT_METHOD: Final = 0
EXPECT_HEADER: Final = 1
EXPECT_BODY: Final = 2


class ReplySlot:
    """A place in the order of a channel's replies: for the answer of a basic.get that waits for a cold read, and for
    everything that comes after it. `frames` is None until it is known."""

    __slots__ = ("frames", "position")

    def __init__(self, position: int, frames: bytes | None) -> None:
        self.position = position
        self.frames = frames


class Channel(Sink):
    """Attributes:
    number: of the channel. closing: we have sent channel.close and wait for close-ok.
    lane_busy: something was parked in the channel's lane; ask `waits`.
    unacked: deliveries by tag. lowest_tag: no lower tag is in `unacked`.
    tags: consumers by tag. prefetch: for consumers to come. shared_demand: what qos with global set limits.
    last_queue: declared last on this channel; what an empty queue name means.
    expects, target, properties, body_bytes, collected, pieces: the content being received.
    last_info: what was found in the last message's properties; messages with equal ones share them.
    reply_tag, reply_name: of the direct reply-to consumer; "" when there is none.
    slots: replies that wait for the answer of a basic.get, which stands first.
    """

    def __init__(self, session: Session, number: i64) -> None:
        super().__init__()
        self.session = session
        self.number: i64 = number
        self.closing = False
        self.lane_busy = False
        self.delivery_tag: i64 = 0
        self.lowest_tag: i64 = 1
        self.unacked: dict[int, Delivery] = {}
        self.tags: dict[str, Consumer] = {}
        self.prefetch: i64 = 0
        self.shared_demand = Demand(0)
        self.last_queue = ""
        self.confirms: Confirms | None = None
        self.transaction: Transaction | None = None
        self.expects: i64 = EXPECT_METHOD
        self.target: Target | None = None
        self.properties = b""
        self.body_bytes: i64 = 0
        self.collected: i64 = 0
        self.pieces: list[bytes] = []
        self.last_info: PropertyInfo | None = None
        self.reply_tag = ""
        self.reply_name = ""
        self.slots: list[ReplySlot] = []

    # Sending.

    def waits(self) -> bool:
        """True when replies of this channel wait, for the disk or for a basic.get: nothing may overtake them."""
        if self.lane_busy:
            if self.slots or self.session.outbox.lane_waits(int(self.number)):
                return True
            self.lane_busy = False
        return False

    def send(self, method: Method) -> None:
        """One method, behind whatever this channel has parked."""
        if self.lane_busy and self.waits():
            self.park(method, 0)
        else:
            write_method_frame(self.session.outbox.writer, self.number, method.encode())

    def send_durable(self, method: Method) -> None:
        """One method, once everything done so far is durable."""
        self.park(method, int(self.session.access.position()))

    def park(self, method: Method, position: int) -> None:
        frame = BytesWriter()
        write_method_frame(frame, self.number, method.encode())
        self.park_frames(frame.getvalue(), position)

    def park_frames(self, frames: bytes, position: int) -> None:
        self.lane_busy = True
        if self.slots:
            self.slots.append(ReplySlot(position, frames))
        else:
            self.session.outbox.park(int(self.number), position, frames)

    def reserve(self) -> ReplySlot:
        """A place for an answer that comes later; what is sent from now on follows it."""
        slot = ReplySlot(0, None)
        self.slots.append(slot)
        self.lane_busy = True
        return slot

    def fill(self, slot: ReplySlot, frames: bytes) -> None:
        """The answer for a reserved place has come."""
        slot.frames = frames
        slots = self.slots
        count = 0
        for ready in slots:
            known = ready.frames
            if known is None:
                break
            self.session.outbox.park(int(self.number), ready.position, known)
            count += 1
        del slots[:count]

    # Deliveries (called by the engine's dispatch).

    def deliver(
        self, consumer: Consumer, record: Record, attempts: i64, failures: i64, delivery: Delivery | None
    ) -> None:
        session = self.session
        if not session.touched:
            session.touch()
        tag: i64 = self.delivery_tag + 1
        self.delivery_tag = tag
        if delivery is not None:
            delivery.tag = tag
            self.unacked[int(tag)] = delivery
        if (
            attempts == 0
            and record.native_kind == NATIVE_AMQP091
            and record.deaths is None
            and consumer.start is None
            and (record.headers is None or BCC_FIELD not in record.native)
        ):
            properties = record.native
        else:
            properties = consumed_properties(record, consumer.queue, attempts, failures)
        value = record.value
        body = b"" if value is None else value
        waits = self.lane_busy and self.waits()
        writer = BytesWriter() if waits else session.outbox.writer
        write_deliver(
            writer,
            self.number,
            consumer.encoded_tag,
            tag,
            attempts > 0,
            address_bytes(record.address),
            properties,
            body,
            session.frame_bytes_max,
        )
        if waits:
            self.park_frames(writer.getvalue(), 0)

    def reply(self, record: Record) -> None:
        """A direct reply: delivered to the reply consumer, never acknowledged."""
        if self.reply_tag == "" or self.closing:
            return
        session = self.session
        session.touch()
        self.delivery_tag += 1
        waits = self.waits()
        writer = BytesWriter() if waits else session.outbox.writer
        write_deliver(
            writer,
            self.number,
            short_string(self.reply_tag),
            self.delivery_tag,
            False,
            address_bytes(record.address),
            delivery_properties(record),
            b"" if record.value is None else record.value,
            session.frame_bytes_max,
        )
        if waits:
            self.park_frames(writer.getvalue(), 0)

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        if self.tags.pop(consumer.tag, None) is None or self.closing:
            return
        if self.session.cancel_notify:
            self.session.touch()
            self.send(BasicCancel(consumer.tag, True))

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        self.session.link.warn(
            "consumer_timeout",
            f"channel {self.number}: delivery {delivery.tag} was not acknowledged within {timeout_ms} ms, its consumer is "
            "cancelled and its messages go back to the queue; a consumer that needs longer should declare its queue with "
            "a larger x-consumer-timeout",
            "" if delivery.consumer is None else f"queue {delivery.consumer.queue_name}",
        )

    # Unacknowledged deliveries.

    def take(self, tag: i64, multiple: bool) -> list[Delivery] | None:
        """Removes what basic.ack, nack or reject names from `unacked`, in order; None when the tag is unknown."""
        taken: list[Delivery] = []
        if multiple and tag == 0:
            tag = self.delivery_tag
        elif int(tag) not in self.unacked:
            return None
        if not multiple:
            taken.append(self.unacked.pop(int(tag)))
            return taken
        unacked = self.unacked
        at: i64 = self.lowest_tag
        if tag - at > 64 + 2 * len(unacked):
            # Most tags in between went to consumers that do not acknowledge: looking at each would take too long.
            for held in sorted([held for held in unacked if held <= tag]):
                taken.append(unacked.pop(held))
            self.lowest_tag = tag + 1
            return taken
        while at <= tag:
            delivery = unacked.pop(int(at), None)
            if delivery is not None:
                taken.append(delivery)
            at += 1
        self.lowest_tag = at
        return taken

    def put_back(self, deliveries: list[Delivery]) -> None:
        """Undoes `take` (tx.rollback)."""
        for delivery in deliveries:
            if delivery.tag < self.lowest_tag:
                self.lowest_tag = delivery.tag
            self.unacked[int(delivery.tag)] = delivery

    def reset_content(self) -> None:
        """Ready for the next method."""
        self.expects = EXPECT_METHOD
        self.target = None
        self.pieces = []
        self.session.held_bytes -= self.collected
        self.collected = 0


def consumed_properties(record: Record, queue: Leaser, attempts: i64, failures: i64) -> bytes:
    """A record's properties with what its queue's type adds for consumers."""
    properties = delivery_properties(record)
    if not isinstance(queue, QueueParts):
        return properties
    settings = queue.queue.settings
    if settings.kept:
        return with_long_header(properties, "x-stream-offset", record.offset)
    if settings.type_name == "quorum" and attempts > 0:
        properties = with_long_header(properties, "x-acquired-count", attempts)
        if failures > 0:
            properties = with_long_header(properties, "x-delivery-count", failures)
    return properties


def address_bytes(address: Address) -> bytes:
    """Exchange and routing key as two short strings; names too long for AMQP are cut."""
    encoded = address.shortstrs
    if encoded:
        return encoded
    return _cut(address.exchange) + _cut(address.routing_key)


def _cut(name: str) -> bytes:
    encoded = name.encode("utf-8", "surrogateescape")[:255]
    return bytes([len(encoded)]) + encoded
