"""Publisher confirms of one channel: numbers the publishes and acknowledges them in runs, in order.

Acknowledgements travel in a lane of their own: a confirm that waits for the disk holds back no delivery.
Must not: publish anything.
Spec: RabbitMQ's documentation of confirms.
"""

from typing import Final

from librt.strings import BytesWriter
from mypy_extensions import i64

from onemq.engine.access import Access
from onemq.engine.counters import Counters
from onemq.engine.enqueueing import DURABLE, REFUSED
from onemq.heads.amqp091.codec import write_ack, write_nack
from onemq.heads.contract import Outbox

CONFIRM_LANES: Final = 65536
"""Channel n's confirms wait in lane n + CONFIRM_LANES."""


class Confirms:
    """Attributes:
    pending: some publish has no acknowledgement written or parked yet; it stands in the connection's list of those
        that are to be flushed.
    """

    __slots__ = (
        "_answered_tag",
        "_channel",
        "_counters",
        "_durable",
        "_lane",
        "_last_tag",
        "_sent_tag",
        "_waiting",
        "pending",
    )

    def __init__(self, channel: i64, waiting: "list[Confirms]", counters: Counters) -> None:
        self._counters = counters
        self._channel: i64 = channel
        self._waiting = waiting
        self._lane = int(channel) + CONFIRM_LANES
        self._last_tag: i64 = 0
        self._answered_tag: i64 = 0
        self._sent_tag: i64 = 0
        """No acknowledgement up to here waits any more."""
        self._durable = False
        self.pending = False

    def published(self, outcome: i64, access: Access, outbox: Outbox) -> None:
        """The next publish is done, with this outcome."""
        if outcome & REFUSED:
            self.flush(access, outbox)
            self._last_tag += 1
            self._answered_tag = self._last_tag
            frame = BytesWriter()
            write_nack(frame, self._channel, self._last_tag, False)
            outbox.park(self._lane, 0, frame.getvalue())
            access.not_confirmed(self._counters)
            return
        self._last_tag += 1
        if not self.pending:
            self.pending = True
            self._waiting.append(self)
        if outcome & DURABLE:
            self._durable = True

    def flush(self, access: Access, outbox: Outbox) -> None:
        """Parks one acknowledgement for all publishes since the last."""
        last = self._last_tag
        if last > self._answered_tag:
            frame = BytesWriter()
            write_ack(frame, self._channel, last, last - self._answered_tag > 1)
            waits = outbox.lane_waits(self._lane)
            if not waits:
                self._sent_tag = self._answered_tag
            position = access.position() if self._durable else 0
            outbox.park(self._lane, position, frame.getvalue())
            access.confirmed(last - self._answered_tag, self._counters, position, waits)
            self._answered_tag = last
        self._durable = False
        self.pending = False

    def unconfirmed(self, outbox: Outbox) -> int:
        """Publishes whose acknowledgement has not left; while one waits, those since none did count with it."""
        return int(self._last_tag - (self._sent_tag if outbox.lane_waits(self._lane) else self._answered_tag))

    def drop(self, outbox: Outbox) -> None:
        """The channel is closing: nobody waits any more."""
        self._answered_tag = self._last_tag
        self.pending = False
        outbox.drop_lane(self._lane)
