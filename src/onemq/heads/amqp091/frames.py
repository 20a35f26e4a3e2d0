"""Numbers of the AMQP 0-9-1 framing layer, and the error that its codec raises.

Job: frame types, class and method numbers, reply codes and their names, the wording of a reply text.
Must not: read or write any byte of a connection (codec, methods, table and properties do).
Spec: AMQP 0-9-1 section 4.2 (wire format) and 1.2 (constants); RabbitMQ's extension methods. Where the two
differ on a code or its wording, RabbitMQ wins.
"""

from typing import Final

from mypy_extensions import mypyc_attr

from onemq.model.refusal import WireError

PROTOCOL_HEADER_0_9_1: Final = b"AMQP\x00\x00\x09\x01"
PROTOCOL_HEADER_BYTES: Final = 8

# What Codec.next() returns. The values of 1 to 8 are the frame types on the wire.
NEED_DATA: Final = 0
METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8
PROTOCOL_HEADER: Final = 256

FRAME_END: Final = 0xCE
FRAME_HEADER_BYTES: Final = 7
# Header and end octet: what a frame costs beside its payload.
FRAME_OVERHEAD_BYTES: Final = 8
METHOD_KEY_BYTES: Final = 4
# Class, weight and body size, before the properties.
CONTENT_HEADER_BYTES: Final = 12
FRAME_BYTES_MIN: Final = 4096
HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

REPLY_SUCCESS: Final = 200
CONTENT_TOO_LARGE: Final = 311
NO_ROUTE: Final = 312
NO_CONSUMERS: Final = 313
CONNECTION_FORCED: Final = 320
INVALID_PATH: Final = 402
ACCESS_REFUSED: Final = 403
NOT_FOUND: Final = 404
RESOURCE_LOCKED: Final = 405
PRECONDITION_FAILED: Final = 406
FRAME_ERROR: Final = 501
SYNTAX_ERROR: Final = 502
COMMAND_INVALID: Final = 503
CHANNEL_ERROR: Final = 504
UNEXPECTED_FRAME: Final = 505
RESOURCE_ERROR: Final = 506
NOT_ALLOWED: Final = 530
NOT_IMPLEMENTED: Final = 540
INTERNAL_ERROR: Final = 541

REPLY_NAMES: Final[dict[int, str]] = {
    REPLY_SUCCESS: "REPLY_SUCCESS",
    CONTENT_TOO_LARGE: "CONTENT_TOO_LARGE",
    NO_ROUTE: "NO_ROUTE",
    NO_CONSUMERS: "NO_CONSUMERS",
    CONNECTION_FORCED: "CONNECTION_FORCED",
    INVALID_PATH: "INVALID_PATH",
    ACCESS_REFUSED: "ACCESS_REFUSED",
    NOT_FOUND: "NOT_FOUND",
    RESOURCE_LOCKED: "RESOURCE_LOCKED",
    PRECONDITION_FAILED: "PRECONDITION_FAILED",
    FRAME_ERROR: "FRAME_ERROR",
    SYNTAX_ERROR: "SYNTAX_ERROR",
    COMMAND_INVALID: "COMMAND_INVALID",
    CHANNEL_ERROR: "CHANNEL_ERROR",
    UNEXPECTED_FRAME: "UNEXPECTED_FRAME",
    RESOURCE_ERROR: "RESOURCE_ERROR",
    NOT_ALLOWED: "NOT_ALLOWED",
    NOT_IMPLEMENTED: "NOT_IMPLEMENTED",
    INTERNAL_ERROR: "INTERNAL_ERROR",
}

