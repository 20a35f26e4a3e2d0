"""The APIs that are known: versions, header versions, and where each one's codec is.

Job: parse a request's header, say which versions are served and listed, find a message's module at its first use.
Must not: say which APIs this broker offers: an API is offered where it has a handler, and the conversation knows those.
Spec: Kafka protocol guide, "Request Header" and "Response Header"; KIP-482 (flexible versions), KIP-511 (ApiVersions).

Compiled code that answers an API imports its functions and classes itself; read_request and write_response are for
code that knows the API by its key only.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Final

from librt.strings import BytesWriter

from onemq.heads.kafka.messages.index import TABLE
from onemq.heads.kafka.primitives import Reader

API_VERSIONS: Final = 18
_MESSAGES: Final = "onemq.heads.kafka.messages."


class RequestHeader:
    """The first fields of every request. client_id: None where the client gives none."""

    __slots__ = ("api_key", "api_version", "client_id", "correlation_id")

    def __init__(self, api_key: int, api_version: int, correlation_id: int, client_id: str | None) -> None:
        self.api_key = api_key
        self.api_version = api_version
        self.correlation_id = correlation_id
        self.client_id = client_id


class Api:
    """One API.

    Attributes:
        key, name: as Kafka has them.
        module: the full name of its module; under messages.cold. the module is not compiled.
        served_first, served_last: versions that may be answered; a request of another is UNSUPPORTED_VERSION.
        listed_first, listed_last: what ApiVersions says, if the API is offered.
        flexible_first: the first flexible version; -1: none.
    """

    __slots__ = (
        "_read",
        "_write",
        "flexible_first",
        "key",
        "listed_first",
        "listed_last",
        "module",
        "name",
        "served_first",
        "served_last",
    )

    def __init__(self, row: tuple[int, str, str, int, int, int, int, int]) -> None:
        """row: one of messages.index.TABLE."""
        self.key, self.name, module, self.served_first, self.served_last = row[:5]
        self.listed_first, self.listed_last, self.flexible_first = row[5:]
        self.module = _MESSAGES + module
        self._read: Callable[[Reader, int], object] | None = None
        self._write: Callable[[BytesWriter, object, int], None] | None = None

    def serves(self, version: int) -> bool:
        return self.served_first <= version <= self.served_last

    def is_flexible(self, version: int) -> bool:
        return 0 <= self.flexible_first <= version

    def response_header_has_tags(self, version: int) -> bool:
        """Response header 1 (else 0). ApiVersions answers with header 0 always: the client may not know the version."""
        return self.is_flexible(version) and self.key != API_VERSIONS

    def read_request(self, reader: Reader, version: int) -> object:
        """The request that follows the header, by its API's class. Raises WireError."""
        if self._read is None:
            self._load()
        read = self._read
        assert read is not None
        return read(reader, version)

    def write_response(self, writer: BytesWriter, message: object, version: int) -> None:
        """message: of the API's response class."""
        if self._write is None:
            self._load()
        write = self._write
        assert write is not None
        write(writer, message, version)

    def _load(self) -> None:
        module = import_module(self.module)
        name = self.module.rpartition(".")[2]
        self._read = getattr(module, f"read_{name}_request")
        self._write = getattr(module, f"write_{name}_response")


def _make_apis() -> dict[int, Api]:
    return {row[0]: Api(row) for row in TABLE}


APIS: Final[dict[int, Api]] = _make_apis()


def request_header(reader: Reader) -> RequestHeader:
    """Leaves the reader at the request's first field. Raises WireError.

    Of an API that is not known nobody can tell whether tagged fields follow; they are taken as the request's.
    """
    api_key = reader.int16()
    api_version = reader.int16()
    correlation_id = reader.int32()
    # The client id kept its old encoding, so that a broker can read the header of a version that it does not know.
    client_id = reader.nullable_string(False)
    api = APIS.get(api_key)
    if api is not None and api.is_flexible(api_version):
        reader.skip_tagged_fields()
    return RequestHeader(api_key, api_version, correlation_id, client_id)
