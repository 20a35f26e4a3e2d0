"""Virtual time: puts the engine's clock ahead and lets everything happen that is due on the way, in its order.

Job: the steps. What goes by the engine's time (visibility, delays, TTLs, deduplication windows, retention, session and transaction
time-outs, long polls) jumps; what goes by sockets (heartbeats, idle connections) does not. Called on the broker's thread.
Must not know what is due.
"""

import asyncio
from typing import Final

from onemq.app.server import Server
from onemq.embedded.errors import BrokerFailed
from onemq.net.clock import Clock

STEPS_EXACT: Final = 1_000
"""Deadlines that are kept one by one. There are periodic ones of seconds; after so many steps each is at least a part of the whole:"""
STEPS_COARSE: Final = 1_000
SETTLE_SECONDS_MAX: Final = 30.0
POLL_SECONDS: Final = 0.001


async def advance(server: Server, clock: Clock, ms: int) -> None:
    """Returns when all that was due is done and durable. Raises BrokerFailed when that takes too long."""
    turns = server.parts.turns
    engine = server.parts.broker
    target = int(clock.now_ms()) + ms
    for step in range(STEPS_EXACT + STEPS_COARSE):
        await settle(server)
        deadline = engine.next_deadline_ms()
        if step >= STEPS_EXACT and deadline:
            deadline = max(deadline, int(clock.now_ms()) + ms // STEPS_COARSE)
        if deadline == 0 or deadline > target:
            break
        clock.ahead_ms += max(deadline - int(clock.now_ms()), 0)
        turns.time_moved()
    clock.ahead_ms += max(target - int(clock.now_ms()), 0)
    turns.time_moved()
    await settle(server)


async def settle(server: Server) -> None:
    """Waits until the engine has nothing left to do at present and all it did is durable."""
    parts = server.parts
    core = parts.broker.core
    loop = asyncio.get_running_loop()
    by = loop.time() + SETTLE_SECONDS_MAX
    polls = 0
    while parts.turns.active or core.durable_position != core.last_position:
        if parts.stopping or loop.time() > by:
            raise BrokerFailed(
                parts.stopping or f"the broker did not come to rest within {SETTLE_SECONDS_MAX:g} s"
            )
        # Most often the end of the turn is all that is waited for.
        polls += 1
        await asyncio.sleep(0 if polls < 10 else POLL_SECONDS)
