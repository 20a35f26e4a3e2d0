"""The Query protocol: forms to parameters, results to XML, as botocore reads them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from onemq.heads.aws.errors import AwsError
from onemq.heads.aws.query_protocol import PARAMETERS_MAX, QueryProtocol, read_form, read_parameters
from onemq.heads.aws.shapes import (
    Member,
    OperationShape,
    boolean,
    integer,
    list_of,
    map_of,
    structure,
    text,
)

SHAPE = structure(
    Member("Name", text),
    Member("Count", integer),
    Member("Sure", boolean),
    Member("Names", list_of(text), "NameOf"),
    Member("Members", list_of(text, "member")),
    Member("Flat", map_of(text, "Key", "Value"), "Tag"),
    Member("Deep", map_of(structure(Member("Type", text)), "Name", "Value", "entry")),
)


def parameters(form: bytes) -> dict[str, object]:
    found: dict[str, str] = {}
    read_form(form, found)
    return read_parameters(SHAPE, found)


def test_parameters() -> None:
    form = (
        b"Name=a+b%2Bc%C3%A4&Count=-12&Sure=true&NameOf.10=z&NameOf.2=y&Members.member.1=m&Tag.1.Key=k&Tag.1.Value=v"
        b"&Deep.entry.1.Name=n&Deep.entry.1.Value.Type=String&Unknown=1&Name=second"
    )
    assert parameters(form) == {
        "Name": "a b+cä",
        "Count": -12,
        "Sure": True,
        "Names": ["y", "z"],
        "Members": ["m"],
        "Flat": {"k": "v"},
        "Deep": {"n": {"Type": "String"}},
    }
    assert parameters(b"NameOf=only&Tag.Key=k&Tag.Value=v") == {"Names": ["only"], "Flat": {"k": "v"}}
    assert parameters(b"NameOf=") == {"Names": []}


@pytest.mark.parametrize(
    ("form", "code"),
    [
        (b"Count=x", "InvalidParameterValue"),
        (b"Count=9999999999999999999", "InvalidParameterValue"),
        (b"Sure=maybe", "InvalidParameterValue"),
        (b"Name=%ff", "MalformedQueryString"),
        (b"Tag.1.Value=v", "MalformedQueryString"),
        (b"&".join(b"a%d=1" % number for number in range(PARAMETERS_MAX + 2)), "MalformedQueryString"),
    ],
)
def test_forms_that_are_not_understood(form: bytes, code: str) -> None:
    with pytest.raises(AwsError) as caught:
        parameters(form)
    assert caught.value.query_code == code


def test_results() -> None:
    protocol = QueryProtocol("urn:x")
    given: dict[str, object] = {
        "Name": "<&>\"'\r\n\x00\ud83d",
        "Count": 3,
        "Sure": False,
        "Names": ["a", "b"],
        "Members": ["m"],
        "Flat": {"k": "v"},
        "Deep": {"n": {"Type": "String"}},
    }
    root = ElementTree.fromstring(protocol.result(OperationShape("Do", SHAPE, SHAPE), given, "id-1"))
    for element in root.iter():
        element.tag = element.tag.removeprefix("{urn:x}")
    result = root.find("DoResult")
    assert root.tag == "DoResponse"
    assert result is not None
    assert result.findtext("Name") == "<&>\"'\r\n\ufffd\ufffd"
    assert (result.findtext("Count"), result.findtext("Sure")) == ("3", "false")
    assert [element.text for element in result.findall("NameOf")] == ["a", "b"]
    assert result.findtext("Members/member") == "m"
    assert (result.findtext("Tag/Key"), result.findtext("Tag/Value")) == ("k", "v")
    assert result.findtext("Deep/entry/Value/Type") == "String"
    assert root.findtext("ResponseMetadata/RequestId") == "id-1"
    without = ElementTree.fromstring(protocol.result(OperationShape("Do", SHAPE), {}, "id-2"))
    assert [element.tag for element in without] == ["{urn:x}ResponseMetadata"]
