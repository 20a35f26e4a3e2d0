"""Everything that was declared, in one document: what `onemq export` writes and `onemq import` makes again, entity by entity.

Passwords leave as hashes; AWS clients' secrets do not leave. Records are not in it. Must not: change anything.
"""

from typing import Final

import msgspec

from onemq.engine.access import Access
from onemq.engine.directory.access import DirectoryAccess
from onemq.engine.views import ExchangeView, QueueView
from onemq.heads.management.admin.directory import permission_of, policy_of
from onemq.heads.management.admin.exchanges import binding_of, each_binding, each_exchange
from onemq.heads.management.admin.service import NAMESPACE, Service, accesses, queue_view, topic_view
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
from onemq.heads.management.stepping import Steps, answer_in_steps
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
        answer_in_steps(call, self._export(call))

    def _export(self, call: Call) -> Steps:
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
            yield from self._declared(access, found)
            notices += len(access.notices.topics())
        directory = call.anywhere().directory
        limits = directory.limits.of_namespaces()
        for record in directory.namespaces():
            if not only or record.name == only:
                found.namespaces.append(
                    DefinedNamespace(
                        name=record.name,
                        description=record.description,
                        tags=list(record.tags or []),
                        default_queue_type=record.default_queue_type,
                        limits=limits.get(record.name, {}),
                    )
                )
            yield None
        if not only:
            for user in directory.users():
                found.users.append(
                    DefinedUser(
                        name=user.name,
                        tags=list(user.tags),
                        password_hash=user.password_hash,
                        access_keys=sorted(user.access_keys),
                        limits=_limits_of(directory, user.name),
                    )
                )
                yield None
        for permission in directory.permissions(only):
            found.permissions.append(permission_of(permission))
            yield None
        for policy in [*directory.policies.all(only), *directory.policies.all(only, operator=True)]:
            found.policies.append(policy_of(policy))
            yield None
        self._say_what_is_left(found, notices)
        call.answer(found)

    def _say_what_is_left(self, found: DefinitionsView, notices: int) -> None:
        if notices:
            found.not_carried.append(f"{notices} SNS topics and their subscriptions")
        keys = sum(len(user.access_keys) for user in found.users)
        if keys:
            found.not_carried.append(f"secrets of {keys} access keys")

    def _declared(self, access: Access, found: DefinitionsView) -> Steps:
        """An object in each step; what goes meanwhile is left out."""
        inspection = access.inspection
        kept: set[str] = set()
        shown = self._service.words.shown
        for name in inspection.queue_names():
            view = queue_view(access, name)
            if view is not None and not view.exclusive:
                kept.add(name)
                if access.queues.type_of(name):
                    found.queues.append(self._queue(access, view))
            yield None
        for name in inspection.topic_names():
            topic = topic_view(access, name)
            if topic is not None:
                found.topics.append(
                    DefinedTopic(
                        namespace=access.namespace,
                        name=topic.name,
                        partitions=len(topic.partitions),
                        configs=topic.configs,
                    )
                )
            yield None
        exchanges: set[str] = set()
        for exchange in each_exchange(access):
            exchanges.add(exchange.name)
            if not exchange.predeclared:
                found.exchanges.append(self._exchange(exchange))
            yield None
        for binding in each_binding(access):
            if binding is not None and binding.source in exchanges:
                # What came meanwhile is not in the document: nothing in it may lead there.
                if binding.destination in (kept if binding.to_queue else exchanges):
                    found.bindings.append(binding_of(binding, shown(binding.arguments)))
            yield None

    def _queue(self, access: Access, view: QueueView) -> DefinedQueue:
        try:
            declared = access.queues.settings(view.name)
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


def _limits_of(directory: DirectoryAccess, user: str) -> dict[str, int]:
    try:
        return directory.limits.of_users(user).get(user, {})
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        # The user has gone meanwhile.
        return {}


def _changed(settings: QueueSettings) -> QueueChanges:
    plain = QueueSettings()
    found = QueueChanges()
    for field in msgspec.structs.fields(QueueChanges):
        value = getattr(settings, field.name)
        if value != getattr(plain, field.name):
            setattr(found, field.name, value)
    return found
