"""Applies policies: queues and exchanges get the settings in force when they are made, when a policy changes, and after a restart.

Job: choose the policies of each, compute its settings, and hand them over; a change that concerns many queues is done a part in each turn.
Must not: store anything: what is in force follows from declarations and policies.
Spec: RabbitMQ, "Policies".
"""

from collections.abc import Callable
from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Agenda, Core
from onemq.engine.directory.policies import Policies
from onemq.engine.directory.resolution import exchange_in_force, merged_definition, queue_in_force
from onemq.engine.exchange import Exchange, Namespace
from onemq.engine.queue import Queue
from onemq.engine.topics.partition import Partition

WORK_AT_ONCE: Final = 5_000
"""Policies looked at, over all queues and exchanges, in the call that changed one (those with heavy patterns count more often); the rest is
done at the ends of this turn and the next ones."""


class Policing(Agenda):
    """See the module."""

    def __init__(
        self,
        core: Core,
        policies: Policies,
        namespaces: dict[str, Namespace],
        routes_changed: Callable[[], None],
    ) -> None:
        super().__init__()
        self._core = core
        self._policies = policies
        self._namespaces = namespaces
        self._routes_changed = routes_changed
        self._waiting: dict[Queue, bool] = {}
        self._exchanges: dict[Exchange, bool] = {}

    def queue_made(self, queue: Queue) -> None:
        """One that names lead to; not while a restart replays."""
        if self._policies.count:
            self._apply_to_queue(queue)

    def exchange_made(self, exchange: Exchange) -> None:
        if self._policies.count:
            self._apply_to_exchange(exchange)

    def policies_changed(self, namespace: str) -> None:
        """Some policy of this namespace is another now."""
        space = self._namespaces.get(namespace)
        if space is None:
            return
        for exchange in space.exchanges.values():
            self._exchanges[exchange] = True
        for queue in space.queues.values():
            self._waiting[queue] = True
        self._work(WORK_AT_ONCE)

    def begin(self) -> None:
        """Everything was replayed: applies what there is, all of it now."""
        if not self._policies.count:
            return
        for space in self._namespaces.values():
            for exchange in space.exchanges.values():
                self._apply_to_exchange(exchange)
            for queue in space.queues.values():
                self._apply_to_queue(queue)

    def declared_otherwise(self, queue: Queue) -> None:
        """The queue's declaration has changed: `declared` is set, and the policy over it counts as before."""
        queue.configure(
            queue_in_force(queue.declared, merged_definition(queue.policy, queue.operator_policy))
        )

    def _work(self, budget: i64) -> i64:
        """Goes on with the exchanges and queues that wait; returns how much work it was."""
        done = self._work_on_exchanges(budget)
        waiting = self._waiting
        while waiting and done < budget:
            queue, _ = waiting.popitem()
            if not queue.deleted:
                done += self._apply_to_queue(queue)
        if waiting or self._exchanges:
            self._core.need_dispatch(self)
        return done

    def _work_on_exchanges(self, budget: i64) -> i64:
        done: i64 = 0
        changed = False
        while self._exchanges and done < budget:
            exchange, _ = self._exchanges.popitem()
            done += 1 + self._policies.work(exchange.namespace)
            changed = self._apply_to_exchange(exchange) or changed
        if changed:
            self._routes_changed()
        return done

    def _apply_to_queue(self, queue: Queue) -> i64:
        """Returns how much work it was, as Policy.work counts."""
        policies = self._policies
        namespace, name = queue.namespace, queue.name
        kind = queue.declared.type_name
        work = 1 + policies.work(namespace)
        if isinstance(queue, Partition) and queue.topic is not None:
            # A stream over a topic keeps its records as the topic says.
            return work
        policy = policies.for_queue(namespace, name, kind, False)
        operator = policies.for_queue(namespace, name, kind, True)
        if policy is queue.policy and operator is queue.operator_policy:
            return work
        queue.policy = policy
        queue.operator_policy = operator
        settings = queue_in_force(queue.declared, merged_definition(policy, operator))
        if settings.expires_ms != queue.settings.expires_ms:
            # The time without use counts from now on, as in RabbitMQ.
            queue.last_used_ms = self._core.now_ms
        queue.configure(settings)
        return work

    def _apply_to_exchange(self, exchange: Exchange) -> bool:
        """Returns whether it is another policy. One that was deleted meanwhile does no harm: nothing leads to it."""
        policies = self._policies
        policy = policies.for_exchange(exchange.namespace, exchange.name, False)
        operator = policies.for_exchange(exchange.namespace, exchange.name, True)
        if policy is exchange.policy and operator is exchange.operator_policy:
            return False
        exchange.policy = policy
        exchange.operator_policy = operator
        exchange.settings = exchange_in_force(exchange.declared, merged_definition(policy, operator))
        return True

    # The agenda.

    def dispatch(self, budget: i64) -> i64:
        return self._work(budget)
