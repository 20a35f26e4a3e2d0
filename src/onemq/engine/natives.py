"""How the engine looks into what a head brought, without knowing any head: readers registered by the composition root."""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.model.record import NATIVE_NONE, NO_ADDRESS, HeaderValue, Record
from onemq.model.record_batch import base_offset, placed_batch
from onemq.model.record_codec import decode_batch, encode_batch
from onemq.model.reserved_header import AddressCache


@mypyc_attr(allow_interpreted_subclasses=True)
class NativeReader:
    """Reads the native part of records of one kind. Registered under its NATIVE_* number."""

    @abstractmethod
    def headers(self, record: Record) -> dict[str, HeaderValue]:
        """What routing predicates see."""

    @abstractmethod
    def plain_headers(self, record: Record) -> list[tuple[str, bytes | None]]:
        """What readers of other protocols see as the record's headers."""

    @abstractmethod
    def plain_key(self, record: Record) -> bytes | None:
        """What readers of other protocols see as the record's key."""

    @abstractmethod
    def extra_keys(self, record: Record) -> list[str]:
        """Routing keys beyond the address's own under which the record was published."""

    @abstractmethod
    def shown_keys(self, record: Record) -> list[str]:
        """Those of the extra keys that consumers may see."""

    @abstractmethod
    def without_extra_keys(self, record: Record) -> bytes:
        """The native part for a record that from now on has the address's own key only."""


class Natives:
    """All readers known."""

    def __init__(self) -> None:
        self._readers: dict[int, NativeReader] = {}
        self._addresses = AddressCache()

    def register(self, kind: int, reader: NativeReader) -> None:
        self._readers[kind] = reader

    def headers(self, record: Record) -> dict[str, HeaderValue]:
        reader = self._readers.get(record.native_kind)
        if reader is not None:
            return reader.headers(record)
        found: dict[str, HeaderValue] = {}
        for name, content in record.headers or []:
            found[name] = None if content is None else content.decode("utf-8", "surrogateescape")
        return found

    def plain_headers(self, record: Record) -> list[tuple[str, bytes | None]]:
        reader = self._readers.get(record.native_kind)
        if reader is not None:
            return reader.plain_headers(record)
        return record.headers or []

    def plain_key(self, record: Record) -> bytes | None:
        reader = self._readers.get(record.native_kind)
        return record.key if reader is None else reader.plain_key(record)

    def plain_batch(self, data: bytes) -> bytes:
        """A batch that we encoded, as readers of plain record batches see it: key, value, headers and time of each record, at its
        offset; what only its own protocol understands is left out. Raises CorruptBatch."""
        records = decode_batch(data, 0, self._addresses)
        if not records:
            return data
        for record in records:
            headers = self.plain_headers(record)
            record.key = self.plain_key(record)
            record.headers = headers or None
            record.address = NO_ADDRESS
            record.native_kind = NATIVE_NONE
            record.native = b""
            record.expires_at_ms = 0
            record.not_before_ms = 0
            record.priority = 0
            record.deaths = None
            record.volatile = False
        plain = encode_batch(records)
        return placed_batch(plain, base_offset(plain))

    def extra_keys(self, record: Record) -> list[str]:
        reader = self._readers.get(record.native_kind)
        return [] if reader is None else reader.extra_keys(record)

    def shown_keys(self, record: Record) -> list[str]:
        reader = self._readers.get(record.native_kind)
        return [] if reader is None else reader.shown_keys(record)

    def drop_extra_keys(self, record: Record) -> None:
        """From now on the record has the address's own key only."""
        reader = self._readers.get(record.native_kind)
        if reader is not None:
            record.native = reader.without_extra_keys(record)
