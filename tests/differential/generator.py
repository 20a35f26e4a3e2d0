"""Random scripts from a seed. Each has a theme, so that its operations meet; must be the same for the same seed.

What RabbitMQ 4 does otherwise than 3.10 is not made: unknown exchange types (406, once 503), delivery modes other
than 1 and 2 (once refused), x-queue-leader-locator (once unknown to classic queues), basic.nack with a delivery limit.
Both brokers must be able to answer in one defined way: what depends on timing is followed by a rest.
"""

from __future__ import annotations

import random
from typing import Any

from differential.raw_frames import NOT_FOLLOWED, RAW
from differential.script import POOL_EXCHANGES, POOL_QUEUES, Operation, Step

THEMES = (
    "queues",
    "arguments",
    "exchanges",
    "publish",
    "consume",
    "limits",
    "expiry",
    "dead_letters",
    "transactions",
    "quorum",
    "streams",
    "frames",
)
KEYS = ("a", "a.b", "a.b.c", "b", "", "*.b", "#", "a.#", "*", "%q1", "%q2")
KINDS = ("direct", "fanout", "topic", "headers")
TAGS = ("t1", "t2", "t3")
REST_SECONDS = 0.25
SHORT_MS = 60

HEADERS: tuple[tuple[str, tuple[str, Any]], ...] = (
    ("text", ("S", "value")),
    ("small", ("b", -3)),
    ("octet", ("B", 200)),
    ("short", ("s", -300)),
    ("word", ("u", 60000)),
    ("number", ("I", 70000)),
    ("unsigned", ("i", 4000000000)),
    ("long", ("l", -5)),
    ("float", ("f", 1.5)),
    ("double", ("d", 2.5)),
    ("decimal", ("D", (2, 314))),
    ("flag", ("t", True)),
    ("time", ("T", 1000)),
    ("nothing", ("V", None)),
    ("bytes", ("x", b"\x00\xff")),
    ("table", ("F", [("inner", ("S", "x")), ("deep", ("F", [("n", ("I", 1))]))])),
    ("array", ("A", [("S", "one"), ("I", 2), ("A", [])])),
    ("k", ("S", "v")),
    ("k", ("I", 1)),
    ("k", ("l", 1)),
)
WRONG_VALUES: tuple[Any, ...] = (
    -1, 0, 1, 5, 70000, 1 << 31, 1 << 32, 1 << 40, "text", "", "5", True, False, 1.5, None, b"x",
)  # fmt: skip
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "x-message-ttl": (0, 60000),
    "x-expires": (60000,),
    "x-max-length": (0, 1, 2),
    "x-max-length-bytes": (0, 10),
    "x-overflow": ("drop-head", "reject-publish", "reject-publish-dlx", "other"),
    "x-dead-letter-exchange": ("", "%e1", "%none"),
    "x-dead-letter-routing-key": ("%q1", "a"),
    "x-max-priority": (1, 3, 255, 256),
    "x-queue-mode": ("default", "lazy", "other"),
    "x-queue-version": (1, 2, 3),
    "x-queue-type": ("classic", "quorum", "stream", "other"),
    "x-single-active-consumer": (True, False),
    "x-delivery-limit": (0, 2),
    "x-max-age": ("1h", "10Y", "h", "1x"),
    "x-stream-max-segment-size-bytes": (1000, 5000000),
    "x-initial-cluster-size": (1,),
    "x-quorum-initial-group-size": (1,),
    "x-max-in-memory-length": (1,),
    "x-max-in-memory-bytes": (1,),
    "x-dead-letter-strategy": ("at-most-once", "at-least-once", "other"),
    "x-unknown": ("anything",),
    "alternate-exchange": ("%e1", "%none"),
}


def script_of(seed: int, theme: str | None = None) -> list[Step]:
    return Generator(random.Random(seed), theme or THEMES[seed % len(THEMES)]).script()


