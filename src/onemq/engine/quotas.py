"""Client quotas: how much a user or client id may produce and fetch per second; durable values, volatile rates.

Job: keep the quotas, find the one that holds for a client, measure its rate in the engine's time, and say for how long a
client that went above it has to be silent.
Must not: hold up anybody itself (the head mutes the connection), or know a protocol.
Spec: Kafka documentation, "Quotas" and "Client quotas" (precedence); KIP-124, KIP-546, KIP-599 (mutations).
"""

from typing import Final

from mypy_extensions import i64

from onemq.engine.core import Core
from onemq.engine.parts import PART_QUOTAS, Part
from onemq.model.refusal import Reason, Refusal

USER: Final = "user"
CLIENT_ID: Final = "client-id"
IP: Final = "ip"

PRODUCER_BYTE_RATE: Final = "producer_byte_rate"
CONSUMER_BYTE_RATE: Final = "consumer_byte_rate"
REQUEST_PERCENTAGE: Final = "request_percentage"
CONTROLLER_MUTATION_RATE: Final = "controller_mutation_rate"
CONNECTION_CREATION_RATE: Final = "connection_creation_rate"

_CLIENT_KEYS: Final = (
    PRODUCER_BYTE_RATE,
    CONSUMER_BYTE_RATE,
    REQUEST_PERCENTAGE,
    CONTROLLER_MUTATION_RATE,
)
"""request_percentage is kept and shown, and holds nobody up: the engine does not know what a request costs."""
_WHOLE_KEYS: Final = (PRODUCER_BYTE_RATE, CONSUMER_BYTE_RATE, CONNECTION_CREATION_RATE)

EXACT: Final = 0
DEFAULT: Final = 1
ANY: Final = 2
"""How a filter's component matches: this name, the default entity, or any of the type."""

_SAMPLES: Final = 11
_SAMPLE_MS: Final = 1000
_RATES_MAX: Final = 10_000
_ENTITIES_MAX: Final = 100_000

Entity = tuple[tuple[str, str | None], ...]
"""(type, name) pairs in the order of types; a name None is the default of its type."""


class FilterPart:
    """One component of a filter. name: for EXACT."""

    __slots__ = ("how", "kind", "name")

    def __init__(self, kind: str, how: int, name: str | None) -> None:
        self.kind = kind
        self.how = how
        self.name = name


class ByteRate:
    """Bytes per second over the last ten seconds or so, in samples of one second."""

    __slots__ = ("_amounts", "_starts")

    def __init__(self) -> None:
        self._amounts: list[float] = []
        self._starts: list[int] = []

    def charge(self, amount: float, quota: float, now_ms: i64) -> i64:
        """Counts it; returns for how many ms nothing more should come, so that the rate falls to the quota (0 = go on)."""
        starts = self._starts
        amounts = self._amounts
        oldest_ms = now_ms - _SAMPLES * _SAMPLE_MS
        while starts and starts[0] <= oldest_ms:
            del starts[0]
            del amounts[0]
        if not starts or now_ms - starts[-1] >= _SAMPLE_MS:
            starts.append(now_ms)
            amounts.append(0.0)
        amounts[-1] += amount
        elapsed_ms: i64 = now_ms - starts[0]
        full = elapsed_ms // _SAMPLE_MS
        if full < _SAMPLES - 1:
            elapsed_ms += (_SAMPLES - 1 - full) * _SAMPLE_MS
        total = 0.0
        for counted in amounts:
            total += counted
        allowed = quota * float(elapsed_ms) / 1000.0
        if total <= allowed:
            return 0
        return int((total - allowed) / quota * 1000.0)

    def idle_since(self, now_ms: i64) -> bool:
        return not self._starts or self._starts[-1] <= now_ms - _SAMPLES * _SAMPLE_MS


class MutationBucket:
    """Tokens for changes of topics: bursts of eleven seconds' worth pass, then the quota is the pace (KIP-599)."""

    __slots__ = ("_at_ms", "_tokens")

    def __init__(self) -> None:
        self._tokens = 0.0
        self._at_ms: i64 = -1

    def charge(self, amount: float, quota: float, now_ms: i64, strict: bool) -> i64:
        """Takes tokens; with none left and `strict` nothing is taken. Returns the ms until there are tokens again."""
        burst = quota * _SAMPLES * _SAMPLE_MS / 1000.0
        if self._at_ms < 0:
            self._tokens = burst
        else:
            self._tokens = min(burst, self._tokens + quota * float(now_ms - self._at_ms) / 1000.0)
        self._at_ms = now_ms
        if not strict or self._tokens > 0:
            self._tokens -= amount
            if strict:
                return 0
        if self._tokens >= 0:
            return 0
        return int(-self._tokens / quota * 1000.0) + 1

    def idle_since(self, now_ms: i64) -> bool:
        return self._at_ms < now_ms - _SAMPLES * _SAMPLE_MS


