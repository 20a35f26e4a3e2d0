"""Subjects of client certificates as RFC 4514 text."""

from __future__ import annotations

import pytest

from onemq.net.tls import BadTls, make_context, subject_text


def test_subject_most_specific_part_first() -> None:
    subject = ((("countryName", "DE"),), (("organizationName", "acme"),), (("commonName", "shop"),))
    assert subject_text(subject) == "CN=shop,O=acme,C=DE"


def test_multi_valued_parts_and_unknown_kinds() -> None:
    assert subject_text(((("commonName", "a"), ("userId", "7")),)) == "CN=a+UID=7"
    assert subject_text(((("serialNumber", "5"),),)) == "serialNumber=5"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a,b", r"a\,b"),
        ("#a", r"\#a"),
        (" a", r"\ a"),
        ("a ", "a\\ "),
        ('a"+\\<>;', r"a\"\+\\\<\>\;"),
        ("ä", "ä"),
    ],
)
def test_special_characters_are_escaped(value: str, expected: str) -> None:
    assert subject_text(((("commonName", value),),)) == f"CN={expected}"


def test_missing_files_are_named() -> None:
    with pytest.raises(BadTls, match=r"none\.pem"):
        make_context("/none.pem", "/none.pem", "", False)
