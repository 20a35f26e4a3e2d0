"""Publishing to an exchange and getting from a queue over HTTP: for tools and tests, not for applications.

Source: rabbit_mgmt_wm_exchange_publish, rabbit_mgmt_wm_queue_get; recorded answers of RabbitMQ 3.10.
"""

import base64
from typing import Any, Final

from onemq.engine.access import Access
from onemq.engine.consumption import Consumer, Delivery, GetResult, GetWaiter, Sink
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.errors import Problem
from onemq.heads.management.rabbitmq.bodies import bad_request, body_of, octets, table, text, whole
from onemq.heads.management.rabbitmq.service import Service, exchange_name
from onemq.heads.management.routes import Route
from onemq.model.record import Record
from onemq.model.refusal import Reason, Refusal

GETS_MAX: Final = 10_000
ACK: Final = "ack_requeue_false"
REQUEUE: Final = "ack_requeue_true"
REJECT: Final = "reject_requeue_false"
REJECT_REQUEUE: Final = "reject_requeue_true"
ACKNOWLEDGEMENTS: Final = (ACK, REQUEUE, REJECT, REJECT_REQUEUE)
ANSWER_BYTES_MAX: Final = 64 * 1024 * 1024
"""Values that one answer may hold: no more are got."""


class Messages:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(
                "POST",
                "/api/exchanges/{vhost}/{name}/publish",
                self.publish,
                summary="publishes one message",
            ),
            Route("POST", "/api/queues/{vhost}/{name}/get", self.get, summary="gets messages"),
        ]

    def publish(self, call: Call) -> None:
        access = self._service.acting(call)
        body = body_of(call, ("routing_key", "properties", "payload", "payload_encoding"))
        payload = body["payload"]
        if not isinstance(payload, str):
            raise bad_request("payload_not_string")
        encoding = body["payload_encoding"]
        if encoding == "string":
            value = payload.encode("utf-8", "surrogateescape")
        elif encoding == "base64":
            value = octets(payload)
        else:
            raise bad_request(["unsupported_encoding", encoding])
        call.session.link.publishes()
        try:
            routed = self._service.words.publish(
                access,
                exchange_name(call.values["name"]),
                text(body, "routing_key"),
                table(body, "properties"),
                value,
            )
        except Refusal as refusal:
            raise self._refused(refusal, call) from None
        call.answer({"routed": routed})

    def _refused(self, refusal: Refusal, call: Call) -> Exception:
        """RabbitMQ publishes over a channel of its own, and shows what closed it."""
        if refusal.reason == Reason.ACCESS_DENIED and refusal.detail != "internal":
            return refusal
        detail = refusal.detail
        if refusal.entity_kind == "" and detail.startswith("not_int "):
            return bad_request(detail.split(" ", 1))
        if refusal.entity_kind == "" and detail == "null_not_allowed":
            return bad_request(detail)
        code, said = self._service.words.reply(refusal, call.values["vhost"], call.principal.name)
        return bad_request(f"{code} {said}")

    def get(self, call: Call) -> None:
        access = self._service.acting(call)
        body = body_of(call, ("count", "ackmode", "encoding"))
        count = whole(body["count"])
        acknowledgement = body["ackmode"]
        if acknowledgement not in ACKNOWLEDGEMENTS:
            raise bad_request(["unknown_ackmode", acknowledgement])
        encoding = body["encoding"]
        if encoding not in ("auto", "base64"):
            raise bad_request(["unsupported_encoding", encoding])
        truncate = whole(body["truncate"]) if "truncate" in body else -1
        if count < 0 or truncate < -1:
            raise bad_request(["not_integer", count if count < 0 else truncate])
        name = call.values["name"]
        try:
            access.queues.check(name)
        except Refusal as refusal:
            if refusal.reason == Reason.NOT_FOUND:
                said = self._service.words.reply(refusal, call.values["vhost"], call.principal.name)[1]
                raise Problem(404, "not_found", said) from None
            raise self._refused(refusal, call) from None
        gets = Gets(call, access, self._service, name, min(count, GETS_MAX), str(acknowledgement))
        gets.encoding = str(encoding)
        gets.truncate = truncate
        try:
            gets.go_on()
        except Refusal as refusal:
            raise self._refused(refusal, call) from None
        if not call.answered:
            call.canceller = gets


