"""MD5 digests that SQS's clients check.

Spec: Amazon SQS Developer Guide, "Calculating the MD5 message digest for message attributes".
"""

from hashlib import md5

from librt.strings import BytesWriter, write_i32_be


def body_digest(body: bytes) -> str:
    return md5(body, usedforsecurity=False).hexdigest()


def attributes_digest(attributes: dict[str, tuple[str, bytes]]) -> str:
    """Of names with (data type, value). Binary is a type that begins so."""
    writer = BytesWriter()
    for name in sorted(attributes):
        data_type, value = attributes[name]
        _write(writer, name.encode("utf-8"))
        _write(writer, data_type.encode("utf-8"))
        writer.append(2 if data_type.startswith("Binary") else 1)
        _write(writer, value)
    return md5(writer.getvalue(), usedforsecurity=False).hexdigest()


def _write(writer: BytesWriter, part: bytes) -> None:
    write_i32_be(writer, len(part))
    writer.write(part)