class Generator:
    def __init__(self, source: random.Random, theme: str) -> None:
        self.random = source
        self.theme = theme
        self.bodies = 0
        self.requeues = True

    def script(self) -> list[Step]:
        steps = getattr(self, f"start_{self.theme}", self.start_plain)()
        for _ in range(self.random.randint(6, 16)):
            steps.extend(self.step())
        # What is left, in the order it is left.
        for queue in POOL_QUEUES[:3]:
            steps.append([(0, 9, "QueueDeclare", {"queue": queue, "passive": True})])
        for queue in POOL_QUEUES[:3]:
            for _ in range(3):
                steps.append([(0, 8, "BasicGet", {"queue": queue, "no_ack": self.theme != "streams"})])
        return steps

    def some(self, choices: Any) -> Any:
        return self.random.choice(list(choices))

    def often(self, chance: float) -> bool:
        return self.random.random() < chance

    def place(self) -> tuple[int, int]:
        return (0 if self.often(0.85) else 1), (1 if self.often(0.8) else 2)

    def at(self, what: str, **arguments: Any) -> Operation:
        connection, channel = self.place()
        return (connection, channel, what, arguments)

    # Beginnings.

    def start_plain(self) -> list[Step]:
        steps: list[Step] = [[(0, 1, "QueueDeclare", {"queue": name})] for name in ("%q1", "%q2")]
        steps.append([(0, 1, "ExchangeDeclare", {"exchange": "%e1", "type": self.some(KINDS)})])
        steps.append(
            [(0, 1, "QueueBind", {"queue": "%q1", "exchange": "%e1", "routing_key": self.some(KEYS)})]
        )
        return steps

    def declared(self, *settings: dict[str, Any], durable: bool = False) -> list[Step]:
        return [
            [(0, 1, "QueueDeclare", {"queue": f"%q{index + 1}", "durable": durable, "arguments": arguments})]
            for index, arguments in enumerate(settings)
        ]

    def start_limits(self) -> list[Step]:
        overflow = self.some(("drop-head", "reject-publish", "reject-publish-dlx"))
        limit = self.some(({"x-max-length": self.random.randint(0, 3)}, {"x-max-length-bytes": 12}))
        steps = self.declared(
            {
                **limit,
                "x-overflow": overflow,
                "x-dead-letter-exchange": "",
                "x-dead-letter-routing-key": "%q2",
            },
            {},
        )
        if self.often(0.6):
            steps.append([(0, 1, "ConfirmSelect", {})])
        return steps

    def start_expiry(self) -> list[Step]:
        own = {"x-message-ttl": self.some((0, SHORT_MS))} if self.often(0.6) else {}
        return self.declared({**own, "x-dead-letter-exchange": "", "x-dead-letter-routing-key": "%q2"}, {})

    def start_dead_letters(self) -> list[Step]:
        steps: list[Step] = [[(0, 1, "ExchangeDeclare", {"exchange": "%e1", "type": self.some(KINDS)})]]
        settings: list[dict[str, Any]] = []
        for _ in range(3):
            arguments: dict[str, Any] = {
                "x-dead-letter-exchange": self.some(("", "%e1", "%e1", "amq.fanout"))
            }
            if self.often(0.6):
                arguments["x-dead-letter-routing-key"] = self.some(("%q1", "%q2", "%q3", "a"))
            if self.often(0.4):
                arguments["x-message-ttl"] = self.some((0, SHORT_MS))
            if self.often(0.4):
                arguments["x-max-length"] = self.some((0, 1))
            settings.append(arguments)
        steps += self.declared(*settings)
        for queue in POOL_QUEUES[:3]:
            key = self.some(("a", "#", queue))
            steps.append([(0, 1, "QueueBind", {"queue": queue, "exchange": "%e1", "routing_key": key})])
        return steps

    def start_transactions(self) -> list[Step]:
        return [*self.start_plain(), [(0, 1, self.some(("TxSelect", "TxSelect", "ConfirmSelect")), {})]]

    def start_quorum(self) -> list[Step]:
        arguments: dict[str, Any] = {"x-queue-type": "quorum", "x-delivery-limit": self.random.randint(1, 3)}
        # With a limit nothing is returned by basic.nack, which counts in 3.10 and not in 4.3.
        self.requeues = self.often(0.5)
        if self.requeues:
            arguments["x-delivery-limit"] = 100
        if self.often(0.6):
            arguments |= {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "%q2"}
        if self.often(0.3):
            # Not reject-publish: RabbitMQ's quorum queues refuse some publishes too late.
            arguments |= {"x-max-length": 2, "x-overflow": "drop-head"}
        return self.declared(arguments, {"x-queue-type": self.some(("quorum", "classic"))}, durable=True)

    def start_streams(self) -> list[Step]:
        steps = self.declared({"x-queue-type": "stream"}, durable=True)
        steps.append([(0, 1, "BasicQos", {"prefetch_count": self.some((1, 2, 10))})])
        if self.often(0.5):
            steps.append([(0, 1, "ConfirmSelect", {})])
        return steps

    # Steps.

    def step(self) -> list[Step]:
        choices: dict[str, tuple[float, Any]] = {
            "publish": (6, self.publishes),
            "get": (3, lambda: [[self.get()]]),
            "consume": (3, lambda: [[self.consume()]]),
            "settle": (3, lambda: [[self.settle()]]),
            "queue": (2, lambda: [[self.declare_queue()]]),
            "queue_end": (1, lambda: [[self.end_queue()]]),
            "exchange": (1, lambda: [[self.exchange()]]),
            "bind": (1, lambda: [[self.bind()]]),
            "mode": (1, lambda: [[self.mode()]]),
            "lose": (0.5, self.lose),
            "together": (1, self.together),
            "raw": (0, lambda: [[self.raw()]]),
        }
        heavy = {
            "queues": {"queue": 8, "queue_end": 4},
            "arguments": {"queue": 14, "publish": 1, "get": 0, "settle": 0, "exchange": 5},
            "exchanges": {"exchange": 7, "bind": 8, "settle": 0},
            "publish": {"publish": 14, "mode": 2},
            "consume": {"consume": 9, "settle": 7, "mode": 2},
            "limits": {"publish": 12, "settle": 4, "queue": 0},
            "expiry": {"publish": 8, "settle": 4, "queue": 0},
            "dead_letters": {"publish": 8, "settle": 6, "queue": 0},
            "transactions": {"mode": 7, "settle": 5, "publish": 8},
            "quorum": {"publish": 8, "settle": 9, "get": 6, "queue": 0},
            "streams": {"publish": 8, "settle": 4, "consume": 6},
            "frames": {"raw": 8, "together": 4},
        }[self.theme]
        names = list(choices)
        weights = [heavy.get(name, choices[name][0]) for name in names]
        steps: list[Step] = choices[self.random.choices(names, weights)[0]][1]()
        if self.theme in ("expiry", "dead_letters"):
            steps.append([(0, 1, "sleep", {"seconds": REST_SECONDS})])
        return steps

    def publishes(self) -> list[Step]:
        connection, channel = self.place()
        return [
            [
                (connection, channel, "publish", self.message())
                for _ in range(self.random.choice((1, 1, 1, 2, 3)))
            ]
        ]

    def message(self) -> dict[str, Any]:
        self.bodies += 1
        arguments: dict[str, Any] = {"body": f"m{self.bodies}".encode() * self.random.choice((0, 1, 1, 1, 3))}
        if self.often(0.6):
            arguments["routing_key"] = self.some(POOL_QUEUES[:3])
        else:
            arguments["exchange"] = self.some(("%e1", "%e1", "%e2", "amq.topic", "amq.headers", "%none"))
            arguments["routing_key"] = self.some(("a", "a.b", "a.b.c", "b", "", "%q1"))
        if self.often(0.3):
            arguments["mandatory"] = True
        if self.often(0.02):
            arguments["immediate"] = True
        properties: dict[str, Any] = {}
        for name, values, chance in (
            ("delivery_mode", (1, 2), 0.3),
            ("priority", (0, 1, 2, 5, 255), 0.2),
            ("content_type", ("text/plain", ""), 0.1),
            ("content_encoding", ("utf-8",), 0.1),
            ("correlation_id", ("c",), 0.1),
            ("reply_to", ("r", "amq.rabbitmq.reply-to"), 0.05),
            ("message_id", ("id",), 0.1),
            ("timestamp", (0, 1000), 0.1),
            ("type", ("t",), 0.1),
            ("app_id", ("app",), 0.1),
            ("cluster_id", ("cluster",), 0.05),
            ("user_id", ("guest", "guest", "other", ""), 0.05),
            (
                "expiration",
                ("60000", "0", str(SHORT_MS), "-1", "", "abc", "12a", "4294967296", "1.5", " 5", "+5"),
                0.04,
            ),
        ):
            if self.often(chance):
                properties[name] = self.some(values)
        if self.theme in ("expiry", "dead_letters") and self.often(0.4):
            properties["expiration"] = self.some(("0", str(SHORT_MS), "60000"))
        arguments["properties"] = properties
        if self.often(0.4):
            arguments["headers"] = self.headers()
        return arguments

    def headers(self) -> list[tuple[str, tuple[str, Any]]]:
        found: dict[str, tuple[str, Any]] = dict(self.random.sample(HEADERS, self.random.randint(0, 4)))
        if self.often(0.25):
            found["CC"] = self.copies()
        if self.often(0.15):
            found["BCC"] = self.copies()
        return list(found.items())

    def copies(self) -> tuple[str, Any]:
        if self.often(0.1):
            return self.some((("S", "%q1"), ("I", 1), ("A", [("I", 1)]), ("V", None), ("A", [])))  # type: ignore[no-any-return]
        return ("A", [("S", self.some((*POOL_QUEUES, "a", "b"))) for _ in range(self.random.randint(1, 2))])

    def queue(self) -> str:
        chosen: str = self.some((*POOL_QUEUES[:3], *POOL_QUEUES[:3], "%q4", ""))
        return chosen if self.often(0.95) else "%none"

    def exchange_name(self) -> str:
        chosen: str = self.some(POOL_EXCHANGES[:3])
        return chosen if self.often(0.9) else self.some(("", "amq.direct", "amq.none", "%none", "amq.topic"))

    def get(self) -> Operation:
        return self.at("BasicGet", queue=self.queue(), no_ack=self.often(0.4))

    def consume(self) -> Operation:
        if self.often(0.15):
            return self.at("BasicCancel", consumer_tag=self.some(TAGS), no_wait=self.often(0.1))
        if self.often(0.25):
            size = 1 if self.often(0.05) else 0
            return self.at(
                "BasicQos",
                prefetch_size=size,
                prefetch_count=self.random.choice((0, 1, 2, 3)),
                is_global=self.often(0.3),
            )
        arguments: dict[str, Any] = {}
        if self.often(0.2):
            arguments["x-priority"] = self.some((1, 2, -1, 10, "high", 1.5))
        if self.theme == "streams" and self.often(0.7):
            arguments["x-stream-offset"] = self.some(
                ("first", "last", "next", 0, 1, 100, "1h", "other", -1, True, 1.5)
            )
        return self.at(
            "BasicConsume",
            queue=self.queue(),
            consumer_tag=self.some((*TAGS, *TAGS, "")),
            no_ack=self.often(0.3),
            exclusive=self.often(0.1),
            no_local=self.often(0.1),
            no_wait=self.often(0.05),
            arguments=arguments,
        )

    def settle(self) -> Operation:
        tag = self.random.choice((0, 1, 1, 1, 2, 2, 3, 4, 5, 99))
        what = self.some(("BasicAck", "BasicNack", "BasicNack", "BasicReject", "BasicReject", "BasicRecover"))
        if what == "BasicAck":
            return self.at(what, delivery_tag=tag, multiple=self.often(0.3))
        if what == "BasicNack":
            return self.at(
                what, delivery_tag=tag, multiple=self.often(0.4), requeue=self.requeues and self.often(0.5)
            )
        if what == "BasicReject":
            return self.at(what, delivery_tag=tag, requeue=self.often(0.5))
        name = what if self.often(0.8) else "BasicRecoverAsync"
        return self.at(name, requeue=self.often(0.9))

    def arguments(self) -> dict[str, Any]:
        chosen: dict[str, Any] = {}
        for name in self.random.sample(list(ARGUMENTS), self.random.choice((0, 1, 1, 2, 3))):
            chosen[name] = self.some(WRONG_VALUES) if self.often(0.35) else self.some(ARGUMENTS[name])
        return chosen

    def declare_queue(self) -> Operation:
        return self.at(
            "QueueDeclare",
            queue=self.some(
                (*POOL_QUEUES, *POOL_QUEUES, "", "amq.mine", "%none" if self.often(0.1) else "%q1")
            ),
            passive=self.often(0.2),
            durable=self.often(0.4),
            exclusive=self.often(0.15),
            auto_delete=self.often(0.15),
            no_wait=self.often(0.05),
            arguments=self.arguments() if self.theme == "arguments" or self.often(0.2) else {},
        )

    def end_queue(self) -> Operation:
        if self.often(0.3):
            return self.at("QueuePurge", queue=self.queue(), no_wait=self.often(0.1))
        return self.at(
            "QueueDelete",
            queue=self.queue(),
            if_unused=self.often(0.4),
            if_empty=self.often(0.4),
            no_wait=self.often(0.1),
        )

    def exchange(self) -> Operation:
        if self.often(0.25):
            return self.at("ExchangeDelete", exchange=self.exchange_name(), if_unused=self.often(0.5))
        arguments: dict[str, Any] = {}
        if self.often(0.3):
            arguments["alternate-exchange"] = self.some(("%e1", "%e2", "%none", "", "amq.fanout"))
        if self.often(0.1):
            name = self.some(("alternate-exchange", "x-unknown"))
            arguments[name] = self.some(WRONG_VALUES)
        return self.at(
            "ExchangeDeclare",
            exchange=self.exchange_name(),
            type=self.some(KINDS),
            passive=self.often(0.15),
            durable=self.often(0.3),
            auto_delete=self.often(0.2),
            internal=self.often(0.15),
            no_wait=self.often(0.05),
            arguments=arguments,
        )

    def bind(self) -> Operation:
        arguments: dict[str, Any] = {}
        if self.often(0.4):
            arguments["k"] = self.some(("v", 1, None, True, 1.5))
        if self.often(0.3):
            arguments["x-match"] = self.some(("all", "any", "all-with-x", "any-with-x", "other", 5))
        what = self.some(
            ("QueueBind", "QueueBind", "QueueUnbind", "ExchangeBind", "ExchangeBind", "ExchangeUnbind")
        )
        if what.startswith("Queue"):
            return self.at(
                what,
                queue=self.queue(),
                exchange=self.exchange_name(),
                routing_key=self.some(KEYS),
                arguments=arguments,
            )
        return self.at(
            what,
            destination=self.exchange_name(),
            source=self.exchange_name(),
            routing_key=self.some(KEYS),
            arguments=arguments,
        )

    def mode(self) -> Operation:
        names = ["ConfirmSelect", "TxSelect", "TxCommit", "TxRollback", "ChannelClose", "ChannelFlow"]
        if self.theme == "transactions":
            names += ["TxCommit", "TxCommit", "TxCommit", "TxRollback"]
        what = self.some(names)
        if what == "ChannelClose":
            return self.at(what, reply_code=200)
        if what == "ChannelFlow":
            return self.at(what, active=self.often(0.9))
        return self.at(what)

    def lose(self) -> list[Step]:
        connection, channel = self.place()
        return [[(connection, channel, "lose", {})], [(0, 1, "sleep", {"seconds": 0.1})]]

    def together(self) -> list[Step]:
        """Several commands in one go on one channel; those after a failing one must be passed over."""
        connection, channel = self.place()
        made: Step = []
        for _ in range(self.random.randint(2, 5)):
            maker = self.some((self.get, self.consume, self.settle, self.declare_queue, self.bind, self.mode))
            operation = maker()
            if operation[2] == "ChannelClose":
                # Until when its frames are still the old channel's is left to chance.
                continue
            made.append((connection, channel, *operation[2:]))
            if operation[2] == "BasicConsume":
                # Last: whether it is given anything before something else fails is chance.
                break
            if self.often(0.4):
                made.append((connection, channel, "publish", self.message()))
        return [made] if made else []

    def raw(self) -> Operation:
        connection, channel = self.place()
        name = self.some(sorted(RAW.keys() - NOT_FOLLOWED))
        return (connection, channel, "raw", {"data": RAW[name](channel), "note": name})
