"""Members of a share group in the simulation: they acquire records, and accept, release, reject or renew them, or say nothing and go.

Decides nothing about what is right; it tells the shadow what was decided, and checks what it is answered (share_shadow.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kafka.record.memory_records import MemoryRecords

from simulation.checkers import check
from simulation.kafka_client import KafkaConnection
from simulation.share_shadow import ACCEPT, GROUP, REJECT, RELEASE, RENEW, SHARED, Place, ShareShadow

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

LONGEST_JUMP_MS = 30_100
NOTHING, UNKNOWN_MEMBER, INVALID_STATE, NO_SESSION = 0, 25, 121, 122


class KafkaSharer(KafkaConnection):
    """`member_id`, `epoch`: of one that was a member before its connection or the broker went; else it joins as a new one."""

    def __init__(self, world: MixedWorld, name: str, member_id: str = "", epoch: int = 0) -> None:
        super().__init__(world, name)
        self.member_id = member_id or name
        self.epoch = epoch
        self.session_epoch = 0
        self.place: Place | None = None
        self.given: list[tuple[Place, int]] = []

    @property
    def shares(self) -> ShareShadow:
        return self.shadow.shares

    def _position(self) -> int:
        return int(self.world.broker.core.position())

    def act(self) -> None:
        if self.open is not None:
            return
        if self.epoch == 0:
            self.beat()
            return
        choices = [self.fetch] * 6 + [self.acknowledge] * 5 + [self.beat, self.close]
        self.world.random.choice(choices)()

    def beat(self) -> None:
        """Also how it joins."""
        values: dict[str, Any] = {"group_id": GROUP, "member_id": self.member_id, "member_epoch": self.epoch}
        joins = self.epoch == 0
        if joins:
            values["subscribed_topic_names"] = list(SHARED)

        def seen(answer: Any) -> None:
            wanted = NOTHING if joins or self.shares.is_member(self.member_id) else UNKNOWN_MEMBER
            check(
                answer.error_code == wanted,
                f"the heartbeat of {self.member_id} in epoch {self.epoch}: {answer.error_code}, not {wanted}",
            )
            if answer.error_code == NOTHING:
                self.shares.beat(self.member_id, self._position(), self.world.now_ms)

        def told(answer: Any) -> None:
            self.epoch = answer.member_epoch if answer.error_code == NOTHING else 0
            self.world.count("share members" if joins else "heartbeats of share members")

        self.says_shared("share_group_heartbeat", 1, values, told, seen)

    # Fetching. One partition at a time: its answer is decided in the moment in which the records are given out.

    def _row(self, place: Place) -> dict[str, Any]:
        topic = self.world.broker.catalog.namespaces["/"].topics[place[0]]
        return {"topic_id": topic.topic_id, "partitions": [{"partition_index": place[1]}]}

    def fetch(self) -> None:
        place, wait_ms = self.mixed.some_partition(), self.world.random.choice([0, 0, 500])
        # In one look at the clock the fetch's time and the member's could be over, in an order that nothing here tells.
        if not self.shares.will_be_there(self.member_id, self.world.now_ms + wait_ms + LONGEST_JUMP_MS):
            wait_ms = 0
        self.fetch_from(place, wait_ms)

    def fetch_from(self, place: Place, wait_ms: int) -> None:
        random = self.world.random
        row = self._row(place)
        said: dict[int, int] = {}
        if self.session_epoch and self.place == place and random.random() < 0.4:
            said = self._some_said(place, True)
            row["partitions"][0]["acknowledgement_batches"] = _batches(said)
        values: dict[str, Any] = {
            "group_id": GROUP,
            "member_id": self.member_id,
            "share_session_epoch": self.session_epoch,
            "max_wait_ms": wait_ms,
            "min_bytes": 1,
            "max_bytes": random.choice([1, 500, 1 << 20]),
            "max_records": random.choice([1, 3, 500]),
            "batch_size": 500,
            "share_acquire_mode": random.randrange(2),
            "topics": [row],
        }
        if self.session_epoch and self.place not in (None, place):
            assert self.place is not None
            gone = self._row(self.place)
            values["forgotten_topics_data"] = [
                {"topic_id": gone["topic_id"], "partitions": [self.place[1]]},
            ]
        opened = self.session_epoch != 0
        there = not opened or self.member_id in self.shares.sessions
        taken = there and self._may_say(place, said)
        position = 0

        def handled() -> None:
            nonlocal position
            position = self._position()
            if not opened:
                self.shares.sessions.add(self.member_id)
            if said and taken:
                self.shares.acknowledge(self.member_id, place, said, self.world.now_ms, position)

        def seen(answer: Any) -> None:
            check(
                answer.error_code == (NOTHING if there else NO_SESSION),
                f"{self.name} fetches, session {there}: {answer.error_code} {answer.error_message}",
            )
            for part in self._parts(answer):
                wanted = NOTHING if taken else INVALID_STATE
                check(
                    not said or part.acknowledge_error_code == wanted,
                    f"{self.name} says {said} of {place}: {part.acknowledge_error_code}, not {wanted}",
                )
                self._acquired(place, part)

        def told(answer: Any) -> None:
            if answer.error_code != NOTHING:
                self._no_session()
                return
            if said and taken:
                self._settled(position)
            self.session_epoch += 1
            self.place = place
            for part in self._parts(answer):
                for run in part.acquired_records:
                    self.given += [(place, at) for at in range(run.first_offset, run.last_offset + 1)]
                    self.world.count("records shared")

        self.says_shared("share_fetch", 2, values, told, seen, handled)

    def _parts(self, answer: Any) -> list[Any]:
        return [part for topic in answer.responses for part in topic.partitions]

    def _acquired(self, place: Place, part: Any) -> None:
        check(part.error_code == NOTHING, f"{self.name} fetches from {place}: {part.error_code}")
        bodies: dict[int, bytes] = {}
        stored = MemoryRecords(bytes(part.records or b""))
        while stored.has_next():
            read = stored.next_batch()
            assert read is not None
            bodies.update((record.offset, bytes(record.value)) for record in read)
        for run in part.acquired_records:
            for offset in range(run.first_offset, run.last_offset + 1):
                check(offset in bodies, f"{self.name} is given {place}@{offset}, and not its record")
                entry = self.shadow.topics.partitions[place].entries[offset]
                check(
                    entry.position <= self.shadow.durable,
                    f"{place}@{offset} is visible, but durable is {self.shadow.durable}",
                )
                self.shares.acquire(
                    place,
                    offset,
                    self.member_id,
                    run.delivery_count,
                    bodies[offset],
                    self.world.now_ms,
                    self._position(),
                )
            self.world.note(f"{self.name} has {place} {run.first_offset} to {run.last_offset}")

    def take_over(self) -> None:
        """One step towards having accepted everything."""
        if self.epoch == 0:
            self.beat()
        elif self.given:
            place = self.given[0][0]
            mine = [at for at in self.given if at[0] == place]
            self.given = [at for at in self.given if at[0] != place]
            self.say(place, {offset: ACCEPT for _, offset in mine})
        else:
            self.fetch_from(self.shares.left()[0][0], 0)

    # What it says of records.

    def _some_said(self, place: Place, certain: bool) -> dict[int, int]:
        """Of records of that partition that it was given; it may have lost them since. `certain`: none that is done with."""
        random = self.world.random
        mine = [at for at in self.given if at[0] == place]
        some = mine[: random.randrange(1, len(mine) + 1)] if mine else []
        self.given = [at for at in self.given if at not in some]
        kinds = [ACCEPT, ACCEPT, ACCEPT, RELEASE, RELEASE, REJECT]
        said = {offset: random.choice(kinds) for _, offset in some}
        if not certain and random.random() < 0.15:
            # Of one that it was not given, or has lost, or has said its last word of.
            others = [offset for at, offset in self.shares.rows if at == place]
            said[random.choice(others)] = random.choice(kinds)
        if certain:
            said = {at: kind for at, kind in said.items() if not self.shares.is_over(place, at)}
        return said

    def _may_say(self, place: Place, said: dict[int, int]) -> bool:
        """All or nothing. Of what lies before the first that is not done with anything may be said."""
        shares = self.shares
        return all(shares.holds(self.member_id, place, at) or shares.is_over(place, at) for at in said)

    def acknowledge(self) -> None:
        if not self.given or not self.session_epoch:
            return
        place = self.world.random.choice(self.given)[0]
        said = self._some_said(place, False)
        renews = self.world.random.random() < 0.15
        if renews:
            said = dict.fromkeys(said, RENEW)
            self.given += [(place, offset) for offset in said]
        self.say(place, said, renews)

    def say(self, place: Place, said: dict[int, int], renews: bool = False) -> None:
        row = self._row(place)
        row["partitions"][0]["acknowledgement_batches"] = _batches(said)
        values: dict[str, Any] = {
            "group_id": GROUP,
            "member_id": self.member_id,
            "share_session_epoch": self.session_epoch,
            "is_renew_ack": renews,
            "topics": [row],
        }
        position = 0

        def seen(answer: Any) -> None:
            nonlocal position
            position = self._position()
            there = self.member_id in self.shares.sessions
            check(
                answer.error_code == (NOTHING if there else NO_SESSION),
                f"{self.name} acknowledges, session {there}: {answer.error_code}",
            )
            for part in self._parts(answer):
                may = self._may_say(place, said)
                sure = not any(self.shares.is_over(place, at) for at in said)
                code = part.error_code
                check(
                    code == INVALID_STATE
                    if not may
                    else code == NOTHING or (not sure and code == INVALID_STATE),
                    f"{self.name} says {said} of {place}: {code} {part.error_message}; may {may}",
                )
                if code == NOTHING:
                    self.shares.acknowledge(self.member_id, place, said, self.world.now_ms, position)
                else:
                    self.world.count("share acknowledgements refused")
            self.world.note(f"{self.name} says {said} of {place}")

        def told(answer: Any) -> None:
            if answer.error_code != NOTHING:
                self._no_session()
                return
            self.session_epoch += 1
            self._settled(position)

        self.says_shared("share_acknowledge", 2, values, told, seen)

    def _settled(self, position: int) -> None:
        check(position <= self.shadow.durable, "an acknowledgement was taken before it was durable")
        self.world.count("share acknowledgements")

    # Going.

    def close(self) -> None:
        """It has had enough for now: what it still holds it has not looked at."""
        if not self.session_epoch:
            return
        values = {"group_id": GROUP, "member_id": self.member_id, "share_session_epoch": -1, "topics": []}

        def seen(answer: Any) -> None:
            there = self.member_id in self.shares.sessions
            check(answer.error_code == (NOTHING if there else NO_SESSION), f"close: {answer.error_code}")
            if there:
                self.shares.close(self.member_id, self._position())
            self.world.note(f"{self.name} closes its session")

        def told(answer: Any) -> None:
            self._no_session()
            self.world.count("share sessions closed")

        self.says_shared("share_acknowledge", 2, values, told, seen)

    def _no_session(self) -> None:
        self.session_epoch, self.place, self.given = 0, None, []

    def leave(self) -> None:
        super().leave()
        if self.member_id in self.shares.sessions:
            self.shares.lose(self.member_id, self.world.now_ms, self._position())
        if self.epoch:
            self.mixed.share_members.append((self.member_id, self.epoch))


def _batches(said: dict[int, int]) -> list[dict[str, Any]]:
    """Runs of offsets, a word for each."""
    found: list[dict[str, Any]] = []
    for offset in sorted(said):
        if found and found[-1]["last_offset"] == offset - 1:
            found[-1]["last_offset"] = offset
            found[-1]["acknowledge_types"].append(said[offset])
        else:
            found.append({"first_offset": offset, "last_offset": offset, "acknowledge_types": [said[offset]]})
    return found
