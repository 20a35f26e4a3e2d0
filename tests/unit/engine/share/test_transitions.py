"""Records of a share group that come again, later each time."""

from __future__ import annotations

from onemq.engine.share.partition import RELEASE
from unit.engine.share.world import LOCK_MS, FetchEnd, World


def test_longer_each_time_up_to_the_longest() -> None:
    world = World(
        {"onemq.retry.delay.ms": "1000", "onemq.retry.delay.max.ms": "2500", "onemq.delivery.limit": "9"}
    )
    world.produce(b"a")
    assert world.fetch("a").deliveries == {0: 1}
    for times, delay in ((1, 1000), (2, 2000), (3, 2500), (4, 2500)):
        world.say("a", 0, 0, RELEASE)
        waiting: FetchEnd = world.fetch("a", wait_ms=60_000)
        world.pass_time(delay - 1)
        assert waiting.results is None
        world.pass_time(1)
        assert waiting.deliveries == {0: times + 1}


def test_after_a_lock_too_and_over_a_restart() -> None:
    world = World(group={"onemq.retry.delay.ms": "5000"})
    world.produce(b"a", b"b")
    world.fetch("a")
    world.pass_time(LOCK_MS)
    world.start_again(False)
    assert world.fetch("a").deliveries == {}
    world.pass_time(4_999)
    assert world.fetch("a").deliveries == {}
    world.pass_time(1)
    assert world.fetch("a").deliveries == {0: 2, 1: 2}
