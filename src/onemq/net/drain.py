"""Stopping in order: no new connections, goodbyes, what is parked leaves, the engine's last checkpoint. Bounded in time."""

import asyncio
import logging
from collections.abc import Sequence
from typing import Final, Protocol

from onemq.net.listener import Listener
from onemq.net.registry import Registry
from onemq.net.turns import Turns

_log = logging.getLogger("onemq.drain")

POLL_SECONDS: Final = 0.005
REASON: Final = "shutdown"


class StoppableEngine(Protocol):
    """The engine's broker, as far as stopping goes."""

    def shutdown(self) -> None: ...
    def stopped_clean(self) -> bool: ...


async def drain(
    listeners: Sequence[Listener],
    registry: Registry,
    turns: Turns,
    broker: StoppableEngine,
    drain_seconds: float,
    watched: Sequence[Listener] = (),
) -> bool:
    """Takes at most `drain_seconds` for the connections and as long again for the checkpoint. True: all ended in order.

    watched: listeners that stay open to the end, for whoever asks how it goes (health probes); who connects there meanwhile is not
    waited for.
    """
    for listener in listeners:
        if listener not in watched:
            listener.stop()
    loop = asyncio.get_running_loop()
    clean = True
    remaining = registry.members()
    for member in remaining:
        member.drain(REASON)
    by = loop.time() + drain_seconds
    while remaining and loop.time() < by:
        await asyncio.sleep(POLL_SECONDS)
        remaining = [member for member in remaining if registry.has(member)]
    if remaining:
        _log.warning(
            "%d connections did not close within %g s and are cut off; give them longer with server.drain_seconds",
            len(remaining),
            drain_seconds,
        )
        clean = False
        for member in remaining:
            member.abort()
        # Their `lost` comes with the next pass of the loop, and gives back what they held.
        await asyncio.sleep(POLL_SECONDS)
    turns.enter()
    broker.shutdown()
    by = loop.time() + max(drain_seconds, 1.0)
    while not broker.stopped_clean() and loop.time() < by:
        await asyncio.sleep(POLL_SECONDS)
    if not broker.stopped_clean():
        _log.warning(
            "no checkpoint within %g s: nothing is lost, but the next start replays the journal; server.drain_seconds gives it longer",
            max(drain_seconds, 1.0),
        )
        clean = False
    for listener in watched:
        listener.stop()
    return clean
