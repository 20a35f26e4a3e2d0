"""Names in URLs and ARNs: of queues, topics and users.

AWS's own form is https://sqs.REGION.amazonaws.com/ACCOUNT/NAME; emulators have made others, which people have in their
settings. All are read; ours are made from the request's Host, so that a client reaches us by them.
"""

from typing import Final
from urllib.parse import unquote

ACCOUNT: Final = "000000000000"
"""Ours; whatever else stands in a URL or an ARN is accepted."""
DEFAULT_REGION: Final = "us-east-1"
REGION_CHARACTERS_MAX: Final = 32
_HOST_EXTRA: Final = "-._:[]"


def clean_host(text: str) -> str:
    """A Host field as it may stand in a URL that we make; "" when it may not."""
    if len(text) > 255 or not text.isascii():
        return ""
    for each in text:
        if not each.isalnum() and each not in _HOST_EXTRA:
            return ""
    return text


def clean_region(text: str) -> str:
    """A region as it may stand in an ARN; the default one when it may not."""
    if not text or len(text) > REGION_CHARACTERS_MAX or not text.isascii():
        return DEFAULT_REGION
    for each in text:
        if not each.isalnum() and each != "-":
            return DEFAULT_REGION
    return text


def queue_url(scheme: str, host: str, name: str) -> str:
    return f"{scheme}://{host}/{ACCOUNT}/{name}"


def queue_name(url: str) -> str:
    """The queue's name in any style: URL, path, or just the name. "" when there is none.

    http://HOST/ACCOUNT/NAME, http://sqs.REGION.HOST/ACCOUNT/NAME, http://REGION.queue.HOST/ACCOUNT/NAME,
    http://HOST/queue/REGION/ACCOUNT/NAME, http://HOST/queue/NAME, /ACCOUNT/NAME, NAME.
    """
    if "?" in url:
        url = url[: url.index("?")]
    scheme = url.find("://")
    if scheme >= 0:
        slash = url.find("/", scheme + 3)
        if slash < 0:
            return ""
        url = url[slash:]
    if url.endswith("/"):
        url = url[:-1]
    name = url[url.rfind("/") + 1 :]
    return unquote(name) if "%" in name else name


def queue_arn(region: str, name: str) -> str:
    return f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"


def topic_arn(region: str, name: str) -> str:
    return f"arn:aws:sns:{region}:{ACCOUNT}:{name}"


def user_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def arn_name(arn: str, service: str) -> str:
    """The name in arn:PARTITION:SERVICE:REGION:ACCOUNT:NAME; "" when it is not an ARN of that service."""
    parts = arn.split(":")
    if len(parts) != 6 or parts[0] != "arn" or not parts[1].startswith("aws") or parts[2] != service:
        return ""
    return parts[5]
