"""Lists a hundred at a time. The next page's token is the last key given: what comes and goes between two pages harms nothing."""

import base64
from typing import Final

from onemq.heads.aws.sns.arns import invalid

PAGE: Final = 100


def page_start(keys: list[str], token: str) -> int:
    """Where the page begins: behind the key that the token names, or where it stood. Raises AwsError. `keys` ascend."""
    if not token:
        return 0
    try:
        last = base64.b64decode(token, validate=True).decode("utf-8")
    except ValueError:
        raise invalid("NextToken") from None
    for index in range(len(keys)):
        if keys[index] > last:
            return index
    return len(keys)


def next_token(keys: list[str], end: int) -> str | None:
    """Of the page that ends before `end`; None for the last one."""
    if end >= len(keys):
        return None
    return base64.b64encode(keys[end - 1].encode("utf-8")).decode("ascii")
