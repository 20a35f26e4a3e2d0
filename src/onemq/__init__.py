"""onemq: one durable message broker that every client can use.

`Broker` runs it inside this process; what is public there is loaded when it is asked for first.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from onemq.embedded.blocking import BlockingBroker
    from onemq.embedded.broker import Broker
    from onemq.embedded.errors import BrokerFailed, Refused
    from onemq.embedded.message import Message

__version__ = "0.1.0"

__all__ = ["BlockingBroker", "Broker", "BrokerFailed", "Message", "Refused", "__version__"]

_HOMES = {
    "BlockingBroker": "onemq.embedded.blocking",
    "Broker": "onemq.embedded.broker",
    "BrokerFailed": "onemq.embedded.errors",
    "Message": "onemq.embedded.message",
    "Refused": "onemq.embedded.errors",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
