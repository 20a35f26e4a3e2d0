"""Exchanges and bindings through an access: what is refused, and why."""

from engine_driver import Driver
from onemq.model.entities import ExchangeSettings
from onemq.model.refusal import Reason
from unit.engine.accesses import refused


def test_what_is_not_there() -> None:
    access = Driver().access
    for call in (
        lambda: access.exchanges.check("no"),
        lambda: access.exchanges.bind_queue("no", "amq.direct", "", {}),
        lambda: access.exchanges.unbind_queue("no", "amq.direct", "", {}),
        lambda: access.exchanges.bind_exchange("no", "amq.direct", "", {}),
        lambda: access.exchanges.bind_exchange("amq.direct", "no", "", {}),
    ):
        refused(Reason.NOT_FOUND, call)
    access.exchanges.delete("no")
    access.exchanges.check("")


def test_one_that_is_in_use_stays() -> None:
    driver = Driver()
    access = driver.access
    driver.declare("q")
    access.exchanges.declare("e", ExchangeSettings("direct"))
    access.exchanges.bind_queue("q", "e", "", {})
    refused(Reason.IN_USE, lambda: access.exchanges.delete("e", if_unused=True))
    access.exchanges.unbind_queue("q", "e", "", {})
    access.exchanges.bind_exchange("e", "amq.direct", "", {})
    refused(Reason.IN_USE, lambda: access.exchanges.delete("e", if_unused=True))
    access.exchanges.unbind_exchange("e", "amq.direct", "", {})
    access.exchanges.delete("e", if_unused=True)


def test_an_internal_exchange_takes_nothing_from_outside() -> None:
    driver = Driver()
    driver.access.exchanges.declare("e", ExchangeSettings("direct", internal=True))
    assert refused(Reason.ACCESS_DENIED, lambda: driver.access.route("e", "")).detail == "internal"


def test_unknown_kind_of_exchange() -> None:
    refused(Reason.INVALID, lambda: Driver().access.exchanges.declare("e", ExchangeSettings("no such kind")))


def test_reserved_names() -> None:
    driver = Driver()
    driver.declare("q")
    access = driver.access
    for call in (
        lambda: access.exchanges.delete(""),
        lambda: access.exchanges.delete("amq.direct"),
        lambda: access.exchanges.bind_queue("q", "", "", {}),
        lambda: access.exchanges.bind_exchange("", "amq.direct", "", {}),
        lambda: access.exchanges.bind_exchange("amq.direct", "", "", {}),
    ):
        refused(Reason.RESERVED_NAME, call)
