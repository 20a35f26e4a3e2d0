"""/api/health/checks and the aliveness test: 200 and ok, or 503 and why not.

Source: rabbit_mgmt_wm_health_check_*, rabbit_mgmt_wm_aliveness_test; recorded answers of RabbitMQ 3.10.
"""

from typing import Any, Final

from onemq.engine.consumption import GetResult, GetWaiter
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.rabbitmq.bodies import bad_request
from onemq.heads.management.rabbitmq.messages import NoSink
from onemq.heads.management.rabbitmq.overview import alarms
from onemq.heads.management.rabbitmq.service import Service
from onemq.heads.management.routes import Handler, Route

ALIVENESS_QUEUE: Final = "aliveness-test"
_DAY_MS: Final = 86_400_000
_UNITS_MS: Final = {"days": _DAY_MS, "weeks": 7 * _DAY_MS, "months": 30 * _DAY_MS, "years": 365 * _DAY_MS}
_SINGLE: Final = {"status": "ok", "reason": "single node cluster"}


class Health:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        checks = "/api/health/checks/"
        found: list[tuple[str, Handler, str]] = [
            (checks + "alarms", self.alarms, "no alarm"),
            (checks + "local-alarms", self.alarms, "no alarm"),
            (checks + "certificate-expiration/{within}/{unit}", self.certificate, "certificates last"),
            (checks + "port-listener/{port}", self.port, "something listens on the port"),
            (checks + "protocol-listener/{protocol}", self.protocol, "something speaks the protocol"),
            (checks + "virtual-hosts", self.ok, "all vhosts run"),
            (checks + "node-is-mirror-sync-critical", self.single, "there is one node"),
            (checks + "node-is-quorum-critical", self.single, "there is one node"),
            (checks + "ready-to-serve-clients", self.alarms, "no alarm"),
            ("/api/healthchecks/node", self.alarms, "no alarm"),
            ("/api/healthchecks/node/{node}", self.alarms, "no alarm"),
            ("/api/aliveness-test/{vhost}", self.aliveness, "publishes and gets a message"),
        ]
        return [Route("GET", path, handler, summary=summary) for path, handler, summary in found]

    def ok(self, call: Call) -> None:
        call.answer({"status": "ok"})

    def single(self, call: Call) -> None:
        call.answer(_SINGLE)

    def alarms(self, call: Call) -> None:
        short = alarms(self._service.node.facts())
        if not short:
            call.answer({"status": "ok"})
            return
        node = self._service.node.name
        call.answer(
            {
                "status": "failed",
                "reason": f"Alarm in effect: {', '.join(short)}",
                "alarms": [{"node": node, "resource": resource} for resource in short],
            },
            503,
        )

    def certificate(self, call: Call) -> None:
        unit = _UNITS_MS.get(call.values["unit"])
        try:
            within = int(call.values["within"])
        except ValueError:
            within = -1
        if unit is None or within < 0:
            raise bad_request("Invalid expiration unit" if unit is None else "Invalid expiration value")
        ends_ms = self._service.node.certificate_ends_ms()
        if not ends_ms or ends_ms > call.now_ms() + within * unit:
            call.answer({"status": "ok"})
            return
        call.answer(
            {
                "status": "failed",
                "reason": "Certificates expiring",
                "expired": [{"node": self._service.node.name, "expires_at_ms": ends_ms}],
            },
            503,
        )

    def port(self, call: Call) -> None:
        try:
            wanted = int(call.values["port"])
        except ValueError:
            raise bad_request("Invalid port") from None
        ports = sorted({each.port for each in self._service.node.listening()})
        self._listener(call, wanted, wanted in ports, "port", "ports", ports)

    def protocol(self, call: Call) -> None:
        wanted = call.values["protocol"]
        protocols = sorted({each.protocol for each in self._service.node.listening()})
        known = "amqp" if wanted in ("amqp091", "amqp0.9.1", "0-9-1") else wanted
        self._listener(call, wanted, known in protocols, "protocol", "protocols", protocols)

    def _listener(self, call: Call, wanted: object, there: bool, one: str, many: str, known: object) -> None:
        if there:
            call.answer({"status": "ok", one: wanted})
            return
        failed: dict[str, Any] = {"status": "failed", "reason": "No active listener", "missing": wanted}
        failed[many] = known
        call.answer(failed, 503)

    def aliveness(self, call: Call) -> None:
        """Declares a queue, publishes to it and gets the message, as RabbitMQ does."""
        access = self._service.acting(call)
        words = self._service.words
        words.declare_queue(access, ALIVENESS_QUEUE, False, False, {})
        words.publish(access, "", ALIVENESS_QUEUE, {}, b"test_message")
        test = _Aliveness(call)
        sink = NoSink()
        access.open_sink(sink)
        access.get(ALIVENESS_QUEUE, sink, True, test)
        test.begun = True
        if not call.answered:
            call.canceller = test


class _Aliveness(GetWaiter, Canceller):
    """Waits for the message."""

    def __init__(self, call: Call) -> None:
        super().__init__()
        self.begun = False
        self._call = call
        self._there = False

    def got(self, result: GetResult | None) -> None:
        self._there = result is not None
        if self.begun:
            self._call.soon(self._answer)
        else:
            self._answer()

    def _answer(self) -> None:
        if self._there:
            self._call.answer({"status": "ok"})
        else:
            self._call.answer({"status": "failed", "reason": "the test message did not come back"}, 503)

    def cancel(self) -> None:
        self._call.work = None
