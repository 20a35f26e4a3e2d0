"""Whether a second declaration asks for the same entity. Differences are worded as people know them from RabbitMQ."""

from onemq.model.entities import ExchangeSettings, QueueSettings
from onemq.model.refusal import Reason, Refusal


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
    kind = "table" if isinstance(value, dict) else "array"
    return f"the value '{value}' of type '{kind}'"


def _differs(kind: str, name: str, setting: str, wanted: str, actual: str) -> Refusal:
    return Refusal(Reason.EXISTS_OTHERWISE, kind, name, setting, wanted=wanted, actual=actual)


def _check_flag(kind: str, name: str, setting: str, wanted: bool, actual: bool) -> None:
    if wanted != actual:
        raise _differs(kind, name, setting, f"'{str(wanted).lower()}'", f"'{str(actual).lower()}'")


def _check_arguments(
    kind: str, name: str, wanted: dict[str, object], actual: dict[str, object], passed_over: str
) -> None:
    for argument in sorted(wanted.keys() | actual.keys()):
        if argument != passed_over and wanted.get(argument) != actual.get(argument):
            raise _differs(
                kind, name, argument, described(wanted.get(argument)), described(actual.get(argument))
            )


def check_exchange_equal(name: str, actual: ExchangeSettings, wanted: ExchangeSettings) -> None:
    """Raises Refusal EXISTS_OTHERWISE."""
    if wanted.type_name != actual.type_name:
        raise _differs("exchange", name, "type", f"'{wanted.type_name}'", f"'{actual.type_name}'")
    _check_flag("exchange", name, "durable", wanted.durable, actual.durable)
    _check_flag("exchange", name, "auto_delete", wanted.auto_delete, actual.auto_delete)
    _check_flag("exchange", name, "internal", wanted.internal, actual.internal)
    _check_arguments("exchange", name, wanted.arguments, actual.arguments, "")


def check_queue_equal(name: str, actual: QueueSettings, wanted: QueueSettings) -> None:
    """Raises Refusal EXISTS_OTHERWISE."""
    if wanted.type_name != actual.type_name:
        raise _differs(
            "queue", name, "x-queue-type", described(wanted.type_name), described(actual.type_name)
        )
    _check_flag("queue", name, "durable", wanted.durable, actual.durable)
    _check_flag("queue", name, "exclusive", wanted.exclusive, actual.exclusive)
    _check_flag("queue", name, "auto_delete", wanted.auto_delete, actual.auto_delete)
    _check_arguments("queue", name, wanted.arguments, actual.arguments, "x-queue-type")
