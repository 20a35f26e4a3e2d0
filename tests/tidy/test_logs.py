"""docs/logs.md lists the reasons of log lines, docs/operations.md the kinds of acts in the audit log; each of them and no other."""

from __future__ import annotations

import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from tidy.repository import ROOT, SOURCE

WRITTEN = re.compile(
    r'(?:\bwarn\(|_fields\(|_because\(|"reason": )\s*"([a-z_]+)"|(?:LEFT_OUT|TOO_LARGE|OPERATION_REFUSED): Final = "([a-z_]+)"'
)
PARTS = ("net", "heads", "ops", "app", "storage")
ROW = re.compile(r"^\| `([a-z_]+)` \|", re.MULTILINE)
FIELDS = {"reason", "client", "entity", "error"}


def reasons_written() -> set[str]:
    found: set[str] = set()
    for part in PARTS:
        for path in sorted((SOURCE / part).rglob("*.py")):
            for first, second in WRITTEN.findall(path.read_text(encoding="utf-8")):
                found.add(first or second)
    return found | {"login_refused", "refused"}


def test_the_document_lists_the_reasons_of_all_lines() -> None:
    documented = ROW.findall((ROOT / "docs/logs.md").read_text(encoding="utf-8"))
    assert len(documented) == len(set(documented))
    assert set(documented) - FIELDS == reasons_written()


ACT = re.compile(r'audit\.doing\(\s*[^,]*,\s*"([a-z ]+)"')
ACT_ROW = re.compile(r"^\| `[a-z ]+`(?:, `[a-z ]+`)* \| `([a-z ]+)` \|", re.MULTILINE)
BY_VARIABLE = {"namespace limit", "operator policy", "policy", "request", "user", "user limit"}
"""Kinds that the code has in a variable, or notes without `doing` (log-ins)."""


def test_the_document_lists_the_kinds_of_all_acts() -> None:
    noted: set[str] = set(BY_VARIABLE)
    for path in sorted(SOURCE.rglob("*.py")):
        if path.name != "auditing.py":
            noted.update(ACT.findall(path.read_text(encoding="utf-8")))
    assert set(ACT_ROW.findall((ROOT / "docs/operations.md").read_text(encoding="utf-8"))) == noted