class NoSink(Sink):
    """Where gets count; nothing is ever delivered to it."""

    def deliver(
        self, consumer: Consumer, record: Record, attempts: int, failures: int, delivery: Delivery | None
    ) -> None:
        raise AssertionError("nobody consumes here")

    def cancelled(self, consumer: Consumer, reason: str) -> None:
        raise AssertionError("nobody consumes here")

    def timed_out(self, delivery: Delivery, timeout_ms: int) -> None:
        return

    def reply(self, record: Record) -> None:
        return


class Gets(GetWaiter, Canceller):
    """One request's messages: taken one after the other, and settled together at the end."""

    def __init__(
        self, call: Call, access: Access, service: Service, queue: str, count: int, acknowledgement: str
    ) -> None:
        super().__init__()
        self.encoding = "auto"
        self.truncate = -1
        self._call = call
        self._access = access
        self._service = service
        self._queue = queue
        self._count = count
        self._acknowledgement = acknowledgement
        self._sink = NoSink()
        self._found: list[GetResult] = []
        self._bytes = 0
        self._asking = False
        self._waiting = False
        self._result: GetResult | None = None
        access.open_sink(self._sink)

    # The engine's answers.

    def got(self, result: GetResult | None) -> None:
        self._waiting = False
        self._result = result
        if not self._asking:
            self._call.soon(self._resumed)

    # Canceller: what was taken goes back when the call is released.

    def cancel(self) -> None:
        self._call.work = None

    def hurry(self) -> None:
        self._finish()

    # Inside.

    def go_on(self) -> None:
        """Asks for the next until there are enough, none is left, or one has to be waited for."""
        while len(self._found) < self._count and self._bytes < ANSWER_BYTES_MAX:
            self._asking = True
            self._waiting = True
            self._access.get(self._queue, self._sink, False, self)
            self._asking = False
            if self._waiting:
                return
            if not self._take():
                break
        self._finish()

    def _resumed(self) -> None:
        if self._take():
            self.go_on()
        else:
            self._finish()

    def _take(self) -> bool:
        result = self._result
        self._result = None
        if result is None:
            return False
        self._found.append(result)
        self._bytes += int(result.record.body_bytes())
        return True

    def _finish(self) -> None:
        items = [self._item(result) for result in self._found]
        for result in self._found:
            delivery = result.delivery
            if delivery is None:
                continue
            if self._acknowledgement == ACK:
                self._access.accept(delivery)
            elif self._acknowledgement == REJECT:
                self._access.reject(delivery)
            else:
                self._access.release(delivery, self._acknowledgement == REJECT_REQUEUE)
        self._call.answer(items)

    def _item(self, result: GetResult) -> dict[str, Any]:
        record = result.record
        value = record.value or b""
        properties = self._service.words.properties_of(
            record, result.queue, int(result.attempts), int(result.failures)
        )
        shown = value if self.truncate < 0 else value[: self.truncate]
        payload, encoding = _payload(shown, self.encoding)
        return {
            "payload_bytes": len(value),
            "redelivered": result.attempts > 0,
            "exchange": record.address.exchange,
            "routing_key": record.address.routing_key,
            "message_count": int(result.remaining),
            "properties": properties or [],
            "payload": payload,
            "payload_encoding": encoding,
        }


def _payload(value: bytes, encoding: str) -> tuple[str, str]:
    if encoding == "auto":
        try:
            return value.decode("utf-8"), "string"
        except UnicodeDecodeError:
            pass
    return base64.b64encode(value).decode("ascii"), "base64"
