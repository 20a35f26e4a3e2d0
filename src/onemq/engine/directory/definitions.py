"""What a policy may say: its keys, what each takes, and RabbitMQ's words for what is wrong.

Must not: apply anything (resolution.py).
Spec: RabbitMQ 4, rabbit_policies and rabbit_policy (validation), "Policies"; texts of values are Erlang's terms.
"""

from typing import Final

from onemq.model.entities import DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX

ALL: Final = "all"
QUEUES: Final = "queues"
CLASSIC_QUEUES: Final = "classic_queues"
QUORUM_QUEUES: Final = "quorum_queues"
STREAMS: Final = "streams"
EXCHANGES: Final = "exchanges"
APPLY_TO: Final = (ALL, QUEUES, CLASSIC_QUEUES, QUORUM_QUEUES, STREAMS, EXCHANGES)

_COUNTS: Final = {
    "message-ttl": (0, "message TTL"),
    "expires": (1, "queue expiry"),
    "max-length": (0, "maximum length"),
    "max-length-bytes": (0, "maximum length in bytes"),
    "max-in-memory-length": (0, "maximum memory in bytes"),
    "max-in-memory-bytes": (0, "maximum memory in bytes"),
    "initial-cluster-size": (0, "cluster size"),
    "target-group-size": (0, "target count"),
    "stream-max-segment-size-bytes": (0, "segment size"),
    "consumer-timeout": (0, "consumer timeout"),
    "delivery-limit": (-(1 << 62), "delivery limit"),
}
"""Keys that take a whole number: the least one, and what it is called."""
_TEXTS: Final = {
    "alternate-exchange": "alternate exchange name",
    "dead-letter-exchange": "dead letter exchange name",
    "dead-letter-routing-key": "dead letter routing key",
}
_CHOICES: Final[dict[str, tuple[tuple[object, ...], str]]] = {
    "overflow": ((DROP_HEAD, REJECT_PUBLISH, REJECT_PUBLISH_DLX), "overflow value"),
    "queue-mode": (("default", "lazy"), "queue-mode value"),
    "queue-version": ((1, 2), "queue-version value"),
    "dead-letter-strategy": (("at-most-once", "at-least-once"), "dead letter strategy"),
    "queue-leader-locator": (
        ("client-local", "balanced", "random", "least-leaders"),
        "queue leader locator value",
    ),
}
_IDLE: Final = (
    "ha-mode",
    "ha-params",
    "ha-sync-mode",
    "ha-sync-batch-size",
    "ha-promote-on-shutdown",
    "ha-promote-on-failure",
    "queue-master-locator",
    "federation-upstream",
    "federation-upstream-set",
)
"""Taken as they come: they say something to clusters of RabbitMQ, and nothing here."""
_OPERATOR_KEYS: Final = (
    "expires",
    "message-ttl",
    "max-length",
    "max-length-bytes",
    "max-in-memory-length",
    "max-in-memory-bytes",
    "delivery-limit",
    "overflow",
    "queue-version",
    "target-group-size",
)
_AGE_UNITS_MS: Final = {
    "Y": 365 * 86_400_000,
    "M": 30 * 86_400_000,
    "D": 86_400_000,
    "h": 3_600_000,
    "m": 60_000,
    "s": 1000,
}


def definition_problem(definition: dict[str, object], operator: bool) -> str:
    """What is wrong with it, in RabbitMQ's words; "" = nothing."""
    if not definition:
        return "no policy provided"
    unknown: list[str] = []
    for key, value in sorted(definition.items()):
        known = key in _OPERATOR_KEYS if operator else _is_known(key)
        if not known:
            unknown.append("{" + erlang_term(key) + "," + erlang_term(value) + "}")
            continue
        wrong = _value_problem(key, value)
        if wrong:
            return wrong
    if unknown:
        return f"[{','.join(unknown)}] are not recognised policy settings"
    return ""


def _is_known(key: str) -> bool:
    return key in _COUNTS or key in _TEXTS or key in _CHOICES or key in _IDLE or key == "max-age"


def _value_problem(key: str, value: object) -> str:
    number = isinstance(value, int) and not isinstance(value, bool)
    if key in _COUNTS:
        least, name = _COUNTS[key]
        if isinstance(value, int) and number and value >= least:
            return ""
    elif key in _TEXTS:
        name = _TEXTS[key]
        if isinstance(value, str):
            return ""
    elif key in _CHOICES:
        choices, name = _CHOICES[key]
        if (number or isinstance(value, str)) and value in choices:
            return ""
    elif key == "max-age":
        name = "max age"
        if isinstance(value, str) and age_ms(value) >= 0:
            return ""
    else:
        return ""
    return f"{erlang_term(value)} is not a valid {name}"


def age_ms(text: str) -> int:
    """What "7D" is in milliseconds; -1: it is no age."""
    digits = text[:-1]
    if len(text) < 2 or len(digits) > 15 or not digits.isascii() or not digits.isdigit():
        return -1
    unit = _AGE_UNITS_MS.get(text[-1], -1)
    return -1 if unit < 0 else int(digits) * unit


def erlang_term(value: object) -> str:
    """A plain value as Erlang prints it: RabbitMQ's messages have their values so."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'<<"{escaped}">>' if value.isascii() else f'<<"{escaped}"/utf8>>'
    if isinstance(value, dict):
        pairs = [f"{erlang_term(key)} => {erlang_term(content)}" for key, content in value.items()]
        return "#{" + ",".join(pairs) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join([erlang_term(content) for content in value]) + "]"
    return str(value)
