"""Whether a second declaration asks for the same entity. Differences are worded as people know them from RabbitMQ."""

from typing import Final

from onemq.model.entities import STRICT_GROUPS, ExchangeSettings, QueueSettings
from onemq.model.refusal import Reason, Refusal

TYPE_ARGUMENT: Final = "x-queue-type"
"""Compared as the type that it means: leaving it out is asking for the default."""

UNALTERABLE: Final = (
    "type_name",
    "durable",
    "exclusive",
    "auto_delete",
    "kept",
    "persists_all",
    "priority_max",
)
"""Settings that decide what a queue's log and ledger are."""


def described(value: object) -> str:
    """An argument's value for people: `the value '5' of type 'signedint'`, or `none`."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"the value '{str(value).lower()}' of type 'bool'"
    if isinstance(value, int):
        kind = "signedint" if -(1 << 31) <= value < 1 << 31 else "long"
        return f"the value '{value}' of type '{kind}'"
    if isinstance(value, str):
        return f"the value '{value}' of type 'longstr'"
    if isinstance(value, float):
        return f"the value '{value}' of type 'double'"
    if isinstance(value, bytes):
        return f"the value '{value.decode('utf-8', 'replace')}' of type 'binary'"
    kind = "table" if isinstance(value, dict) else "array"
    return f"the value '{value}' of type '{kind}'"


def _differs(kind: str, name: str, setting: str, wanted: str, actual: str) -> Refusal:
    return Refusal(Reason.EXISTS_OTHERWISE, kind, name, setting, wanted=wanted, actual=actual)


def _check_flag(kind: str, name: str, setting: str, wanted: bool, actual: bool) -> None:
    if wanted != actual:
        raise _differs(kind, name, setting, f"'{str(wanted).lower()}'", f"'{str(actual).lower()}'")


def _check_argument(
    kind: str, name: str, argument: str, wanted: dict[str, object], actual: dict[str, object]
) -> None:
    if (argument in wanted) != (argument in actual) or wanted.get(argument) != actual.get(argument):
        raise _differs(kind, name, argument, _shown(argument, wanted), _shown(argument, actual))


def _shown(argument: str, arguments: dict[str, object]) -> str:
    if argument not in arguments:
        return "none"
    value = arguments[argument]
    return "the value 'undefined' of type 'void'" if value is None else described(value)


def _compared(
    compared: tuple[str, ...] | None, wanted: dict[str, object], actual: dict[str, object]
) -> list[str]:
    return sorted(wanted.keys() | actual.keys()) if compared is None else list(compared)


def check_exchange_equal(name: str, actual: ExchangeSettings, wanted: ExchangeSettings) -> None:
    """Raises Refusal EXISTS_OTHERWISE."""
    if wanted.type_name != actual.type_name:
        raise _differs("exchange", name, "type", f"'{wanted.type_name}'", f"'{actual.type_name}'")
    _check_flag("exchange", name, "durable", wanted.durable, actual.durable)
    _check_flag("exchange", name, "auto_delete", wanted.auto_delete, actual.auto_delete)
    _check_flag("exchange", name, "internal", wanted.internal, actual.internal)
    for argument in _compared(wanted.compared, wanted.arguments, actual.arguments):
        _check_argument("exchange", name, argument, wanted.arguments, actual.arguments)


def check_queue_equal(name: str, actual: QueueSettings, wanted: QueueSettings) -> None:
    """Raises Refusal EXISTS_OTHERWISE. Whether both are exclusive is the caller's to check."""
    _check_flag("queue", name, "durable", wanted.durable, actual.durable)
    _check_flag("queue", name, "auto_delete", wanted.auto_delete, actual.auto_delete)
    names = _compared(wanted.compared, wanted.arguments, actual.arguments)
    if TYPE_ARGUMENT not in names:
        names.insert(0, TYPE_ARGUMENT)
    for argument in names:
        if argument != TYPE_ARGUMENT:
            _check_argument("queue", name, argument, wanted.arguments, actual.arguments)
        elif wanted.type_name != actual.type_name:
            raise _differs("queue", name, argument, described(wanted.type_name), described(actual.type_name))


def check_alterable(name: str, actual: QueueSettings, wanted: QueueSettings) -> None:
    """Raises Refusal INVALID for what a queue cannot change once it is there."""
    for setting in UNALTERABLE:
        if getattr(actual, setting) != getattr(wanted, setting):
            raise Refusal(
                Reason.INVALID,
                "queue",
                name,
                setting,
                wanted=str(getattr(wanted, setting)),
                actual=str(getattr(actual, setting)),
            )
    if actual.grouping != wanted.grouping and STRICT_GROUPS in (actual.grouping, wanted.grouping):
        raise Refusal(
            Reason.INVALID, "queue", name, "grouping", wanted=wanted.grouping, actual=actual.grouping
        )
