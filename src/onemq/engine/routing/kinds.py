"""The matcher of each kind of exchange.

Must not: know the names that protocols give to the kinds.
"""

from onemq.engine.routing.consistent_hash import ConsistentHashMatcher
from onemq.engine.routing.direct import DirectMatcher
from onemq.engine.routing.fanout import FanoutMatcher
from onemq.engine.routing.headers import HeadersMatcher
from onemq.engine.routing.matcher import Matcher
from onemq.engine.routing.topic import TopicMatcher
from onemq.model.entities import (
    KIND_CONSISTENT_HASH,
    KIND_DIRECT,
    KIND_FANOUT,
    KIND_HEADERS,
    KIND_TOPIC,
)


def matcher_for(kind: str, hash_header: str = "") -> Matcher:
    """A matcher without bindings. `kind` is one of EXCHANGE_KINDS; `hash_header` is for consistent-hash."""
    if kind == KIND_DIRECT:
        return DirectMatcher()
    if kind == KIND_FANOUT:
        return FanoutMatcher()
    if kind == KIND_TOPIC:
        return TopicMatcher()
    if kind == KIND_HEADERS:
        return HeadersMatcher()
    if kind == KIND_CONSISTENT_HASH:
        return ConsistentHashMatcher(hash_header)
    raise AssertionError(f"no kind of exchange: {kind!r}")
