"""Queues with settings, and records in them."""

from engine_driver import Driver
from onemq.engine.ledger_queue import LedgerQueue
from onemq.model.entities import QueueSettings


def settings(**changes: object) -> QueueSettings:
    made = QueueSettings()
    for name, value in changes.items():
        setattr(made, name, value)
    return made


def fill(driver: Driver, queue: str, *values: bytes, volatile: bool = False) -> None:
    for value in values:
        driver.publish(queue, value, volatile=volatile)
    driver.settle_down()


def ledger_queue(driver: Driver, name: str = "q") -> LedgerQueue:
    queue = driver.queue(name)
    assert isinstance(queue, LedgerQueue)
    return queue
