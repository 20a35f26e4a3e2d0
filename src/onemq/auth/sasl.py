"""SASL mechanisms: a response's bytes to credentials. Decides nothing about them.

PLAIN is RFC 4616, EXTERNAL RFC 4422 appendix A. AMQPLAIN's response is an AMQP table, which its head decodes.
"""

from typing import Final

PLAIN: Final = "PLAIN"
AMQPLAIN: Final = "AMQPLAIN"
EXTERNAL: Final = "EXTERNAL"


class BadResponse(ValueError):
    """The response is not what the mechanism prescribes. The text says how."""


def parse_plain(response: bytes) -> tuple[str, str]:
    """(user, password). An authorisation identity other than the user is refused: nobody may act as another here."""
    parts = response.split(b"\0")
    if len(parts) != 3:
        raise BadResponse(f"PLAIN takes two NUL bytes, got {len(parts) - 1}")
    try:
        identity, user, password = (part.decode("utf-8") for part in parts)
    except UnicodeDecodeError:
        raise BadResponse("PLAIN takes UTF-8") from None
    if not user:
        raise BadResponse("PLAIN takes a user name, got none")
    if identity and identity != user:
        raise BadResponse(f"PLAIN: {user!r} may not act as {identity!r}")
    return user, password
