"""The second half of log lines: what an operator can do."""

from __future__ import annotations

from onemq.heads.advice import advice, refusal_line
from onemq.model.refusal import Reason, Refusal


def test_a_line_says_what_happened_what_to_do_and_about_what() -> None:
    denied = Refusal(Reason.ACCESS_DENIED, "queue", "orders", "read")
    assert refusal_line(denied, "consume is denied") == (
        "operation_refused",
        "consume is denied; if it should be allowed, give the user the permission",
        "queue orders",
    )
    reason, text, entity = refusal_line(Refusal(Reason.TOO_LARGE, "record"), "5 bytes")
    assert (reason, entity) == ("too_large", "record") and "raise the limit" in text
    assert refusal_line(Refusal(Reason.CORRUPT), "bad") == ("operation_refused", "bad", "")
    assert advice(Reason.CORRUPT) == ""
