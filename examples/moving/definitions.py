"""RabbitMQ's definitions (virtual hosts, users, permissions, policies, exchanges, queues, bindings), from one broker to another.

`python -m examples.moving.definitions http://USER:PASSWORD@OLD:15672 http://USER:PASSWORD@NEW:15672`
"""

from __future__ import annotations

import base64
import sys
import urllib.request
from urllib.parse import unquote, urlsplit

TIMEOUT_SECONDS = 30.0
PATH = "/api/definitions"


def request(server: str, path: str, body: bytes | None = None) -> bytes:
    """GET, or POST of a JSON body. `server` may hold user and password. Raises urllib.error.HTTPError."""
    parts = urlsplit(server)
    login = f"{unquote(parts.username or 'guest')}:{unquote(parts.password or 'guest')}"
    headers = {
        "Authorization": "Basic " + base64.b64encode(login.encode()).decode(),
        "Content-Type": "application/json",
    }
    url = f"{parts.scheme}://{parts.hostname}:{parts.port}{path}"
    call = urllib.request.Request(url, data=body, headers=headers)
    with urllib.request.urlopen(call, timeout=TIMEOUT_SECONDS) as answer:
        content: bytes = answer.read()
    return content


def move(old: str, new: str) -> None:
    """What is there already, with the same settings, stays as it is."""
    request(new, PATH, request(old, PATH))


if __name__ == "__main__":
    move(sys.argv[1], sys.argv[2])
