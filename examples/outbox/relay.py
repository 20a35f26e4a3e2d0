"""The relay: takes the outbox's rows to Kafka, the oldest first, and deletes what the broker has on disk.

Killed between the two it sends some rows again: at least once, in order for each order (the key). One relay at a time.
"""

from __future__ import annotations

import logging
import signal
import threading
from types import FrameType

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from .settings import BATCH_MAX, BOOTSTRAP_SERVERS, EVENT_ID_HEADER, SHOP_DATABASE, TOPIC
from .shop import Shop

POLL_SECONDS = 0.05
SEND_SECONDS_MAX = 30.0

log = logging.getLogger(__name__)


class Relay:
    def __init__(self, shop: Shop) -> None:
        self._shop = shop
        self._errors: list[KafkaError] = []
        # Idempotent: what the library itself sends again is stored once and in order.
        self._producer = Producer(
            {"bootstrap.servers": BOOTSTRAP_SERVERS, "enable.idempotence": True, "linger.ms": 5}
        )

    def send_batch(self) -> bool:
        """False when there was nothing to send. Raises KafkaException when the broker did not take it all."""
        rows = self._shop.unsent(BATCH_MAX)
        if not rows:
            return False
        self._errors.clear()
        for row in rows:
            self._producer.produce(
                TOPIC,
                key=row.order_id,
                value=row.body,
                headers={EVENT_ID_HEADER: row.event_id},
                on_delivery=self._delivered,
            )
        waiting = self._producer.flush(SEND_SECONDS_MAX)
        if self._errors:
            raise KafkaException(self._errors[0])
        if waiting:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))
        self._shop.sent(rows)
        return True

    def _delivered(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None:
            self._errors.append(error)


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    stopping = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stopping.set()

    for signal_number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_number, stop)
    shop = Shop(SHOP_DATABASE)
    relay = Relay(shop)
    while not stopping.is_set():
        try:
            sent = relay.send_batch()
        except KafkaException as error:
            # What is in doubt stays in the outbox. A new producer: the old one's sequence may have a gap.
            log.warning("not sent, trying again: %s", error)
            relay = Relay(shop)
            sent = False
        if not sent:
            stopping.wait(POLL_SECONDS)
    shop.close()


if __name__ == "__main__":
    main()
