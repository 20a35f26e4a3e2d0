"""Direct exchanges: the record's routing key equals the binding's.

Must not: look at headers.
Spec: AMQP 0-9-1 section 3.1.3.1.
"""

from onemq.engine.routing.destination import Destination, Destinations
from onemq.engine.routing.matcher import Binding, Matcher
from onemq.model.record import HeaderValue


class DirectMatcher(Matcher):
    """Matches equal routing keys."""

    def __init__(self) -> None:
        super().__init__()
        self._by_key: dict[str, Destinations] = {}

    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        found = self._by_key.get(routing_key)
        if found is not None:
            found.put_into(out)

    def _attach(self, binding: Binding) -> None:
        found = self._by_key.get(binding.routing_key)
        if found is None:
            found = Destinations()
            self._by_key[binding.routing_key] = found
        found.add(binding.destination)

    def _detach(self, binding: Binding) -> None:
        found = self._by_key[binding.routing_key]
        found.remove(binding.destination)
        if found.is_empty():
            del self._by_key[binding.routing_key]