# Class number in the upper 16 bits, method number in the lower: the first four bytes of a method frame's payload.
CONNECTION_START: Final = 0x000A000A
CONNECTION_START_OK: Final = 0x000A000B
CONNECTION_SECURE: Final = 0x000A0014
CONNECTION_SECURE_OK: Final = 0x000A0015
CONNECTION_TUNE: Final = 0x000A001E
CONNECTION_TUNE_OK: Final = 0x000A001F
CONNECTION_OPEN: Final = 0x000A0028
CONNECTION_OPEN_OK: Final = 0x000A0029
CONNECTION_CLOSE: Final = 0x000A0032
CONNECTION_CLOSE_OK: Final = 0x000A0033
CONNECTION_BLOCKED: Final = 0x000A003C
CONNECTION_UNBLOCKED: Final = 0x000A003D
CONNECTION_UPDATE_SECRET: Final = 0x000A0046
CONNECTION_UPDATE_SECRET_OK: Final = 0x000A0047
CHANNEL_OPEN: Final = 0x0014000A
CHANNEL_OPEN_OK: Final = 0x0014000B
CHANNEL_FLOW: Final = 0x00140014
CHANNEL_FLOW_OK: Final = 0x00140015
CHANNEL_CLOSE: Final = 0x00140028
CHANNEL_CLOSE_OK: Final = 0x00140029
ACCESS_REQUEST: Final = 0x001E000A
ACCESS_REQUEST_OK: Final = 0x001E000B
EXCHANGE_DECLARE: Final = 0x0028000A
EXCHANGE_DECLARE_OK: Final = 0x0028000B
EXCHANGE_DELETE: Final = 0x00280014
EXCHANGE_DELETE_OK: Final = 0x00280015
EXCHANGE_BIND: Final = 0x0028001E
EXCHANGE_BIND_OK: Final = 0x0028001F
EXCHANGE_UNBIND: Final = 0x00280028
EXCHANGE_UNBIND_OK: Final = 0x00280033
QUEUE_DECLARE: Final = 0x0032000A
QUEUE_DECLARE_OK: Final = 0x0032000B
QUEUE_BIND: Final = 0x00320014
QUEUE_BIND_OK: Final = 0x00320015
QUEUE_PURGE: Final = 0x0032001E
QUEUE_PURGE_OK: Final = 0x0032001F
QUEUE_DELETE: Final = 0x00320028
QUEUE_DELETE_OK: Final = 0x00320029
QUEUE_UNBIND: Final = 0x00320032
QUEUE_UNBIND_OK: Final = 0x00320033
BASIC_CLASS: Final = 0x003C
BASIC_QOS: Final = 0x003C000A
BASIC_QOS_OK: Final = 0x003C000B
BASIC_CONSUME: Final = 0x003C0014
BASIC_CONSUME_OK: Final = 0x003C0015
BASIC_CANCEL: Final = 0x003C001E
BASIC_CANCEL_OK: Final = 0x003C001F
BASIC_PUBLISH: Final = 0x003C0028
BASIC_RETURN: Final = 0x003C0032
BASIC_DELIVER: Final = 0x003C003C
BASIC_GET: Final = 0x003C0046
BASIC_GET_OK: Final = 0x003C0047
BASIC_GET_EMPTY: Final = 0x003C0048
BASIC_ACK: Final = 0x003C0050
BASIC_REJECT: Final = 0x003C005A
BASIC_RECOVER_ASYNC: Final = 0x003C0064
BASIC_RECOVER: Final = 0x003C006E
BASIC_RECOVER_OK: Final = 0x003C006F
BASIC_NACK: Final = 0x003C0078
CONFIRM_SELECT: Final = 0x0055000A
CONFIRM_SELECT_OK: Final = 0x0055000B
TX_SELECT: Final = 0x005A000A
TX_SELECT_OK: Final = 0x005A000B
TX_COMMIT: Final = 0x005A0014
TX_COMMIT_OK: Final = 0x005A0015
TX_ROLLBACK: Final = 0x005A001E
TX_ROLLBACK_OK: Final = 0x005A001F


def reply_text(code: int, explanation: str) -> str:
    """The text of a close as RabbitMQ words it, "NAME - explanation", cut so that it fits a short string."""
    text = REPLY_NAMES[code] + " - " + explanation
    encoded = text.encode("utf-8", "surrogateescape")
    if len(encoded) <= 255:
        return text
    return encoded[:252].decode("utf-8", "ignore") + "..."


def octets_text(data: bytes) -> str:
    """Bytes as RabbitMQ prints them in its errors: <<"text">> when all is printable ASCII, <<1,2,3>> otherwise."""
    if len(data) == 0:
        return "<<>>"
    # A reply text is cut at 255 octets, so what lies beyond is never seen.
    shown = data[:256]
    for octet in shown:
        if octet < 32 or octet > 126:
            return "<<" + ",".join([str(number) for number in shown]) + ">>"
    return '<<"' + shown.decode("ascii").replace("\\", "\\\\").replace('"', '\\"') + '">>'


@mypyc_attr(native_class=False)
class AmqpWireError(WireError):
    """The peer broke AMQP; the connection closes with connection.close(code, text, class_id, method_id).

    Attributes:
        code: reply code, 501 to 505.
        text: the whole reply text, "FRAME_ERROR - ...", at most 255 octets.
        class_id, method_id: of the failing method, 0 where there is none.
    """

    def __init__(self, code: int, explanation: str, class_id: int = 0, method_id: int = 0) -> None:
        text = reply_text(code, explanation)
        super().__init__(text)
        self.code = code
        self.text = text
        self.class_id = class_id
        self.method_id = method_id


def short_string(text: str) -> bytes:
    """Length octet and bytes of a short string. Raises ValueError above 255 octets."""
    encoded = text.encode("utf-8", "surrogateescape")
    if len(encoded) > 255:
        raise ValueError(f"short string of {len(encoded)} octets, 255 are the most")
    return bytes([len(encoded)]) + encoded