def entity_of(pairs: list[tuple[str, str | None]]) -> Entity:
    """Checked and in order. Refusal INVALID ("quota"), NOT_SUPPORTED for a type that does not exist."""
    if not pairs:
        raise _bad("Invalid empty client quota entity")
    kinds: list[str] = []
    for kind, name in pairs:
        if kind in kinds:
            raise _bad(f"Invalid client quota entity: {kind} appears twice")
        if kind not in (USER, CLIENT_ID, IP):
            raise _bad(f"Unhandled client quota entity type: {kind}")
        if name == "":
            raise _bad(f"Empty {kind} not supported")
        kinds.append(kind)
    if IP in kinds and len(kinds) > 1:
        raise _bad("Invalid quota entity combination, IP entity should not be combined with User or ClientId")
    return tuple(sorted(pairs, key=_kind_of))


def _check_match(part: FilterPart) -> None:
    """Refusal INVALID ("quota")."""
    if part.how < EXACT or part.how > ANY:
        raise _bad(f"Unknown match type {part.how}")
    if part.how == EXACT and part.name is None:
        raise _bad("Request specified MATCH_TYPE_EXACT, but set match string to null.")
    if part.how != EXACT and part.name is not None:
        words = "DEFAULT" if part.how == DEFAULT else "SPECIFIED"
        raise _bad(f"Request specified MATCH_TYPE_{words}, but also specified a match string.")


def _kind_of(pair: tuple[str, str | None]) -> str:
    return pair[0]


def _bad(detail: str) -> Refusal:
    return Refusal(Reason.INVALID, "quota", "", detail)


