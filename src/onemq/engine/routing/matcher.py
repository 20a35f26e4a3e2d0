"""The matcher of an exchange: holds its bindings and tells which destinations a record goes to.

Must not: deliver, store or authorise; know whether a destination is a queue or an exchange.
Source: RabbitMQ 4 identifies a binding by destination, routing key and arguments, for every kind
(rabbit_binding).
"""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.engine.routing.arguments import identity
from onemq.engine.routing.destination import Destination
from onemq.model.record import HeaderValue


class Binding:
    """One binding. `arguments` is kept as given and must not be changed."""

    __slots__ = ("arguments", "destination", "routing_key")

    def __init__(self, destination: Destination, routing_key: str, arguments: dict[str, object]) -> None:
        self.destination = destination
        self.routing_key = routing_key
        self.arguments = arguments


@mypyc_attr(allow_interpreted_subclasses=True)
class Matcher:
    """What all kinds share: the set of bindings. A kind adds an index of its own in `_attach` and `_detach`.

    Attributes:
        needs_headers: `match` looks at headers; otherwise any dict may be given.
        per_record: the outcome depends on more than the routing key and must be asked for each record;
            otherwise it may be remembered for a routing key until a binding comes or goes.
    """

    def __init__(self) -> None:
        self.needs_headers: bool = False
        self.per_record: bool = False
        self._in_order: dict[Binding, None] = {}
        self._by_destination: dict[Destination, dict[tuple[str, str], Binding]] = {}

    def validate(self, routing_key: str, arguments: dict[str, object]) -> None:
        """Raises Refusal INVALID when this kind cannot take such a binding."""

    @abstractmethod
    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        """Appends the destinations of a record to `out`; the same one may come more than once.

        The order follows from the history of the bindings, the routing key and the headers, and nothing else.
        """

    @abstractmethod
    def _attach(self, binding: Binding) -> None:
        """A binding came that was not there."""

    @abstractmethod
    def _detach(self, binding: Binding) -> None:
        """A binding that was there has gone."""

    def add(self, destination: Destination, routing_key: str, arguments: dict[str, object]) -> bool:
        """False: this very binding is there already. Raises Refusal INVALID as `validate` does."""
        self.validate(routing_key, arguments)
        key = (routing_key, identity(arguments))
        own = self._by_destination.get(destination)
        if own is None:
            own = {}
            self._by_destination[destination] = own
        elif key in own:
            return False
        binding = Binding(destination, routing_key, arguments)
        own[key] = binding
        self._in_order[binding] = None
        self._attach(binding)
        return True

    def remove(self, destination: Destination, routing_key: str, arguments: dict[str, object]) -> bool:
        """False: there was no such binding."""
        own = self._by_destination.get(destination)
        if own is None:
            return False
        binding = own.pop((routing_key, identity(arguments)), None)
        if binding is None:
            return False
        if not own:
            del self._by_destination[destination]
        del self._in_order[binding]
        self._detach(binding)
        return True

    def remove_destination(self, destination: Destination) -> int:
        """Removes all bindings of a destination and returns how many there were."""
        own = self._by_destination.pop(destination, None)
        if own is None:
            return 0
        for binding in own.values():
            del self._in_order[binding]
            self._detach(binding)
        return len(own)

    def bindings(self) -> list[tuple[Destination, str, dict[str, object]]]:
        """All bindings in order of creation."""
        found: list[tuple[Destination, str, dict[str, object]]] = []
        for binding in self._in_order:
            found.append((binding.destination, binding.routing_key, binding.arguments))
        return found

    def __len__(self) -> int:
        return len(self._in_order)
