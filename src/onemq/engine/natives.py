"""How the engine looks into what a head brought, without knowing any head: readers registered by the composition root."""

from abc import abstractmethod

from mypy_extensions import mypyc_attr

from onemq.model.record import HeaderValue, Record


@mypyc_attr(allow_interpreted_subclasses=True)
class NativeReader:
    """Reads the native part of records of one kind. Registered under its NATIVE_* number."""

    @abstractmethod
    def headers(self, record: Record) -> dict[str, HeaderValue]:
        """What routing predicates see."""

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