class Quotas(Part):
    """See the module."""

    def __init__(self, core: Core) -> None:
        self.number = PART_QUOTAS
        self._core = core
        self._values: dict[Entity, dict[str, float]] = {}
        self._rates: dict[tuple[str, str, str], ByteRate] = {}
        self._buckets: dict[tuple[str, str], MutationBucket] = {}

    # Administration; the caller has asked whether that is allowed.

    def check(self, entity: Entity, key: str, value: float | None) -> None:
        """Refusal INVALID ("quota")."""
        of_ip = entity[0][0] == IP
        known = (CONNECTION_CREATION_RATE,) if of_ip else _CLIENT_KEYS
        if value is None:
            return
        if key not in known:
            raise _bad(f"Invalid configuration key {key}")
        if not value > 0 and not (of_ip and value == 0):
            raise _bad(f"Quota {key} must be greater than 0")
        if key in _WHOLE_KEYS:
            if value > 2**63:
                raise _bad(f"Proposed value for {key} is too large for a LONG.")
            if value != int(value):
                raise _bad(f"{key} cannot be a fractional value.")
        if entity not in self._values and len(self._values) >= _ENTITIES_MAX:
            raise Refusal(Reason.LIMIT, "quota", "", f"there are quotas for {_ENTITIES_MAX} entities already")

    def alter(self, entity: Entity, key: str, value: float | None) -> None:
        """Sets one quota, or removes it (None). Refusal INVALID ("quota"), LIMIT ("quota")."""
        self.check(entity, key, value)
        change: dict[str, object] = {"entity": [list(pair) for pair in entity], "key": key, "value": value}
        self._core.note(self, change)
        self.apply(change)

    def find(self, parts: list[FilterPart], strict: bool) -> list[tuple[Entity, dict[str, float]]]:
        """What a filter names; strict: entities with further types are left out. Refusal INVALID ("quota")."""
        kinds: list[str] = []
        for part in parts:
            if part.kind in kinds:
                raise _bad(f"Entity type {part.kind} cannot appear more than once in the filter.")
            if not part.kind:
                raise _bad("Invalid empty entity type.")
            if part.kind not in (USER, CLIENT_ID, IP):
                raise Refusal(Reason.NOT_SUPPORTED, "quota", "", f"Unsupported entity type {part.kind}")
            _check_match(part)
            kinds.append(part.kind)
        if IP in kinds and len(kinds) > 1:
            raise _bad("Invalid entity filter component combination. IP filter component should not be used "
                       "with user or clientId filter component.")  # fmt: skip
        found: list[tuple[Entity, dict[str, float]]] = []
        for entity, values in self._values.items():
            if _matches(entity, parts, strict):
                found.append((entity, values))
        return found

    # Use.

    def charge(self, user: str, client_id: str, kind: str, amount: float) -> int:
        """Counts `amount` (bytes) of PRODUCER_BYTE_RATE or CONSUMER_BYTE_RATE. Returns for how many ms this client must be
        held up, 0 = not at all."""
        if not self._values:
            return 0
        found = self._quota(user, client_id, kind)
        if found is None:
            return 0
        quota, owner_user, owner_client = found
        key = (kind, owner_user, owner_client)
        rate = self._rates.get(key)
        now_ms = self._core.now_ms
        if rate is None:
            if len(self._rates) >= _RATES_MAX:
                self._forget_idle()
            rate = ByteRate()
            self._rates[key] = rate
        return rate.charge(amount, quota, now_ms)

    def charge_mutations(self, user: str, client_id: str, count: int, strict: bool) -> int:
        """Counts partitions made or deleted. strict: an answer above 0 means refused, nothing was counted; otherwise it was, and the
        client is held up for that many ms."""
        if not self._values:
            return 0
        found = self._quota(user, client_id, CONTROLLER_MUTATION_RATE)
        if found is None:
            return 0
        quota, owner_user, owner_client = found
        bucket = self._buckets.get((owner_user, owner_client))
        if bucket is None:
            if len(self._buckets) >= _RATES_MAX:
                self._forget_idle()
            bucket = MutationBucket()
            self._buckets[owner_user, owner_client] = bucket
        return bucket.charge(float(count), quota, self._core.now_ms, strict)

    def _forget_idle(self) -> None:
        now_ms = self._core.now_ms
        self._rates = {key: rate for key, rate in self._rates.items() if not rate.idle_since(now_ms)}
        self._buckets = {
            key: bucket for key, bucket in self._buckets.items() if not bucket.idle_since(now_ms)
        }
        # Names invented faster than they become idle: everybody starts over rather than our memory grows.
        if len(self._rates) >= _RATES_MAX:
            self._rates.clear()
        if len(self._buckets) >= _RATES_MAX:
            self._buckets.clear()

    def _quota(self, user: str, client_id: str, key: str) -> tuple[float, str, str] | None:
        """The quota that holds for a client, and whose rate counts against it (user, client id; "" where it is shared)."""
        own: str | None = user
        default: str | None = None
        for name in (own, default):
            for client in (client_id, default):
                value = self._value(((CLIENT_ID, client), (USER, name)), key)
                if value is not None:
                    return value, user, client_id
            value = self._value(((USER, name),), key)
            if value is not None:
                return value, user, ""
        for client in (client_id, default):
            value = self._value(((CLIENT_ID, client),), key)
            if value is not None:
                return value, "", client_id
        return None

    def _value(self, entity: Entity, key: str) -> float | None:
        values = self._values.get(entity)
        return None if values is None else values.get(key)

    # The part.

    def apply(self, change: dict[str, object]) -> None:
        pairs = change["entity"]
        key = change["key"]
        value = change["value"]
        assert isinstance(pairs, (list, tuple)) and isinstance(key, str)
        entity: Entity = tuple((kind, name) for kind, name in pairs)
        if isinstance(value, (int, float)):
            self._values.setdefault(entity, {})[key] = float(value)
            return
        values = self._values.get(entity)
        if values is not None:
            values.pop(key, None)
            if not values:
                del self._values[entity]

    def changes(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = []
        for entity, values in self._values.items():
            for key, value in values.items():
                found.append({"entity": [list(pair) for pair in entity], "key": key, "value": value})
        return found


def _matches(entity: Entity, parts: list[FilterPart], strict: bool) -> bool:
    if strict and len(entity) != len(parts):
        return False
    for part in parts:
        matched = False
        for kind, name in entity:
            if kind != part.kind:
                continue
            if part.how == ANY:
                matched = True
            elif part.how == DEFAULT:
                matched = name is None
            else:
                matched = name == part.name
        if not matched:
            return False
    return True
