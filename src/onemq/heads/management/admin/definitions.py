"""Everything that was declared, in one document: what `onemq export` writes and `onemq import` makes again, entity by entity.

Passwords leave as hashes; AWS clients' secrets do not leave. Records are not in it. Must not: change anything.
"""

from typing import Final

import msgspec

from onemq.engine.access import Access
from onemq.engine.views import ExchangeView, QueueView
from onemq.heads.management.admin.directory import permission_of, policy_of
from onemq.heads.management.admin.exchanges import binding_of
from onemq.heads.management.admin.service import NAMESPACE, Service, accesses
from onemq.heads.management.admin.shapes import (
    DefinedExchange,
    DefinedNamespace,
    DefinedQueue,
    DefinedTopic,
    DefinedUser,
    DefinitionsView,
    QueueChanges,
)
from onemq.heads.management.call import Call
from onemq.heads.management.routes import ADMINISTRATOR, Route
from onemq.model.entities import QueueSettings
from onemq.model.refusal import Reason, Refusal

FORM: Final = 1


class Definitions:
    """See the module."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[Route]:
        return [
            Route(
                "GET",
                "/v1/definitions",
                self.export,
                ADMINISTRATOR,
                summary="Everything that was declared",
                query=(NAMESPACE,),
                response=DefinitionsView,
            )
        ]

    def export(self, call: Call) -> None:
        found = DefinitionsView(
            onemq=FORM,
            namespaces=[],
            users=[],
            permissions=[],
            policies=[],
            topics=[],
            queues=[],
            exchanges=[],
            bindings=[],
            not_carried=[],
        )
        only = call.query.text("namespace")
        notices = 0
        for access in accesses(call):
            self._declared(access, found)
            notices += len(access.notices.topics())
        directory = call.anywhere().directory
        for record in directory.namespaces():
            if not only or record.name == only:
                limits = directory.namespace_limits(record.name).get(record.name, {})
                found.namespaces.append(
                    DefinedNamespace(
                        name=record.name,
                        description=record.description,
                        tags=list(record.tags or []),
                        default_queue_type=record.default_queue_type,
                        limits=limits,
                    )
                )
        if not only:
            for user in directory.users():
                found.users.append(
                    DefinedUser(
                        name=user.name,
                        tags=list(user.tags),
                        password_hash=user.password_hash,
                        access_keys=sorted(user.access_keys),
                        limits=directory.user_limits(user.name).get(user.name, {}),
                    )
                )
        found.permissions = [permission_of(record) for record in directory.permissions(only)]
        policies = [*directory.policies(only), *directory.operator_policies(only)]
        found.policies = [policy_of(record) for record in policies]
        self._say_what_is_left(found, notices)
        call.answer(found)

    def _say_what_is_left(self, found: DefinitionsView, notices: int) -> None:
        if notices:
            found.not_carried.append(f"{notices} SNS topics and their subscriptions")
        keys = sum(len(user.access_keys) for user in found.users)
        if keys:
            found.not_carried.append(f"secrets of {keys} access keys")

    def _declared(self, access: Access, found: DefinitionsView) -> None:
        exclusive: set[str] = set()
        shown = self._service.words.shown
        for view in access.inspection.queues():
            if view.exclusive:
                exclusive.add(view.name)
            elif access.queue_type(view.name):
                found.queues.append(self._queue(access, view))
        for topic in access.inspection.topics():
            found.topics.append(
                DefinedTopic(
                    namespace=access.namespace,
                    name=topic.name,
                    partitions=len(topic.partitions),
                    configs=topic.configs,
                )
            )
        for exchange in access.inspection.exchanges():
            if not exchange.predeclared:
                found.exchanges.append(self._exchange(exchange))
        for binding in access.inspection.bindings():
            if binding.source and not (binding.to_queue and binding.destination in exclusive):
                found.bindings.append(binding_of(binding, shown(binding.arguments)))

    def _queue(self, access: Access, view: QueueView) -> DefinedQueue:
        try:
            declared = access.queue_settings(view.name)
        except Refusal as refusal:
            if refusal.reason != Reason.ACCESS_DENIED:
                raise
            declared = view.settings
        arguments = self._service.words.shown(declared.arguments)
        if declared.type_name != "classic":
            # Not every protocol says it in words of AMQP.
            arguments.setdefault("x-queue-type", declared.type_name)
        return DefinedQueue(
            namespace=view.namespace,
            name=view.name,
            durable=declared.durable,
            auto_delete=declared.auto_delete,
            arguments=arguments,
            settings=_changed(declared),
        )

    def _exchange(self, view: ExchangeView) -> DefinedExchange:
        settings = view.settings
        return DefinedExchange(
            namespace=view.namespace,
            name=view.name,
            type=settings.type_name,
            durable=settings.durable,
            auto_delete=settings.auto_delete,
            internal=settings.internal,
            arguments=self._service.words.shown(settings.arguments),
        )


def _changed(settings: QueueSettings) -> QueueChanges:
    plain = QueueSettings()
    found = QueueChanges()
    for field in msgspec.structs.fields(QueueChanges):
        value = getattr(settings, field.name)
        if value != getattr(plain, field.name):
            setattr(found, field.name, value)
    return found
