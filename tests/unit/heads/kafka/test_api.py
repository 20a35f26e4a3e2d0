"""The registry of APIs: headers, versions, look-up at first use."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from librt.strings import BytesWriter

from onemq.heads.kafka.api import APIS, request_header
from onemq.heads.kafka.messages.metadata import MetadataRequest, MetadataResponse
from onemq.heads.kafka.primitives import Reader
from onemq.model.refusal import WireError
from unit.heads.kafka import message_peer
from unit.heads.kafka.message_samples import SCHEMAS, module_of


@pytest.mark.parametrize("client_id", [None, "", "client-7"])
def test_headers_of_the_peer_are_read(client_id: str | None) -> None:
    for key, api in APIS.items():
        peer = message_peer.classes().get(f"{api.name}Request")
        if peer is None:
            continue
        for version in range(api.served_first, api.served_last + 1):
            request = peer(version=version)
            request.with_header(correlation_id=77, client_id=client_id)
            data = bytes(request.encode_header(flexible=request.flexible_version_q(version)))
            reader = Reader(data + b"body")
            header = request_header(reader)
            assert (header.api_key, header.api_version) == (key, version)
            assert (header.correlation_id, header.client_id) == (77, client_id)
            assert reader.remaining() == 4, f"{api.name} {version}"


def test_the_header_of_a_version_that_is_unknown_is_read() -> None:
    """ApiVersions of a newer client: it gets an answer, so its header has to be understood."""
    reader = Reader(b"\x00\x12\x00\x63\x00\x00\x00\x05\x00\x01c\x00rest")
    header = request_header(reader)
    assert (header.api_version, header.correlation_id, header.client_id) == (99, 5, "c")
    assert reader.remaining() == 4


def test_the_header_of_an_api_that_is_unknown_is_read() -> None:
    header = request_header(Reader(b"\x7f\xff\x00\x00\x00\x00\x00\x05\xff\xff"))
    assert (header.api_key, header.client_id) == (32767, None)


def test_a_header_that_ends_early_is_a_wire_error() -> None:
    data = b"\x00\x03\x00\x0c\x00\x00\x00\x05\x00\x01c\x00"
    request_header(Reader(data))
    for end in range(len(data)):
        with pytest.raises(WireError):
            request_header(Reader(data, 0, end))


def test_response_headers_are_those_that_the_peer_expects() -> None:
    for api in APIS.values():
        peer = message_peer.classes().get(f"{api.name}Response")
        if peer is None:
            continue
        for version in range(api.served_first, api.served_last + 1):
            response = peer(version=version)
            response.with_header(correlation_id=1)
            data = bytes(response.encode_header(flexible=response.flexible_version_q(version)))
            assert len(data) == (5 if api.response_header_has_tags(version) else 4), f"{api.name} {version}"


def test_what_is_served_has_a_codec() -> None:
    for schema in SCHEMAS:
        if schema.api_key >= 0:
            for message in schema.messages:
                assert (
                    message.versions.first
                    <= schema.served.first
                    <= schema.served.last
                    <= message.versions.last
                )
            assert APIS[schema.api_key].module == module_of(schema).__name__


def test_versions_that_are_held_back() -> None:
    """Produce is listed from 0 for librdkafka's sake; 12 and above, and their like, belong to the second transactions."""
    produce = APIS[0]
    assert (produce.listed_first, produce.listed_last) == (0, 11)
    assert [version for version in range(15) if produce.serves(version)] == list(range(3, 12))
    assert (APIS[1].served_first, APIS[1].served_last) == (4, 16)
    assert APIS[24].served_last == 3
    assert APIS[26].served_last == 4
    assert all(api.listed_last == api.served_last for api in APIS.values())
    assert [api.key for api in APIS.values() if api.listed_first != api.served_first] == [0]


def test_messages_by_key() -> None:
    reader = Reader(b"\x00\x01\x00\x00")
    request = APIS[3].read_request(reader, 12)
    assert isinstance(request, MetadataRequest)
    assert request.topics is None
    writer = BytesWriter()
    APIS[3].write_response(writer, MetadataResponse(controller_id=7), 1)
    assert writer.getvalue() == b"\0\0\0\0" + b"\0\0\0\x07" + b"\0\0\0\0"


def test_cold_messages_are_imported_at_their_first_use_only() -> None:
    code = """
import sys
import onemq.heads.kafka.api as api
from onemq.heads.kafka.primitives import Reader
cold = lambda: sorted(name for name in sys.modules if ".messages.cold." in name)
assert cold() == [], cold()
api.APIS[17].read_request(Reader(b"\\0\\5PLAIN"), 1)
assert cold() == ["onemq.heads.kafka.messages.cold.sasl_handshake"], cold()
"""
    source = Path(__file__).resolve().parents[4] / "src"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(source)}
    )
    assert found.returncode == 0, found.stderr
