"""What one principal may do with queues and exchanges: permissions allow, and a rule that denies a topic's name holds for the queue, too.

Must not: look a name up, or know whose connection asks.
Spec: RabbitMQ, "Access Control" (permissions, topic permissions; what dead-lettering takes).
"""

from onemq.engine.acls import READ, TOPIC, WRITE
from onemq.engine.authority import Authority
from onemq.engine.directory.permissions import TopicPermissionRecord
from onemq.engine.exchange import Exchange
from onemq.model.entities import KIND_TOPIC, QueueSettings
from onemq.model.refusal import Reason, Refusal
from onemq.model.rights import Rights


class Permits:
    """See the module. What demands raises Refusal ACCESS_DENIED."""

    __slots__ = ("_authority", "_rights", "_topics")

    def __init__(
        self, authority: Authority, rights: Rights, topics: dict[str, TopicPermissionRecord]
    ) -> None:
        """topics: the principal's topic permissions that are in force, by exchange."""
        self._authority = authority
        self._rights = rights
        self._topics = topics

    # Any kind of name.

    def sees(self, name: str) -> bool:
        """Whether there is anything that the principal may do with it."""
        rights = self._rights
        return rights.may_read(name) or rights.may_write(name) or rights.may_configure(name)

    def demand_configure(self, kind: str, name: str) -> None:
        if not self._rights.may_configure(name):
            raise Refusal(Reason.ACCESS_DENIED, kind, name, "configure")

    def demand_write(self, kind: str, name: str) -> None:
        """Rules aside: `demand_no_rule_against` asks for them."""
        if not self._rights.may_write(name):
            raise Refusal(Reason.ACCESS_DENIED, kind, name, "write")

    # Queues.

    def demand_queue_seen(self, name: str) -> None:
        if not self.sees(name):
            raise Refusal(Reason.ACCESS_DENIED, "queue", name, "read")

    def demand_queue_counts(self, name: str) -> None:
        """How many records there are in it."""
        if not (self._rights.may_read(name) or self._rights.may_configure(name)):
            raise Refusal(Reason.ACCESS_DENIED, "queue", name, "read")

    def demand_queue_read(self, name: str) -> None:
        if not self._rights.may_read(name) or self._authority.denies(TOPIC, READ, name):
            raise Refusal(Reason.ACCESS_DENIED, "queue", name, "read")

    def may_fill(self, queue: str) -> bool:
        return self._rights.may_write(queue) and not self._authority.denies(TOPIC, WRITE, queue)

    def demand_no_rule_against(self, queue: str) -> None:
        """No rule denies publishing to the queue."""
        if self._authority.denies(TOPIC, WRITE, queue):
            raise Refusal(Reason.ACCESS_DENIED, "queue", queue, "write")

    def demand_dead_letters(self, queue: str, settings: QueueSettings) -> None:
        """They leave the queue and come somewhere: that is reading and writing. The default exchange with a key is that queue."""
        target = settings.dead_letter_exchange
        if target is None:
            return
        self.demand_queue_read(queue)
        key = settings.dead_letter_routing_key
        if target == "" and key and self._rights.may_write(key):
            return
        self.demand_write("exchange", target)

    # Exchanges.

    def demand_exchange_read(self, name: str) -> None:
        if not self._rights.may_read(name):
            raise Refusal(Reason.ACCESS_DENIED, "exchange", name, "read")

    def demand_key(self, exchange: Exchange, routing_key: str, to_write: bool) -> None:
        """Topic permissions: only where some are set for this exchange, and only of topic exchanges. ACCESS_DENIED ("topic")."""
        if not self._topics or exchange.settings.type_name != KIND_TOPIC:
            return
        found = self._topics.get(exchange.name)
        if found is None:
            return
        pattern = found.write_pattern if to_write else found.read_pattern
        if not pattern.matches(routing_key):
            detail = "write" if to_write else "read"
            raise Refusal(Reason.ACCESS_DENIED, "topic", routing_key, detail, wanted=exchange.name)
