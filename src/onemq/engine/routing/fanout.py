"""Fanout exchanges: every binding matches every record.

Must not: look at routing keys or headers.
Spec: AMQP 0-9-1 section 3.1.3.2.
"""

from onemq.engine.routing.destination import Destination, Destinations
from onemq.engine.routing.matcher import Binding, Matcher
from onemq.model.record import HeaderValue


class FanoutMatcher(Matcher):
    """Matches always."""

    def __init__(self) -> None:
        super().__init__()
        self._all = Destinations()

    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        self._all.put_into(out)

    def _attach(self, binding: Binding) -> None:
        self._all.add(binding.destination)

    def _detach(self, binding: Binding) -> None:
        self._all.remove(binding.destination)
