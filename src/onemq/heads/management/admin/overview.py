"""The broker as a whole: what it is, what it holds, how fast it goes, who asks.

What tells of others' namespaces or of the machine is for who may monitor, as in RabbitMQ's overview; others see what is theirs.
"""

from onemq.engine.counters import Totals
from onemq.engine.rates import SAMPLED, Series
from onemq.heads.management.admin.service import Service
from onemq.heads.management.admin.shapes import Listener, Me, Overview, Protocol, Rates
from onemq.heads.management.call import PROTOCOL, Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import ANYBODY, MONITORING, Parameter, Route, has_tag
from onemq.heads.management.stepping import Steps, answer_in_steps, summarised

_HEADS = {"amqp": "amqp091", "amqps": "amqp091", "kafkas": "kafka", "awss": "aws", "https": "http"}
"""Names of listeners to names under which protocols count."""


class OverviewPart:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route("GET", "/v1/whoami", self.me, ANYBODY, summary="Who I am here", response=Me),
            Route("GET", "/v1/overview", self.show, summary="The whole broker", response=Overview),
            Route(
                "GET",
                "/v1/rates",
                self.rates,
                summary="How fast things go",
                query=(
                    Parameter("namespace", "of a queue or an exchange in this namespace"),
                    Parameter("queue", "of this queue; without queue and exchange: of the broker"),
                    Parameter("exchange", "of this exchange"),
                ),
                response=Rates,
            ),
        ]

    def me(self, call: Call) -> None:
        principal = call.principal
        call.answer(Me(user=principal.name, tags=list(principal.tags), namespaces=call.namespaces()))

    def show(self, call: Call) -> None:
        answer_in_steps(call, self._show(call))

    def _show(self, call: Call) -> Steps:
        node = self._service.node
        facts = node.facts()
        counts = _Counts()
        for name in call.namespaces():
            yield from counts.add(call, name)
        everything = has_tag(call.principal, MONITORING)
        totals = call.anywhere().inspection.totals() if everything else Totals()
        connected = self._connected("" if everything else call.principal.name)
        served = totals.protocols if everything else {}
        names = sorted({*served, *connected} - {PROTOCOL, "http"})
        protocols = [
            Protocol(
                name=name,
                connections=connected.get(name, 0),
                counters=totals.protocol(name).all().values(),
            )
            for name in names
        ]
        call.answer(
            Overview(
                version=node.version,
                node=node.name,
                time_ms=call.now_ms(),
                uptime_ms=facts.uptime_ms,
                process_id=facts.process_id if everything else 0,
                processors=facts.processors,
                data_directory=facts.directory if everything else "",
                memory_only=not facts.directory,
                resident_bytes=_known(facts.memory_used, everything),
                memory_limit_bytes=_known(facts.memory_limit, everything),
                disk_free_bytes=_known(facts.disk_free, everything),
                disk_limit_bytes=_known(facts.disk_limit, everything),
                alarms=[
                    name for name, on in (("memory", facts.memory_alarm), ("disk", facts.disk_alarm)) if on
                ],
                listeners=[
                    Listener(protocol=each.protocol, host=each.host, port=each.port, tls=each.tls)
                    for each in (node.listening() if everything else [])
                ],
                namespaces=len(call.namespaces()),
                queues=counts.queues,
                topics=counts.topics,
                exchanges=counts.exchanges,
                groups=counts.groups,
                connections=sum(connected.values()),
                ready=counts.ready,
                leased=counts.leased,
                delayed=counts.delayed,
                counters=totals.all().values(),
                protocols=protocols,
            )
        )

    def _connected(self, user: str) -> dict[str, int]:
        """By protocol, without operators. user: his only; "" = all."""
        found: dict[str, int] = {}
        for peer in self._service.peers.views():
            if not peer.profile.operates and (not user or peer.profile.user == user):
                name = _HEADS.get(peer.head, peer.head)
                found[name] = found.get(name, 0) + 1
        return found

    def rates(self, call: Call) -> None:
        queue, exchange = call.query.text("queue"), call.query.text("exchange")
        series: Series | None
        if "queue" in call.query:
            series = call.watch(call.query.text("namespace", "/")).inspection.queue_series(queue)
            of = f"queue {queue}"
        elif "exchange" in call.query:
            series = call.watch(call.query.text("namespace", "/")).inspection.exchange_series(exchange)
            of = f"exchange {exchange}"
        else:
            if not has_tag(call.principal, MONITORING):
                text = "the rates of the whole broker take a user with the tag monitoring: name a queue or an exchange"
                raise Problem(403, "access_denied", text)
            series = call.anywhere().inspection.broker_series()
            of = "broker"
        if series is None:
            raise Problem(404, "not_found", f"topic '{queue}' has no queue: its partitions are not sampled")
        call.answer(Rates(of=of, samples=len(series), rates={name: series.rate(name) for name in SAMPLED}))


class _Counts:
    """Over the namespaces that the user sees."""

    def __init__(self) -> None:
        self.queues = 0
        self.topics = 0
        self.exchanges = 0
        self.groups = 0
        self.ready = 0
        self.leased = 0
        self.delayed = 0

    def add(self, call: Call, namespace: str) -> Steps:
        inspection = call.watch(namespace).inspection
        summary = yield from summarised(inspection)
        self.queues += int(summary.queues)
        self.topics += int(summary.topics)
        self.ready += int(summary.ready)
        self.leased += int(summary.leased)
        self.delayed += int(summary.delayed)
        self.exchanges += len(inspection.exchange_names())
        self.groups += len(inspection.group_names())


def _known(value: int, told: bool) -> int | None:
    return value if told and value >= 0 else None
