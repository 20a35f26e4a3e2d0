"""Queues with dead letters, and redrives of them."""

from __future__ import annotations

from engine_driver import Driver, RecordingSink
from onemq.engine.redrive_tasks import (
    RedriveTask,
)
from onemq.engine.settings import EngineSettings
from onemq.model.entities import QueueSettings


def with_dead(**values: object) -> QueueSettings:
    settings = QueueSettings()
    settings.dead_letter_exchange = ""
    settings.dead_letter_routing_key = "dead"
    for name, value in values.items():
        setattr(settings, name, value)
    return settings


def make(bounds: EngineSettings | None = None, *, delay: int = 0) -> Driver:
    driver = Driver(bounds, delay=delay)
    driver.declare("dead")
    for name in ("a", "b"):
        driver.declare(name, with_dead())
    driver.settle_down()
    return driver


def kill(driver: Driver, queue: str, *values: bytes) -> None:
    """They die in the queue."""
    for value in values:
        driver.publish(queue, value)
    sink = RecordingSink()
    driver.consume(queue, sink)
    driver.settle_down()
    for delivery in sink.held:
        driver.access.reject(delivery)
    driver.access.close_sink(sink)
    driver.settle_down()


def start(driver: Driver, destination: str | None = None, per_second: int | None = None) -> str:
    driver.broker.begin_turn(driver.now_ms)
    return driver.access.redrives.start("dead", destination, per_second)


def newest(driver: Driver) -> RedriveTask:
    return driver.access.redrives.list("dead")[0]
