"""A notice: one message published to a notice topic, before it is rendered for anybody. Pure data, with a form for archives.

Must not: know how subscribers see it (the head's renderer does).
"""

from typing import Final

from onemq.engine.facts import pack, unpack
from onemq.engine.routing.filter_policy.policy import Attributes

DEFAULT: Final = "default"
"""Whose text everybody gets who has none of his own in a structured notice."""


class NoticeAttribute:
    """One attribute. `octets`: of a binary one, else None and the value is `text`."""

    __slots__ = ("kind", "name", "octets", "text")

    def __init__(self, name: str, kind: str, text: str, octets: bytes | None = None) -> None:
        self.name = name
        self.kind = kind
        self.text = text
        self.octets = octets


class Notice:
    """See the module.

    Attributes:
        message_id: made by the publisher's head. text: what everybody gets; of a structured notice the default.
        structured: texts by protocol; empty for a plain notice. subject: or None. attributes: in the order given.
        group, deduplication_id: "" = none. sequence: the topic's count, 0 = none. time_ms: when it was published.
        origin: where the publisher reached us ("http://localhost:4566"): links in what is rendered begin with it.
        trace: X-Ray's trace header, "" = none. Queues get it with the notice.
    """

    __slots__ = (
        "attributes",
        "deduplication_id",
        "group",
        "message_id",
        "origin",
        "sequence",
        "signatures",
        "structured",
        "subject",
        "text",
        "time_ms",
        "trace",
    )

    def __init__(self, message_id: str, text: str, time_ms: int, origin: str) -> None:
        self.message_id = message_id
        self.text = text
        self.structured: dict[str, str] = {}
        self.subject: str | None = None
        self.attributes: list[NoticeAttribute] = []
        self.group = ""
        self.deduplication_id = ""
        self.sequence = 0
        self.time_ms = time_ms
        self.origin = origin
        self.trace = ""
        self.signatures: dict[str, str] = {}
        """Free for the renderer: what it has computed for one text is the same for all subscribers."""

    def text_for(self, protocol: str) -> str:
        return self.structured.get(protocol, self.text) if self.structured else self.text

    def filter_attributes(self) -> Attributes:
        found: Attributes = []
        for each in self.attributes:
            found.append((each.name, each.kind, each.text))
        return found


def to_bytes(notice: Notice) -> bytes:
    """For an archive."""
    attributes: list[object] = []
    for each in notice.attributes:
        attributes.append([each.name, each.kind, each.text, each.octets])
    return pack(
        {
            "id": notice.message_id,
            "text": notice.text,
            "structured": notice.structured,
            "subject": notice.subject,
            "attributes": attributes,
            "group": notice.group,
            "deduplication": notice.deduplication_id,
            "sequence": notice.sequence,
            "time": notice.time_ms,
            "origin": notice.origin,
            "trace": notice.trace,
        }
    )


def from_bytes(data: bytes) -> Notice:
    plain = unpack(data)
    time_ms = plain["time"]
    sequence = plain["sequence"]
    structured = plain["structured"]
    subject = plain["subject"]
    attributes = plain["attributes"]
    assert isinstance(time_ms, int) and isinstance(sequence, int) and isinstance(structured, dict)
    assert isinstance(attributes, list)
    notice = Notice(str(plain["id"]), str(plain["text"]), time_ms, str(plain["origin"]))
    notice.structured = structured
    notice.trace = str(plain.get("trace", ""))
    notice.subject = None if subject is None else str(subject)
    notice.group = str(plain["group"])
    notice.deduplication_id = str(plain["deduplication"])
    notice.sequence = sequence
    for name, kind, text, octets in attributes:
        notice.attributes.append(NoticeAttribute(name, kind, text, octets))
    return notice
