"""How the engine looks into a record that came by SQS. Registered by the composition root under NATIVE_SQS."""

from onemq.engine.natives import NativeReader
from onemq.heads.aws.sqs.mapping import read_message
from onemq.model.record import HeaderValue, Record


class SqsNativeReader(NativeReader):
    """Reads messages' native parts."""

    def headers(self, record: Record) -> dict[str, HeaderValue]:
        found: dict[str, HeaderValue] = {}
        for name, (data_type, value) in read_message(record).attributes.items():
            found[name] = value if data_type.startswith("Binary") else value.decode("utf-8", "replace")
        return found

    def plain_headers(self, record: Record) -> list[tuple[str, bytes | None]]:
        return record.headers or []

    def plain_key(self, record: Record) -> bytes | None:
        return record.key

    def extra_keys(self, record: Record) -> list[str]:
        return []

    def shown_keys(self, record: Record) -> list[str]:
        return []

    def without_extra_keys(self, record: Record) -> bytes:
        return record.native
