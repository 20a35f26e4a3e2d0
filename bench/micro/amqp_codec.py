"""What the AMQP 0-9-1 codec costs: nanoseconds per publish parsed and per deliver written.

Run it as it is for the interpreted codec. For the compiled one put a compiled onemq first on PYTHONPATH and compile
this file too (mypyc onemq/heads/amqp091/*.py onemq/model/refusal.py amqp_codec.py, then import amqp_codec and call
main()): the loops here stand where the conversation does, and that is compiled.
"""

from collections.abc import Callable
from time import perf_counter_ns
from typing import Final

from librt.strings import BytesWriter

from onemq.heads.amqp091 import codec as codec_module
from onemq.heads.amqp091.codec import (
    Codec,
    content_body_bytes,
    method_key,
    publish_bits_at,
    write_ack,
    write_deliver,
    write_publish,
)
from onemq.heads.amqp091.frames import BASIC_PUBLISH, HEADER, METHOD, NEED_DATA, short_string
from onemq.heads.amqp091.properties import BasicProperties, encode_properties, parse_flags

MESSAGES: Final = 2000
ROUNDS: Final = 30
ADDRESS: Final = short_string("") + short_string("orders.created")
PROPERTIES: Final = encode_properties(BasicProperties(delivery_mode=2))
RICH_PROPERTIES: Final = encode_properties(
    BasicProperties(
        content_type="application/json",
        headers={"attempt": 1, "source": "shop"},
        delivery_mode=2,
        priority=3,
        correlation_id="c-123456",
        message_id="0123456789abcdef",
        timestamp=1_700_000_000,
    )
)
BODY_100: Final = b"x" * 100
CONSUMER_TAG: Final = short_string("ctag1.0123456789abcdef")


def publish_chunk() -> bytes:
    """A read buffer of MESSAGES publishes of 100 bytes."""
    writer = BytesWriter()
    for _ in range(MESSAGES):
        write_publish(writer, 1, ADDRESS, False, PROPERTIES, BODY_100, 131072)
    return writer.getvalue()


def parse_frames(chunk: bytes) -> None:
    """Frames only: three calls of next() for each publish."""
    codec = Codec(131072, False)
    codec.feed(chunk)
    while codec.next() != NEED_DATA:
        pass


def parse_publishes(chunk: bytes) -> None:
    """Frames, address, properties and body cut out: all that a conversation reads of a publish."""
    codec = Codec(131072, False)
    codec.feed(chunk)
    while True:
        kind = codec.next()
        if kind == NEED_DATA:
            return
        data = codec.data
        start = codec.payload_start
        end = codec.payload_end
        if kind == METHOD:
            assert method_key(data, start) == BASIC_PUBLISH
            bits_at = publish_bits_at(data, start, end)
            data[start + 6 : bits_at]
        elif kind == HEADER:
            content_body_bytes(data, start)
            parse_flags(data[start + 12 : end])
        else:
            data[start:end]


def write_deliveries(_chunk: bytes) -> None:
    """basic.deliver with header and body frame into one writer."""
    writer = BytesWriter()
    for tag in range(MESSAGES):
        write_deliver(writer, 1, CONSUMER_TAG, tag, False, ADDRESS, PROPERTIES, BODY_100, 131072)


def write_acks(_chunk: bytes) -> None:
    """basic.ack into one writer."""
    writer = BytesWriter()
    for tag in range(MESSAGES):
        write_ack(writer, 1, tag, False)


def scan_properties(_chunk: bytes) -> None:
    """parse_flags of delivery mode alone."""
    for _ in range(MESSAGES):
        parse_flags(PROPERTIES)


def scan_rich_properties(_chunk: bytes) -> None:
    """parse_flags of seven properties, two headers among them."""
    for _ in range(MESSAGES):
        parse_flags(RICH_PROPERTIES)


def best_ns(work: Callable[[bytes], None], chunk: bytes) -> float:
    """Nanoseconds per message, best round."""
    best = 0
    for _ in range(ROUNDS):
        started = perf_counter_ns()
        work(chunk)
        taken = perf_counter_ns() - started
        if best == 0 or taken < best:
            best = taken
    return best / MESSAGES


def main() -> None:
    """Print one line per piece of work."""
    codec_build = "interpreted" if str(codec_module.__file__).endswith(".py") else "compiled"
    loop_build = "interpreted" if __file__.endswith(".py") else "compiled"
    chunk = publish_chunk()
    print(f"codec {codec_build}, loops {loop_build}, {MESSAGES} messages of 100 bytes, best of {ROUNDS}")
    for work in (
        parse_frames,
        parse_publishes,
        write_deliveries,
        write_acks,
        scan_properties,
        scan_rich_properties,
    ):
        nanoseconds = best_ns(work, chunk)
        print(f"{work.__name__:22} {nanoseconds:8.0f} ns  {1e9 / nanoseconds:12,.0f}/s")


if __name__ == "__main__":
    main()
