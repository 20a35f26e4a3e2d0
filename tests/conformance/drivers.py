"""The heads that the suite is run over. A new head joins with its driver: a line here, and its listener."""

from __future__ import annotations

from conformance.amqp091_driver import Amqp091
from conformance.driver import Driver
from conformance.kafka_driver import Kafka
from conformance.management_ends import Management
from conformance.sqs_driver import Sns, Sqs

AMQP, KAFKA, SQS, SNS = Amqp091(), Kafka(), Sqs(), Sns()
DRIVERS: list[Driver] = [AMQP, KAFKA, SQS, SNS]
MANAGEMENT = Management()
SENDERS: list[Driver | Management] = [AMQP, KAFKA, SQS, SNS, MANAGEMENT]
READERS: list[Driver | Management] = [
    AMQP,
    KAFKA,
    SQS,
    MANAGEMENT,
]  # what is published to SNS is read from queues
LISTENERS = ("amqp", "http", "kafka", "aws")
