"""Groups: members, offsets, lag; setting the offsets of a group that has no members."""

from onemq.engine.access import Access
from onemq.engine.groups.offsets import Commit
from onemq.engine.topics.lookup import Lookup, LookupWaiter
from onemq.engine.views import GroupView, TopicView
from onemq.heads.management.admin.service import (
    NAMESPACE,
    NUMBER_MAX,
    acting,
    answer_named,
    bad_request,
    looking,
    within,
)
from onemq.heads.management.admin.shapes import Group, Lag, Member, Named, Reset, ResetDone, ResetOffset
from onemq.heads.management.call import Call, Canceller
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import Route
from onemq.model.refusal import Reason, Refusal


class Groups:
    """See the module."""

    def routes(self) -> list[Route]:
        one = "/v1/groups/{namespace}/{group}"
        return [
            Route(
                "GET",
                "/v1/groups",
                self.index,
                summary="All groups",
                query=(NAMESPACE,),
                response=list[Group],
            ),
            Route("GET", one, self.show, summary="One group", response=Group),
            Route("DELETE", one, self.delete, summary="Deletes a group and its offsets", response=Named),
            Route(
                "POST",
                one + "/reset",
                self.reset,
                summary="Sets where a group reads on",
                request=Reset,
                response=ResetDone,
            ),
        ]

    def index(self, call: Call) -> None:
        answer_named(
            call,
            lambda access: access.inspection.group_names(),
            lambda access, name: group_of(access.inspection.group(name)),
        )

    def show(self, call: Call) -> None:
        call.answer(group_of(looking(call).inspection.group(call.values["group"])))

    def delete(self, call: Call) -> None:
        access = acting(call)
        name = call.values["group"]
        view = access.inspection.group(name)
        if view.kind == "share":
            access.shares.delete(name)
        else:
            access.groups.delete(name)
        call.answer(Named(name=name))

    def reset(self, call: Call) -> None:
        wanted = call.body(Reset)
        access = acting(call)
        name = call.values["group"]
        if wanted.to == "time" and wanted.time_ms is None:
            raise bad_request("to 'time' needs time_ms")
        if wanted.to == "offset" and wanted.offset is None:
            raise bad_request("to 'offset' needs offset")
        within("time_ms", wanted.time_ms or 0, 0, NUMBER_MAX)
        within("offset", wanted.offset or 0, 0, NUMBER_MAX)
        if wanted.topic is None and (wanted.partition is not None or wanted.to == "offset"):
            raise bad_request("this needs a topic")
        known = _group(access, name)
        if known is None and wanted.topic is None:
            raise Problem(404, "not_found", f"group '{name}' does not exist: name a topic to make it")
        if known is not None and known.kind == "share":
            raise Problem(
                400, "not_supported", f"group '{name}' is a share group: kafka-share-groups resets it"
            )
        if known is not None and known.members:
            text = f"group '{name}' has {len(known.members)} members: stop them, then reset"
            raise Problem(409, "not_empty", text)
        _Resetting(call, access, wanted, known).begin()


def _group(access: Access, name: str) -> GroupView | None:
    try:
        return access.inspection.group(name)
    except Refusal as refusal:
        if refusal.reason != Reason.NOT_FOUND:
            raise
        return None


class _Resetting(LookupWaiter, Canceller):
    """Finds the offsets one after the other, then commits them all."""

    def __init__(self, call: Call, access: Access, wanted: Reset, known: GroupView | None) -> None:
        super().__init__()
        self._call = call
        self._access = access
        self._wanted = wanted
        self._group = call.values["group"]
        self._before: dict[tuple[str, int], int] = {}
        if known is not None:
            self._before = {(lag.topic, lag.partition): int(lag.offset) for lag in known.lags}
        self._todo = self._partitions()
        self._after: list[int] = []
        self._lookup: Lookup | None = None
        self._asking = False
        self._answer: int | None = None

    def _partitions(self) -> list[tuple[TopicView, int]]:
        """Raises Problem, Refusal NOT_FOUND."""
        wanted = self._wanted
        inspection = self._access.inspection
        if wanted.topic is not None:
            view = inspection.topic(wanted.topic)
            if wanted.partition is None:
                return [(view, each.index) for each in view.partitions]
            if not 0 <= wanted.partition < len(view.partitions):
                raise bad_request(f"topic '{wanted.topic}' has no partition {wanted.partition}")
            return [(view, wanted.partition)]
        topics = {
            name: inspection.topic(name)
            for name in inspection.topic_names()
            if any(name == topic for topic, _ in self._before)
        }
        return [
            (topics[topic], index)
            for topic, index in self._before
            if topic in topics and index < len(topics[topic].partitions)
        ]

    def begin(self) -> None:
        if not self._go_on():
            self._call.canceller = self

    def looked_up(self, offset: int, time_ms: int) -> None:
        self._answer = offset
        if not self._asking:
            self._call.soon(self._resumed)

    def cancel(self) -> None:
        if self._lookup is not None:
            self._lookup.cancelled = True
        self._call.work = None

    def _resumed(self) -> None:
        self._take()
        self._go_on()

    def _take(self) -> None:
        view, index = self._todo[len(self._after)]
        found = self._answer
        assert found is not None, "a look-up without an answer"
        self._answer = None
        self._after.append(found if found >= 0 else int(view.partitions[index].end_offset))

    def _go_on(self) -> bool:
        """True: it has been answered."""
        wanted = self._wanted
        while len(self._after) < len(self._todo):
            view, index = self._todo[len(self._after)]
            partition = view.partitions[index]
            if wanted.to == "time":
                assert wanted.time_ms is not None
                topic = self._access.topics.find(view.name)
                self._asking = True
                self._lookup = self._access.topics.offset_for(topic, index, wanted.time_ms, False, self)
                self._asking = False
                if self._answer is None:
                    return False
                self._take()
                continue
            start, end = int(partition.start_offset), int(partition.end_offset)
            if wanted.to == "offset":
                assert wanted.offset is not None
                self._after.append(min(max(wanted.offset, start), end))
            else:
                self._after.append(start if wanted.to == "earliest" else end)
        self._finish()
        return True

    def _finish(self) -> None:
        commits = [
            Commit(view.name, index, offset)
            for (view, index), offset in zip(self._todo, self._after, strict=True)
        ]
        if not self._wanted.dry_run:
            self._access.groups.reset(self._group, commits)
        self._call.answer(
            ResetDone(
                group=self._group,
                done=not self._wanted.dry_run,
                offsets=[
                    ResetOffset(
                        topic=commit.topic,
                        partition=commit.partition,
                        before=self._before.get((commit.topic, commit.partition)),
                        after=commit.offset,
                    )
                    for commit in commits
                ],
            )
        )


def group_of(view: GroupView) -> Group:
    """As it is answered."""
    return Group(
        namespace=view.namespace,
        name=view.name,
        kind=view.kind,
        state=view.state,
        protocol=view.protocol,
        lag=view.lag(),
        members=[
            Member(
                id=each.member_id,
                client_id=each.client_id,
                host=each.client_host,
                instance_id=each.instance_id,
                assigned=each.assigned,
            )
            for each in view.members
        ],
        lags=[
            Lag(
                topic=each.topic,
                partition=each.partition,
                offset=int(each.offset),
                end_offset=int(each.end_offset) if each.end_offset >= 0 else None,
                lag=int(each.lag),
            )
            for each in view.lags
        ],
    )
