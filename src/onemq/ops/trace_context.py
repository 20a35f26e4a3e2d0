"""Who a message's publisher says the parent of its spans is: W3C's traceparent and tracestate, or AWS X-Ray's header.

Pure: headers in, a context out. What is malformed counts as absent.
Spec: W3C Trace Context, section 3.2 (traceparent), 3.3 (tracestate); AWS X-Ray, "Tracing header".
"""

from collections.abc import Iterable
from typing import Final

TRACEPARENT: Final = "traceparent"
TRACESTATE: Final = "tracestate"
XRAY: Final = "AWSTraceHeader"
_LENGTH: Final = 55
_HEX: Final = frozenset("0123456789abcdef")
_STATE_CHARACTERS_MAX: Final = 512


class TraceContext:
    """trace_id (128 bits), span_id (64 bits): of the parent. sampled: its trace is recorded. state: tracestate as it came."""

    __slots__ = ("sampled", "span_id", "state", "trace_id")

    def __init__(self, trace_id: int, span_id: int, sampled: bool, state: str = "") -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.sampled = sampled
        self.state = state


def parse_traceparent(text: str) -> TraceContext | None:
    """`00-<32 hex>-<16 hex>-<2 hex>`; of later versions what they have in common with it."""
    if len(text) < _LENGTH or text[2] != "-" or text[35] != "-" or text[52] != "-":
        return None
    version = text[:2]
    if version == "ff" or (version == "00" and len(text) != _LENGTH):
        return None
    if len(text) > _LENGTH and text[_LENGTH] != "-":
        return None
    trace_id, span_id, flags = text[3:35], text[36:52], text[53:55]
    if not _HEX.issuperset(version + trace_id + span_id + flags):
        return None
    return _context(trace_id, span_id, int(flags, 16) & 1 != 0)


def parse_xray(text: str) -> TraceContext | None:
    """`Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1`, in any order; nothing without a parent."""
    parts = dict(part.strip().partition("=")[::2] for part in text.split(";"))
    root = parts.get("Root", "").lower()
    span_id = parts.get("Parent", "").lower()
    if len(root) != 35 or root[:2] != "1-" or root[10] != "-" or len(span_id) != 16:
        return None
    trace_id = root[2:10] + root[11:]
    if not _HEX.issuperset(trace_id + span_id):
        return None
    return _context(trace_id, span_id, parts.get("Sampled") == "1")


def _context(trace_id: str, span_id: str, sampled: bool) -> TraceContext | None:
    found = TraceContext(int(trace_id, 16), int(span_id, 16), sampled)
    return found if found.trace_id and found.span_id else None


def find_context(headers: Iterable[tuple[str, bytes | None]]) -> TraceContext | None:
    """The first traceparent that is one; else X-Ray's header."""
    found: TraceContext | None = None
    fallback: TraceContext | None = None
    state = ""
    for name, value in headers:
        if value is None:
            continue
        if name == TRACEPARENT and found is None:
            found = parse_traceparent(value.decode("latin-1"))
        elif name == TRACESTATE:
            state = value.decode("latin-1")[:_STATE_CHARACTERS_MAX]
        elif name == XRAY:
            fallback = parse_xray(value.decode("latin-1"))
    if found is None:
        return fallback
    found.state = state
    return found
