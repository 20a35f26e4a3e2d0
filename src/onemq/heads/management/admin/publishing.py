"""Publishing from JSON: to a queue, a topic or an exchange, many messages in one commit."""

import zlib
from typing import Final

from onemq.engine.access import Access
from onemq.engine.enqueueing import REFUSED, ROUTED
from onemq.engine.topics.topic import Topic
from onemq.heads.management.admin.message_shapes import NewMessage, Publish, Published
from onemq.heads.management.admin.messages import headers_in, key_in, octets
from onemq.heads.management.admin.service import acting, bad_request, queue_view, topic_view, within
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import Route
from onemq.model.record import HeaderValue, Record
from onemq.model.record_codec import encode_batch

MESSAGES_MAX: Final = 10_000
DELAY_MS_MAX: Final = 366 * 24 * 3600 * 1000


class Publishing:
    """See the module."""

    def __init__(self) -> None:
        self._turn = 0

    def routes(self) -> list[Route]:
        return [
            Route(
                "POST",
                "/v1/publish/{namespace}",
                self.publish,
                summary="Publishes messages",
                request=Publish,
                response=Published,
            )
        ]

    def publish(self, call: Call) -> None:
        wanted = call.body(Publish)
        if (wanted.target is None) == (wanted.exchange is None):
            raise bad_request("name either a target or an exchange")
        if not 1 <= len(wanted.messages) <= MESSAGES_MAX:
            raise bad_request(f"1 to {MESSAGES_MAX} messages at a time, not {len(wanted.messages)}")
        for message in wanted.messages:
            within("delay_ms", message.delay_ms, 0, DELAY_MS_MAX)
            within("ttl_ms", message.ttl_ms or 0, 0, DELAY_MS_MAX)
            within("priority", message.priority, 0, 255)
        values = [
            (octets(message.body, message.encoding, "body"), key_in(message)) for message in wanted.messages
        ]
        call.session.link.publishes()
        access = acting(call)
        topic = self._topic(access, wanted)
        if topic is not None:
            call.answer(self._produce(access, topic, wanted, values))
        else:
            call.answer(_enqueue(access, wanted, values))

    def _topic(self, access: Access, wanted: Publish) -> Topic | None:
        """Where the target is a topic; a topic with a queue takes what only queues know the queue's way. Raises Problem."""
        if wanted.target is None:
            if wanted.partition is not None:
                raise bad_request("partitions are of topics")
            return None
        view = topic_view(access, wanted.target)
        timed = any(message.delay_ms or message.ttl_ms is not None for message in wanted.messages)
        if view is None or (view.queue and timed and wanted.partition is None):
            if wanted.partition is not None:
                raise bad_request(f"'{wanted.target}' is not a topic: it has no partitions")
            return None
        if timed:
            raise bad_request(f"topic '{wanted.target}' has no queue: delay_ms and ttl_ms mean nothing there")
        if wanted.partition is not None and not 0 <= wanted.partition < len(view.partitions):
            raise bad_request(f"topic '{wanted.target}' has no partition {wanted.partition}")
        return access.topics.find(wanted.target)

    def _produce(
        self, access: Access, topic: Topic, wanted: Publish, values: list[tuple[bytes, bytes | None]]
    ) -> Published:
        """One batch per partition. With a key: the partition that librdkafka chooses (CRC-32); without: in turn."""
        count = len(topic.partitions)
        parts: dict[int, list[Record]] = {}
        now_ms = access.now_ms()
        for message, (body, key) in zip(wanted.messages, values, strict=True):
            if wanted.partition is not None:
                index = wanted.partition
            elif key is None:
                self._turn += 1
                index = self._turn % count
            else:
                index = zlib.crc32(key) % count
            record = Record(body, access.catalog.addresses.get("", topic.name))
            record.key = key
            record.headers = headers_in(message)
            record.timestamp_ms = now_ms
            records = parts.setdefault(index, [])
            record.offset = len(records)
            records.append(record)
        offsets: dict[str, int] = {}
        for index, records in parts.items():
            batch = access.catalog.natives.plain_batch(encode_batch(records))
            appended = access.topics.produce(topic, index, batch, None)
            offsets[str(index)] = int(appended.base_offset) + len(records) - 1
        return Published(routed=len(values), unroutable=0, refused=0, offsets=offsets)


def _enqueue(access: Access, wanted: Publish, values: list[tuple[bytes, bytes | None]]) -> Published:
    if wanted.target is not None:
        if queue_view(access, wanted.target) is None:
            text = f"there is neither a queue nor a topic '{wanted.target}' here: make one first"
            raise Problem(404, "not_found", text)
        route = access.queue_route(wanted.target)
    else:
        assert wanted.exchange is not None
        route = access.route(wanted.exchange, wanted.routing_key)
    now_ms = access.now_ms()
    found = Published(routed=0, unroutable=0, refused=0, offsets={})
    for message, (body, key) in zip(wanted.messages, values, strict=True):
        record = Record(body, route.address, volatile=not message.persistent, priority=message.priority)
        record.key = key
        record.headers = headers_in(message)
        if message.delay_ms:
            record.not_before_ms = now_ms + message.delay_ms
        if message.ttl_ms is not None:
            record.expires_at_ms = now_ms + max(message.ttl_ms, 1)
        outcome = access.publish(route, record, _routed_by(message))
        if outcome & REFUSED:
            found.refused += 1
        elif outcome & ROUTED:
            found.routed += 1
        else:
            found.unroutable += 1
    return found


def _routed_by(message: NewMessage) -> dict[str, HeaderValue]:
    headers: dict[str, HeaderValue] = {}
    headers.update(message.headers)
    return headers
