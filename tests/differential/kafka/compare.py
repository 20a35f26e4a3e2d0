"""One scenario with onemq and with Kafka, and where they part.

`REASONS` are the differences that docs/protocols/kafka.md tells of: they are taken out of both answers before these are compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from differential.kafka.asking import Side

Scenario = Callable[[Side], None]


GENERAL_WORDS: Final = (
    None,
    "",
    "This most likely occurs because of a request being malformed by the client library or the message was sent to an incompatible "
    "broker. See the broker logs for more details.",
)
"""What Kafka says where it has nothing to say but the code. onemq may say more."""


UNKNOWN_SERVER_ERROR: Final = -1
"""Kafka's broker stumbled. onemq names what is wrong, or does what was asked."""
INVALID_TIMESTAMP: Final = 32
INVALID_RECORD: Final = 87
GROUP_SETTINGS: Final = "'resource_type': 32"
"""Where a setting of a group is out of bounds, Kafka names the broker's setting that bounds it, onemq the bound."""


def as_produced(told: dict[str, Any], ours: dict[str, Any]) -> None:
    """One partition of an answer to Produce."""
    failed = told["error_code"] != 0 and told["error_code"] == ours["error_code"]
    if failed and "log_start_offset" in told:
        told["log_start_offset"] = -1
    if ours["log_append_time_ms"] == -1 and not failed:
        told["log_append_time_ms"] = -1  # Kafka tells a batch that it had before the batch's own time.
    if failed and ours["error_code"] in (INVALID_TIMESTAMP, INVALID_RECORD):
        # Kafka counts the records that are wrong; the records themselves are the same but for the times.
        for name in (
            ("error_message",) if ours["error_code"] == INVALID_RECORD else ("error_message", "record_errors")
        ):
            if name in told:
                told[name] = ours[name]


def told_apart(ours: Any, theirs: Any, request: str) -> Any:
    """Kafka's answer as it would be with the differences that docs/protocols/kafka.md tells of."""
    if isinstance(theirs, list) and isinstance(ours, list) and len(ours) == len(theirs):
        return [told_apart(our, their, request) for our, their in zip(ours, theirs, strict=True)]
    if not isinstance(theirs, dict) or not isinstance(ours, dict):
        return theirs
    if theirs.get("error_code") == UNKNOWN_SERVER_ERROR:
        return ours
    told = {name: told_apart(ours.get(name), each, request) for name, each in theirs.items()}
    failed = told.get("error_code", 0) != 0 and told["error_code"] == ours.get("error_code")
    worded = told.get("error_message") not in GENERAL_WORDS and GROUP_SETTINGS not in request
    if failed and "error_message" in told and not worded:
        told["error_message"] = ours.get("error_message")
    if "'validate_only': True" in request and "num_partitions" in told:
        told["topic_id"] = ours.get("topic_id")  # Kafka draws one for the topic that it does not make.
    if told.get("error_code") == 0 and not told.get("error_message") and not ours.get("error_message"):
        # Nothing and the empty string: to clients they are the same.
        if "error_message" in told:
            told["error_message"] = ours["error_message"]
    if request.startswith("Produce") and "base_offset" in told:
        as_produced(told, ours)
    if told.get("name") == "min.insync.replicas" and told.get("config_source") == 3:
        # Kafka's storage tool sets it for the whole cluster when it makes one.
        told["config_source"] = 5
        if "synonyms" in told:
            told["synonyms"] = [each for each in theirs["synonyms"] if each["source"] != 3]
    return told


@dataclass
class Difference:
    request: str
    ours: Any
    theirs: Any

    def __str__(self) -> str:
        lines = differing("", self.ours, self.theirs)
        return "\n".join([self.request[:700], *lines])


def differing(path: str, ours: Any, theirs: Any) -> list[str]:
    """The places where two answers differ, one a line."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        found: list[str] = []
        for name in {**ours, **theirs}:
            found += differing(f"{path}.{name}", ours.get(name, "-"), theirs.get(name, "-"))
        return found
    if isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        return [
            line
            for index, (our, their) in enumerate(zip(ours, theirs, strict=True))
            for line in differing(f"{path}[{index}]", our, their)
        ]
    return [] if ours == theirs else [f"  {path}: onemq {ours!r}", f"  {' ' * len(path)}  Kafka {theirs!r}"]


def compared(scenario: Scenario, ours: str, theirs: str, prefix: str) -> list[Difference]:
    """Play the scenario with both; requests whose answers differ."""
    ours_side = Side(ours, None, prefix)
    try:
        scenario(ours_side)
    finally:
        ours_side.close()
    theirs_side = Side(theirs, ours_side.heard, prefix, told_apart)
    try:
        scenario(theirs_side)
    finally:
        theirs_side.close()
    found = [
        Difference(request, our, told_apart(our, their, request))
        for (request, our), (_, their) in zip(ours_side.heard, theirs_side.heard, strict=False)
        if our != told_apart(our, their, request)
    ]
    if len(ours_side.heard) != len(theirs_side.heard):
        found.append(Difference("number of answers", len(ours_side.heard), len(theirs_side.heard)))
    return found
