"""Topics: partitions, offsets, settings."""

from onemq.engine.access import Access
from onemq.engine.topics.config_table import TOPIC_CONFIGS
from onemq.engine.views import TopicView
from onemq.heads.management.admin.service import NAMESPACE, acting, answer_named, looking, topic_view
from onemq.heads.management.admin.shapes import (
    Gone,
    Made,
    NewTopic,
    Partition,
    Topic,
    TopicChanges,
    TopicInDetail,
)
from onemq.heads.management.call import Call
from onemq.heads.management.errors import Problem
from onemq.heads.management.routes import Route


class Topics:
    """See the module."""

    def routes(self) -> list[Route]:
        one = "/v1/topics/{namespace}/{topic}"
        return [
            Route(
                "GET",
                "/v1/topics",
                self.index,
                summary="All topics",
                query=(NAMESPACE,),
                response=list[Topic],
            ),
            Route("GET", one, self.show, summary="One topic", response=TopicInDetail),
            Route("PUT", one, self.create, summary="Makes a topic", request=NewTopic, response=Made),
            Route(
                "PATCH",
                one,
                self.alter,
                summary="Adds partitions, changes settings",
                request=TopicChanges,
                response=TopicInDetail,
            ),
            Route("DELETE", one, self.delete, summary="Deletes a topic with its records", response=Gone),
        ]

    def index(self, call: Call) -> None:
        answer_named(
            call,
            lambda access: access.inspection.topic_names(),
            lambda access, name: topic_of(access.inspection.topic(name)),
        )

    def show(self, call: Call) -> None:
        self._answer(call, looking(call))

    def _answer(self, call: Call, access: Access) -> None:
        view = access.inspection.topic(call.values["topic"])
        values = {name: entry.default or "" for name, entry in TOPIC_CONFIGS.items()}
        values.update(view.configs)
        call.answer(TopicInDetail(topic=topic_of(view), config_values=dict(sorted(values.items()))))

    def create(self, call: Call) -> None:
        wanted = call.body(NewTopic)
        access = acting(call)
        name = call.values["topic"]
        view = topic_view(access, name)
        if view is None:
            access.topics.create(name, wanted.partitions, wanted.configs)
        elif len(view.partitions) != wanted.partitions or view.configs != wanted.configs:
            text = f"topic '{name}' is there already, with other partitions or settings: change it with PATCH"
            raise Problem(409, "exists_otherwise", text)
        call.answer(Made(name=name, made=view is None))

    def alter(self, call: Call) -> None:
        changes = call.body(TopicChanges)
        access = acting(call)
        name = call.values["topic"]
        access.inspection.topic(name)
        topic = access.topics.find(name)
        configs = dict(topic.config.overrides)
        for key, value in changes.configs.items():
            if value is None:
                configs.pop(key, None)
            else:
                configs[key] = value
        if configs != topic.config.overrides:
            access.topics.configure(topic, configs, True)
        if changes.partitions is not None:
            access.topics.add_partitions(topic, changes.partitions)
        if configs != topic.config.overrides:
            access.topics.configure(topic, configs)
        self._answer(call, access)

    def delete(self, call: Call) -> None:
        access = acting(call)
        name = call.values["topic"]
        view = access.inspection.topic(name)
        access.topics.delete(access.topics.find(name))
        call.answer(Gone(name=name, records=_records(view)))


def _records(view: TopicView) -> int:
    return sum(int(each.end_offset - each.start_offset) for each in view.partitions)


def topic_of(view: TopicView) -> Topic:
    """As it is answered."""
    return Topic(
        namespace=view.namespace,
        name=view.name,
        id=view.topic_id.hex(),
        queue=view.queue,
        partitions=[
            Partition(
                index=each.index,
                start_offset=int(each.start_offset),
                end_offset=int(each.end_offset),
                stable_end_offset=int(each.stable_end_offset),
                bytes=int(each.bytes),
                newest_at_ms=int(each.newest_at_ms) if each.newest_at_ms >= 0 else None,
            )
            for each in view.partitions
        ],
        records=_records(view),
        bytes=sum(int(each.bytes) for each in view.partitions),
        configs=view.configs,
    )
