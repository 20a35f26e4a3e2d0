"""traceparent, tracestate and X-Ray's header: what is one, and what counts as absent."""

from __future__ import annotations

import pytest

from onemq.ops.trace_context import TraceContext, find_context, parse_traceparent, parse_xray

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"


def plain(found: TraceContext | None) -> tuple[str, str, bool, str] | None:
    return (
        None
        if found is None
        else (f"{found.trace_id:032x}", f"{found.span_id:016x}", found.sampled, found.state)
    )


@pytest.mark.parametrize(
    ("text", "sampled"),
    [
        (PARENT, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-comes-later", True),
    ],
)
def test_a_traceparent(text: str, sampled: bool) -> None:
    assert plain(parse_traceparent(text)) == (TRACE, SPAN, sampled, "")


@pytest.mark.parametrize(
    "text",
    [
        "", "00", PARENT[:-1], PARENT + "0", PARENT + "-x", PARENT.upper(), f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01", f"00_{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01x",
        f"00-{TRACE}-{SPAN}-zz", f"00-{TRACE[:-1]}g-{SPAN}-01",
    ],
)  # fmt: skip
def test_what_is_no_traceparent(text: str) -> None:
    assert parse_traceparent(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Sampled=1", True),
        (f"Sampled=0; Parent={SPAN}; Root=1-{TRACE[:8]}-{TRACE[8:]}", False),
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN};Lineage=a:1", False),
        (f"Root=1-{TRACE[:8]}-{TRACE[8:]}", None),
        (f"Root=2-{TRACE[:8]}-{TRACE[8:]};Parent={SPAN}", None),
        (f"Root=1-{TRACE[:8]}-{TRACE[9:]}x;Parent={SPAN}", None),
        ("Self=1-2-3;=;;", None),
    ],
)
def test_x_rays_header(text: str, expected: bool | None) -> None:
    found = plain(parse_xray(text))
    assert found == (None if expected is None else (TRACE, SPAN, expected, ""))


def test_the_first_good_one_counts_and_w3c_before_x_ray() -> None:
    other = f"Root=1-{'1' * 8}-{'2' * 24};Parent={SPAN};Sampled=1".encode()
    headers: list[tuple[str, bytes | None]] = [
        ("AWSTraceHeader", other),
        ("tracestate", b"vendor=1"),
        ("traceparent", None),
        ("traceparent", b"\xff nonsense"),
        ("traceparent", PARENT.encode()),
        ("traceparent", f"00-{'3' * 32}-{SPAN}-01".encode()),
    ]
    assert plain(find_context(headers)) == (TRACE, SPAN, True, "vendor=1")
    assert plain(find_context(headers[:4])) == ("1" * 8 + "2" * 24, SPAN, True, "")
    assert find_context([]) is None
