"""Queues of all protocols; a topic that no queue reads yet is among them, as the stream it is."""

from typing import Any

import msgspec

from onemq.engine.access import Access
from onemq.engine.settings_codec import queue_copy
from onemq.engine.views import QueueView
from onemq.heads.management.admin.service import (
    NAMESPACE,
    SETTING_MAX,
    Service,
    acting,
    answer_named,
    looking,
    within,
)
from onemq.heads.management.admin.shapes import (
    Consumer,
    Gone,
    Made,
    NewQueue,
    Queue,
    QueueChanges,
    QueueInDetail,
    QueueSettings,
)
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import Parameter, Route

_IF_UNUSED = Parameter("if_unused", "only if nobody consumes", "boolean")
_IF_EMPTY = Parameter("if_empty", "only if nothing is ready", "boolean")
_AT_LEAST_ONE = ("expires_ms", "receive_limit")


class Queues:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        one = "/v1/queues/{namespace}/{queue}"
        return [
            Route(
                "GET",
                "/v1/queues",
                self.index,
                summary="All queues",
                query=(NAMESPACE, Parameter("name", "that have this in their names")),
                response=list[Queue],
            ),
            Route("GET", one, self.show, summary="One queue", response=QueueInDetail),
            Route("PUT", one, self.create, summary="Makes a queue", request=NewQueue, response=Made),
            Route(
                "PATCH",
                one,
                self.alter,
                summary="Changes settings",
                request=QueueChanges,
                response=QueueInDetail,
            ),
            Route(
                "DELETE",
                one,
                self.delete,
                summary="Deletes a queue with what is in it",
                query=(_IF_UNUSED, _IF_EMPTY),
                response=Gone,
            ),
            Route("POST", one + "/purge", self.purge, summary="Drops what it holds", response=Gone),
        ]

    def index(self, call: Call) -> None:
        now_ms = call.now_ms()
        part = call.query.text("name")
        answer_named(
            call,
            lambda access: [name for name in access.inspection.queue_names() if part in name],
            lambda access, name: queue_of(access.inspection.queue(name), now_ms, self._service),
        )

    def show(self, call: Call) -> None:
        self._answer(call, looking(call))

    def _answer(self, call: Call, access: Access) -> None:
        name = call.values["queue"]
        view = access.inspection.queue(name)
        consumers = [
            Consumer(
                queue=name,
                tag=each.tag,
                acknowledges=each.acknowledges,
                exclusive=each.exclusive,
                active=each.active,
                prefetch=int(each.prefetch),
                unsettled=int(each.unsettled),
                priority=int(each.priority),
            )
            for each in access.inspection.consumers(name)
        ]
        call.answer(QueueInDetail(queue=queue_of(view, call.now_ms(), self._service), consumers=consumers))

    def create(self, call: Call) -> None:
        wanted = call.body(NewQueue)
        access = acting(call)
        name = call.values["queue"]
        over = {} if wanted.settings is None else _checked(wanted.settings)
        made = self._service.words.declare_queue(
            access, name, wanted.durable, wanted.auto_delete, wanted.arguments, over
        )
        call.answer(Made(name=name, made=made))

    def alter(self, call: Call) -> None:
        changes = call.body(QueueChanges)
        access = acting(call)
        _alter(access, call.values["queue"], changes)
        self._answer(call, access)

    def delete(self, call: Call) -> None:
        access = acting(call)
        name = call.values["queue"]
        access.inspection.queue(name)
        if access.queues.type_of(name) == "":
            raise Problem(404, "not_found", f"there is no queue '{name}', only a topic: delete that")
        count = access.queues.delete(name, call.query.flag("if_unused"), call.query.flag("if_empty"))
        call.answer(Gone(name=name, records=count))

    def purge(self, call: Call) -> None:
        name = call.values["queue"]
        call.answer(Gone(name=name, records=acting(call).leases.purge(name)))


def _alter(access: Access, name: str, changes: QueueChanges) -> None:
    """Raises Problem, and Refusal as `Access.queues.alter`."""
    settings = queue_copy(access.queues.settings(name))
    for field, value in _checked(changes).items():
        setattr(settings, field, value)
    access.queues.alter(name, settings)


def _checked(changes: QueueChanges) -> dict[str, object]:
    """Those that are said. Raises Problem."""
    found: dict[str, object] = {}
    for field, value in msgspec.structs.asdict(changes).items():
        if value is msgspec.UNSET:
            continue
        if isinstance(value, int) and not isinstance(value, bool):
            within(field, value, 1 if field in _AT_LEAST_ONE else 0, SETTING_MAX)
        found[field] = value
    return found


def queue_of(view: QueueView, now_ms: int, service: Service) -> Queue:
    """As it is answered."""
    oldest = int(view.oldest_at_ms)
    return Queue(
        namespace=view.namespace,
        name=view.name,
        topic=view.topic,
        partitions=view.partitions,
        exclusive=view.exclusive,
        ready=int(view.ready),
        leased=int(view.leased),
        delayed=int(view.delayed),
        consumers=int(view.consumers),
        receivers=int(view.receivers),
        bindings=int(view.bindings),
        ready_bytes=int(view.ready_bytes),
        bytes=int(view.bytes),
        memory_bytes=int(view.memory_bytes),
        stored_bytes=int(view.stored_bytes),
        start_offset=int(view.start_offset),
        end_offset=int(view.end_offset),
        oldest_at_ms=oldest if oldest > 0 else None,
        age_ms=max(now_ms - oldest, 0) if oldest > 0 else None,
        policy=view.policy,
        operator_policy=view.operator_policy,
        settings=_settings_of(view.settings, service),
        counters=view.counters.values(),
    )


def _settings_of(settings: Any, service: Service) -> QueueSettings:
    return QueueSettings(
        type=settings.type_name,
        durable=settings.durable,
        auto_delete=settings.auto_delete,
        message_ttl_ms=settings.message_ttl_ms,
        expires_ms=settings.expires_ms,
        length_max=settings.length_max,
        bytes_max=settings.bytes_max,
        overflow=settings.overflow,
        dead_letter_exchange=settings.dead_letter_exchange,
        dead_letter_routing_key=settings.dead_letter_routing_key,
        priority_max=settings.priority_max,
        single_active=settings.single_active,
        delivery_limit=settings.delivery_limit,
        receive_limit=settings.receive_limit,
        consumer_timeout_ms=settings.consumer_timeout_ms,
        retry_delay_min_ms=settings.retry_delay_min_ms,
        retry_delay_max_ms=settings.retry_delay_max_ms,
        visibility_ms=settings.visibility_ms,
        delay_ms=settings.delay_ms,
        retention_ms=settings.retention_ms,
        retention_bytes=settings.retention_bytes,
        grouping=settings.grouping,
        arguments=service.words.shown(settings.arguments),
    )
