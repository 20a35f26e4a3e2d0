"""Names that the broker makes up."""

from base64 import urlsafe_b64encode
from collections.abc import Callable


def generated_name(entropy: Callable[[int], bytes], prefix: str = "amq.gen-") -> str:
    """A name nobody else has: the prefix and 16 random bytes in unpadded base64url."""
    return prefix + urlsafe_b64encode(entropy(16)).decode("ascii").rstrip("=")
