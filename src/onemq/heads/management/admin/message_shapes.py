"""Bodies and answers of /v1/ that carry messages, or move them: publish, consume, fetch, peek, dead letters, redrive, replay.

Must not: answer anything.
"""

from typing import Literal

from onemq.heads.management.admin.shapes import View, Wanted

Encoding = Literal["text", "base64"]


class Death(View):
    """How often a record died in one queue for one reason, and when it did first. exchange, routing_keys: where it had been published."""

    queue: str
    reason: str
    count: int
    time_ms: int
    exchange: str
    routing_keys: list[str]


class Message(View):
    """One record, whatever protocol brought it.

    headers: as every protocol sees them; of several with one name the last. binary_headers: those whose value is base64 here.
    state: ready, leased, delayed, or kept (of a topic). attempts: how often it was given to somebody. handle: what settles it.
    """

    offset: int
    partition: int
    time_ms: int
    key: str | None
    key_encoding: Encoding
    body: str | None
    encoding: Encoding
    bytes: int
    headers: dict[str, str | None]
    binary_headers: list[str]
    exchange: str
    routing_key: str
    priority: int
    expires_at_ms: int | None
    not_before_ms: int | None
    state: str
    attempts: int
    handle: str | None
    leased_until_ms: int | None
    deaths: list[Death]


# In.


class NewMessage(Wanted):
    """body: text, or base64. key: of the record; in a queue with groups the group. delay_ms, ttl_ms: not for a topic without queue."""

    body: str = ""
    encoding: Encoding = "text"
    key: str | None = None
    key_encoding: Encoding = "text"
    headers: dict[str, str | None] = {}
    delay_ms: int = 0
    ttl_ms: int | None = None
    priority: int = 0
    persistent: bool = True


class Publish(Wanted):
    """To `target` (a queue or a topic), or to `exchange` with `routing_key`. partition: of a topic; null: by key, or in turn."""

    messages: list[NewMessage]
    target: str | None = None
    exchange: str | None = None
    routing_key: str = ""
    partition: int | None = None


class Published(View):
    """routed: came to a queue or topic. unroutable: went nowhere. refused: by a queue that is full. offsets: in a topic, by partition:
    the last one."""

    routed: int
    unroutable: int
    refused: int
    offsets: dict[str, int]


# Out.


class Consume(Wanted):
    """Leases up to `count` ready records for `visibility_ms` (null: the queue's); waits up to `wait_ms` for the first.
    acknowledge: they are done with at once."""

    count: int = 1
    wait_ms: int = 0
    visibility_ms: int | None = None
    acknowledge: bool = False


class Consumed(View):
    queue: str
    messages: list[Message]


class Settle(Wanted):
    """What becomes of leased records. ack: done with. release: ready again, after `delay_ms`. reject: dead."""

    handles: list[str]
    action: Literal["ack", "release", "reject"] = "ack"
    delay_ms: int = 0


class Settled(View):
    """lost: handles whose record somebody else has been given, or that is gone."""

    settled: int
    lost: list[str]


class Fetch(Wanted):
    """Reads a topic without a group. start: earliest, latest, time (`time_ms`), offset (`offset`), or positions: the ones that the last
    answer gave. partition: null: all. wait_ms: how long to wait for the first record."""

    start: Literal["earliest", "latest", "time", "offset", "positions"] = "earliest"
    partition: int | None = None
    offset: int = 0
    time_ms: int = 0
    positions: dict[str, int] = {}
    count: int = 100
    wait_ms: int = 0


class Fetched(View):
    """positions: by partition, where to go on."""

    topic: str
    messages: list[Message]
    positions: dict[str, int]


class Peeked(View):
    """more: there is more than was asked for."""

    queue: str
    messages: list[Message]
    more: bool


class DeadLetters(View):
    """looked: how many records were looked at for these. next_offset: where to go on; null: at the end."""

    queue: str
    messages: list[Message]
    looked: int
    next_offset: int | None


# Moving.


class Condition(Wanted):
    """A header and its value; the names @queue and @reason stand for where and of what it died last."""

    name: str
    value: str


class Redrive(Wanted):
    """Moves what is ready: `to` a queue, or (null) each record to the queue it died in. where: all of these conditions. since_ms: died
    (without a death: published) then or later. limit: at most so many. per_second: at most so fast."""

    to: str | None = None
    where: list[Condition] = []
    since_ms: int = 0
    limit: int = 0
    per_second: int | None = None


class Moving(View):
    """A redrive. state: running, cancelling, cancelled, completed or failed. to_move: records that were ready when it began, whether they
    were meant or not."""

    id: str
    source: str
    to: str | None
    state: str
    failure: str
    moved: int
    to_move: int
    started_at_ms: int
    where: list[Condition]
    since_ms: int
    limit: int


class Replay(Wanted):
    """One step of a replay into the queue `to`: copies up to `count` records of the source's log that were published since `since_ms` and
    until `until_ms`. positions: those of the last answer; {} at the beginning."""

    to: str
    since_ms: int
    until_ms: int | None = None
    positions: dict[str, int] = {}
    count: int = 1000


class Replayed(View):
    """until_ms: to be sent with the next step. done: nothing is left."""

    copied: int
    positions: dict[str, int]
    until_ms: int
    done: bool
