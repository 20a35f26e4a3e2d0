"""What is in force: examples of every rule, and any mixture against a naive reading of RabbitMQ's rules."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from onemq.engine.directory.policies import Policy
from onemq.engine.directory.resolution import exchange_in_force, merged_definition, queue_in_force
from onemq.engine.settings_codec import queue_to_plain
from onemq.model.entities import ExchangeSettings, QueueSettings

Definition = dict[str, object]
LIMITS = ("message-ttl", "expires", "max-length", "max-length-bytes", "consumer-timeout")
FIELDS = {
    "message-ttl": "message_ttl_ms",
    "expires": "expires_ms",
    "max-length": "length_max",
    "max-length-bytes": "bytes_max",
    "consumer-timeout": "consumer_timeout_ms",
    "dead-letter-exchange": "dead_letter_exchange",
    "dead-letter-routing-key": "dead_letter_routing_key",
    "overflow": "overflow",
    "delivery-limit": "delivery_limit",
}


def declared_with(arguments: Definition, type_name: str = "classic") -> QueueSettings:
    """As the head makes it of x-arguments."""
    settings = QueueSettings(arguments={f"x-{key}": value for key, value in arguments.items()})
    settings.type_name = type_name
    if type_name == "quorum":
        settings.delivery_limit = 20
    for key, value in arguments.items():
        setattr(settings, FIELDS[key], value)
    if settings.delivery_limit is not None and settings.delivery_limit < 0:
        settings.delivery_limit = None
    return settings


def policy(definition: Definition, operator: bool = False) -> Policy:
    return Policy("/", "p", ".*", definition, operator=operator)


def test_without_a_policy_the_declaration_itself_is_in_force() -> None:
    declared = declared_with({"max-length": 1})
    assert queue_in_force(declared, merged_definition(None, None)) is declared


def test_operators_tighten() -> None:
    merged = merged_definition(
        policy({"max-length": 10, "expires": 5, "overflow": "drop-head", "dead-letter-exchange": "x"}),
        policy({"max-length": 20, "expires": 3, "overflow": "reject-publish", "message-ttl": 7}, True),
    )
    assert merged == {
        "max-length": 10,
        "expires": 3,
        "overflow": "reject-publish",
        "dead-letter-exchange": "x",
        "message-ttl": 7,
    }
    assert merged_definition(None, policy({"expires": 3}, True)) == {"expires": 3}


def test_streams() -> None:
    declared = QueueSettings()
    declared.type_name = "stream"
    declared.kept = True
    declared.retention_bytes = 100
    settings = queue_in_force(
        declared, {"max-age": "1h", "max-length-bytes": 500, "stream-max-segment-size-bytes": 9}
    )
    assert (settings.retention_ms, settings.retention_bytes, settings.segment_bytes) == (3_600_000, 100, 9)
    assert settings.bytes_max is None and settings.message_ttl_ms is None
    declared.retention_ms = 1000
    assert queue_in_force(declared, {"max-age": "1h"}).retention_ms == 1000


def test_delivery_limits() -> None:
    for own, policied, expected in (
        (None, 5, 5),
        (None, 50, 50),
        (None, -1, None),
        (3, 5, 3),
        (5, 3, 3),
        (-1, 3, 3),
        (3, -1, 3),
        (-1, -1, None),
    ):
        declared = declared_with({} if own is None else {"delivery-limit": own}, "quorum")
        assert queue_in_force(declared, {"delivery-limit": policied}).delivery_limit == expected, (
            own,
            policied,
        )


def test_exchanges() -> None:
    declared = ExchangeSettings("topic", arguments={"a": 1})
    settings = exchange_in_force(declared, {"alternate-exchange": "x"})
    assert settings.alternate == "x" and settings.arguments == {"a": 1} and declared.alternate == ""
    declared.alternate = "own"
    assert exchange_in_force(declared, {"alternate-exchange": "x"}) is declared
    assert exchange_in_force(declared, {"max-length": 1}) is declared


COUNTS = st.integers(1, 20)
DEFINITIONS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(LIMITS, COUNTS),
        "delivery-limit": COUNTS,
        "dead-letter-exchange": st.sampled_from(["a", "b"]),
        "dead-letter-routing-key": st.sampled_from(["j", "k"]),
        "overflow": st.sampled_from(["drop-head", "reject-publish", "reject-publish-dlx"]),
    },
)
OPERATOR_KEYS = ("message-ttl", "expires", "max-length", "max-length-bytes", "delivery-limit", "overflow")


def expected(arguments: Definition, own: Definition, operator: Definition, quorum: bool) -> Definition:
    """The rules once more, one sentence each."""
    found: Definition = {}
    for key in FIELDS:
        numbers = [value for part in (arguments, own, operator) if isinstance(value := part.get(key), int)]
        if key in LIMITS or key == "delivery-limit":
            # The lowest of all that somebody set.
            found[key] = min(numbers) if numbers else None
        else:
            # The operator's before the policy's; an argument before both, but for quorum queues' overflow.
            policied = operator.get(key, own.get(key))
            first, second = arguments.get(key), policied
            if key == "overflow" and quorum:
                first, second = second, first
            found[key] = second if first is None else first
    if quorum:
        found["delivery-limit"] = 20 if found["delivery-limit"] is None else found["delivery-limit"]
    else:
        found["delivery-limit"] = None
    found["overflow"] = found["overflow"] or "drop-head"
    return found


@given(arguments=DEFINITIONS, own=DEFINITIONS, operator=DEFINITIONS, quorum=st.booleans())
def test_any_mixture(arguments: Definition, own: Definition, operator: Definition, quorum: bool) -> None:
    if not quorum:
        arguments.pop("delivery-limit", None)
    operator = {key: value for key, value in operator.items() if key in OPERATOR_KEYS}
    declared = declared_with(arguments, "quorum" if quorum else "classic")
    before = queue_to_plain(declared)
    merged = merged_definition(policy(own) if own else None, policy(operator, True) if operator else None)
    settings = queue_in_force(declared, merged)
    assert {key: getattr(settings, field) for key, field in FIELDS.items()} == expected(
        arguments, own, operator, quorum
    )
    assert queue_to_plain(declared) == before
    assert settings.arguments == declared.arguments and settings.type_name == declared.type_name
