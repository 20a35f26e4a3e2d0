"""ElasticMQ's settings (HOCON): its queues become queues as SQS's clients know them, in the namespace of SQS.

Read: `queues` with defaultVisibilityTimeout, delay, receiveMessageWait, deadLettersQueue, fifo, contentBasedDeduplication, tags. The rest
is of ElasticMQ's own process, or cannot be carried, and is said so. Raises CliError.
Source: ElasticMQ's documentation, "Automatically creating queues on startup"; HOCON specification (durations).
"""

import json
import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from onemq.cli.frame import CliError
from onemq.cli.transfer.plan import Plan
from onemq.cli.values import duration_ms

RETENTION_MS: Final = 345_600_000
"""SQS's default: four days."""
ARN: Final = "arn:aws:sqs:us-east-1:000000000000:"
FIFO: Final = ".fifo"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_INCLUDE: Final = re.compile(r"^\s*include\s+classpath\(.*\)\s*$", re.MULTILINE)
_KNOWN: Final = (
    "defaultVisibilityTimeout",
    "delay",
    "receiveMessageWait",
    "deadLettersQueue",
    "fifo",
    "contentBasedDeduplication",
    "tags",
)
_OF_THE_PROCESS: Final = (
    "include",
    "queues",
    "aws",
    "generate-node-address",
    "node-address",
    "rest-sqs",
    "rest-stats",
)


def read(text: str) -> dict[str, Any]:
    """HOCON as plain values."""
    # Takes some time to import, and is needed for nothing else.
    from pyhocon import ConfigFactory
    from pyhocon.exceptions import ConfigException
    from pyparsing import ParseBaseException

    try:
        # ElasticMQ's own defaults, which every file of it includes, are not here.
        found = ConfigFactory.parse_string(_INCLUDE.sub("", text))
    except ParseBaseException as error:
        raise CliError(f"this is no HOCON (line {error.lineno}, column {error.column})") from None
    except ConfigException as error:
        raise CliError(f"this is no HOCON that can be resolved: {error}") from None
    plain: dict[str, Any] = found.as_plain_ordered_dict()
    return plain


def plan_of(found: dict[str, Any], namespace: str) -> Plan:
    plan = Plan("ElasticMQ's settings")
    queues = found.get("queues", {})
    if not isinstance(queues, dict) or not queues:
        raise CliError("there are no queues in this file: is it ElasticMQ's?")
    fifo = {name for name, queue in queues.items() if isinstance(queue, dict) and queue.get("fifo") is True}
    for name, queue in queues.items():
        _queue(plan, namespace, name.strip('"'), queue if isinstance(queue, dict) else {}, fifo)
    for name in found:
        if name not in _OF_THE_PROCESS:
            plan.leave(f"{name}: it is of ElasticMQ's own process")
    return plan


def _full_name(name: str, fifo: bool) -> str:
    return name + FIFO if fifo and not name.endswith(FIFO) else name


def _queue(plan: Plan, namespace: str, name: str, queue: dict[str, Any], fifos: set[str]) -> None:
    fifo = name in fifos
    now_ms = int(time.time() * 1000)
    words: dict[str, str] = {}
    settings: dict[str, Any] = {"message_ttl_ms": RETENTION_MS, "dead_letter_expired": False}
    if "defaultVisibilityTimeout" in queue:
        settings["visibility_ms"] = _milliseconds(queue["defaultVisibilityTimeout"], name)
        words["VisibilityTimeout"] = str(settings["visibility_ms"] // 1000)
    if "delay" in queue:
        settings["delay_ms"] = _milliseconds(queue["delay"], name)
        words["DelaySeconds"] = str(settings["delay_ms"] // 1000)
    if "receiveMessageWait" in queue:
        words["ReceiveMessageWaitTimeSeconds"] = str(_milliseconds(queue["receiveMessageWait"], name) // 1000)
    dead = queue.get("deadLettersQueue")
    if isinstance(dead, dict):
        target = _full_name(str(dead["name"]).strip('"'), str(dead["name"]) in fifos)
        count = int(dead.get("maxReceiveCount", 3))
        settings.update(dead_letter_exchange="", dead_letter_routing_key=target, receive_limit=count)
        policy = {"deadLetterTargetArn": ARN + target, "maxReceiveCount": count}
        words["RedrivePolicy"] = json.dumps(policy)
    if fifo:
        settings["grouping"] = "strict"
        words["FifoQueue"] = "true"
        words["ContentBasedDeduplication"] = str(bool(queue.get("contentBasedDeduplication"))).lower()
    tags = {str(key).strip('"'): str(value) for key, value in (queue.get("tags") or {}).items()}
    settings["attributes"] = {
        "sqs": words,
        "sqs.created_ms": now_ms,
        "sqs.modified_ms": now_ms,
        "sqs.tags": tags,
    }
    plan.queue(namespace, _full_name(name, fifo), True, False, {}, settings)
    for word in queue:
        if word in ("copyTo", "moveTo"):
            plan.leave(f"{word} of queue {name}: bind both queues to an exchange instead")
        elif word not in _KNOWN:
            plan.leave(f"{word} of queue {name}")


def _milliseconds(value: Any, queue: str) -> int:
    """HOCON: a number alone is milliseconds; others are periods, as timedelta or (where dateutil is installed) relativedelta."""
    if isinstance(value, (int, float)):
        return int(value)
    if isinstance(value, str):
        return duration_ms(value, f"a duration of queue {queue}")
    span: timedelta = (_EPOCH + value) - _EPOCH
    return int(span.total_seconds() * 1000)
