"""The broker that runs here, if one does: alive, ready, alarms. Asked over its HTTP port.

Who cannot log in still learns whether it is ready.
"""

from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final
from urllib.parse import urlsplit

from onemq.cli.checks.check import OK, PROBLEM, WARNING, Finding
from onemq.cli.client import Client, Refused
from onemq.cli.frame import CliError
from onemq.cli.output import size

ANSWER_SECONDS_MAX: Final = 5.0
NAME: Final = "running broker"
PORT: Final = 15672


def check_broker(url: str, asked: bool, user: str, password: str) -> Iterator[Finding]:
    """asked: somebody said where one has to be."""
    client = Client(url, user, password)
    try:
        live, _ = _health(url, "live")
        ready, reason = _health(url, "ready")
    except ConnectionRefusedError:
        if asked:
            advice = "start it with `onemq serve`, or say where it is with --url"
            yield Finding(NAME, PROBLEM, f"none answers at {client.url}", advice)
        else:
            yield Finding(NAME, OK, f"none at {client.url}")
        return
    except (HTTPException, OSError) as error:
        said = f"{client.url} does not answer as a broker: {error or type(error).__name__}"
        yield Finding(NAME, PROBLEM, said, "look at its log, and at what has this port")
        return
    if live != 200:
        yield Finding(
            NAME, PROBLEM, f"what answers at {client.url} is no broker (HTTP {live})", "check --url"
        )
        return
    if ready == 200:
        yield Finding(NAME, OK, f"{client.url} is live and ready")
    else:
        yield Finding(NAME, PROBLEM, f"{client.url} is live and {reason}", "see above; its log says more")
    yield from _alarms(client)


def _health(url: str, path: str) -> tuple[int, str]:
    """Status and text."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    assert parts.hostname is not None
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname, parts.port or PORT, timeout=ANSWER_SECONDS_MAX)
    try:
        connection.request("GET", f"/health/{path}")
        response = connection.getresponse()
        return response.status, response.read(4096).decode("utf-8", "replace").strip()
    finally:
        connection.close()


def _alarms(client: Client) -> Iterator[Finding]:
    try:
        overview = client.get("overview")
    except Refused as error:
        yield Finding("alarms", WARNING, f"not known: {error.message}", "give --user and --password")
        return
    except CliError as error:
        yield Finding("alarms", WARNING, f"not known: {error.message}", "look at its log")
        return
    finally:
        client.close()
    holds = f"{size(overview['resident_bytes'])} of memory, {overview['connections']} connections"
    if overview["alarms"]:
        advice = "publishers are held up: take messages away, or make room"
        yield Finding("alarms", PROBLEM, f"{', '.join(overview['alarms'])}; {holds}", advice)
    else:
        yield Finding("alarms", OK, f"none; {holds}")
