"""Consistent-hash exchanges: each record goes to one destination, in shares that follow the weights.

A binding's routing key is its weight, a positive integer. Weighted rendezvous hashing: every destination
draws a number from the record's hash and its own name, exponentially distributed at the rate of its weight,
and the smallest wins (here its negative, so the largest). Any weights give exact shares without points of a
ring in memory; when a destination comes or goes, only the records that it gains or loses move. A match costs
a few operations for each destination.
Must not: use Python's hash(), which differs from process to process.
Source: what is visible, RabbitMQ's rabbitmq_consistent_hash_exchange; the draw, Schindelhauer and Schomaker,
"Weighted Distributed Hash Tables" (2005), logarithmic method; the mixing step, Wellons, "lowbias32".
"""

from math import log
from typing import Final

from mypy_extensions import i64

from onemq.engine.routing.arguments import identity_of_value
from onemq.engine.routing.destination import Destination
from onemq.engine.routing.matcher import Binding, Matcher
from onemq.model.record import HeaderValue
from onemq.model.refusal import Reason, Refusal

# Products stay below 2**63 in size, so that 64-bit machine integers and Python's give the same.
_MASK: Final[i64] = 0xFFFFFFFF
_FIRST_BASIS: Final[i64] = 0x811C9DC5
_FIRST_PRIME: Final[i64] = 0x01000193
_SECOND_BASIS: Final[i64] = 0x3C6EF372
_SECOND_PRIME: Final[i64] = 0x5BD1E995
_MIX_FIRST: Final[i64] = 0x7FEB352D
_MIX_SECOND: Final[i64] = -0x7B935975  # 0x846CA68B modulo 2**32
_UNIT: Final = 1.0 / 4294967296.0

WEIGHT_DIGITS_MAX: Final = 255


class _Hash:
    """Two independent 32-bit hashes of the same octets."""

    __slots__ = ("first", "second")

    def __init__(self, data: bytes) -> None:
        first: i64 = _FIRST_BASIS
        second: i64 = _SECOND_BASIS
        for index in range(len(data)):
            octet: i64 = data[index]
            first = ((first ^ octet) * _FIRST_PRIME) & _MASK
            second = ((second ^ octet) * _SECOND_PRIME) & _MASK
        self.first: i64 = first
        self.second: i64 = second


def _mix(value: i64) -> i64:
    value ^= value >> 16
    value = (value * _MIX_FIRST) & _MASK
    value ^= value >> 15
    value = (value * _MIX_SECOND) & _MASK
    return value ^ (value >> 16)


def _octets(value: HeaderValue) -> bytes:
    """What is hashed of a header; octets and text alike by their octets, anything else by type and value."""
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    return identity_of_value(value).encode("utf-8", "surrogateescape")


def _weight(routing_key: str) -> int:
    """The weight a routing key states; 0 when it states none."""
    digits = routing_key[1:] if routing_key.startswith("+") else routing_key
    if not digits.isascii() or not digits.isdigit() or len(digits) > WEIGHT_DIGITS_MAX:
        return 0
    return int(digits)


class _Share:
    """A destination's part. The oldest of its bindings gives the weight.

    `twin` tells destinations of the same name apart (a queue and an exchange), which else would draw alike.
    """

    __slots__ = ("bindings", "destination", "scale", "seed", "twin")

    def __init__(self, destination: Destination, twin: int) -> None:
        self.destination = destination
        self.twin = twin
        self.seed = _Hash(f"{twin}:{destination.name}".encode("utf-8", "surrogateescape"))
        self.bindings: list[Binding] = []
        self.scale = 0.0

    def weigh(self) -> None:
        self.scale = 1.0 / float(_weight(self.bindings[0].routing_key))

    def draw(self, of: _Hash) -> float:
        """The logarithm of a number in (0, 1), over the weight: the largest draw wins."""
        mixed = _mix(_mix(of.first ^ self.seed.first) ^ of.second ^ self.seed.second)
        return log((float(mixed) + 0.5) * _UNIT) * self.scale


class ConsistentHashMatcher(Matcher):
    """Matches one destination: by the hash of the routing key, or of the header `hash_header` if given.

    Records without that header all go to the same destination.
    """

    def __init__(self, hash_header: str = "") -> None:
        super().__init__()
        self.needs_headers = hash_header != ""
        self.per_record = hash_header != ""
        self._hash_header = hash_header
        self._shares: dict[Destination, _Share] = {}

    def validate(self, routing_key: str, arguments: dict[str, object]) -> None:
        if _weight(routing_key) < 1:
            detail = f"the routing key must be a weight, an integer above 0, but is {routing_key!r}"
            raise Refusal(Reason.INVALID, "binding", "", detail, wanted=routing_key)

    def match(self, routing_key: str, headers: dict[str, HeaderValue], out: list[Destination]) -> None:
        value: HeaderValue = headers.get(self._hash_header) if self.needs_headers else routing_key
        hashed = _Hash(_octets(value))
        chosen: Destination | None = None
        best = 0.0
        for share in self._shares.values():
            drawn = share.draw(hashed)
            if chosen is None or drawn > best:
                chosen = share.destination
                best = drawn
        if chosen is not None:
            out.append(chosen)

    def _attach(self, binding: Binding) -> None:
        share = self._shares.get(binding.destination)
        if share is None:
            share = _Share(binding.destination, self._free_twin(binding.destination.name))
            self._shares[binding.destination] = share
        share.bindings.append(binding)
        share.weigh()

    def _detach(self, binding: Binding) -> None:
        share = self._shares[binding.destination]
        share.bindings.remove(binding)
        if share.bindings:
            share.weigh()
        else:
            del self._shares[binding.destination]

    def _free_twin(self, name: str) -> int:
        taken: list[int] = []
        for share in self._shares.values():
            if share.destination.name == name:
                taken.append(share.twin)
        twin = 0
        while twin in taken:
            twin += 1
        return twin
