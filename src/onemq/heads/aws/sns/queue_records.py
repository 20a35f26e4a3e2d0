"""What a queue gets, as SQS would have stored it if SNS had sent it there.

Must not: know topics.
"""

from onemq.engine.notices.notice import Notice
from onemq.model.entities import QueueSettings
from onemq.model.record import NO_ADDRESS, Record


def queue_record(
    message_id: str, body: str, notice: Notice, target: QueueSettings | None, raw: bool
) -> Record:
    record = Record(body.encode("utf-8", "surrogatepass"), NO_ADDRESS)
    if notice.group:
        record.key = notice.group.encode("utf-8")
    return record


def queue_deduplication(target: QueueSettings, notice: Notice) -> tuple[str, str]:
    if target.grouping != "strict":
        return ("", "")
    return ("", notice.deduplication_id)


def dead_record(message_id: str, record: Record, reason: str, target: QueueSettings) -> Record:
    return Record(record.value, NO_ADDRESS)
