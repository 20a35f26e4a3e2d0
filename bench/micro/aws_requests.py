"""What the SQS head costs: microseconds per request from its bytes to its answer parked, for whatever build of onemq is
installed (it says which).

No socket, no loop, no disk: the conversation over the real engine and a store in memory that takes the facts and forgets them.
Turns of 16 requests, as 16 connections make them; what the turn itself costs is a line of its own.
Run it with the interpreter of the build to measure, from the root of the tree: python -m bench.micro.aws_requests
"""

import gc
import re
from statistics import median
from time import thread_time
from typing import Final

from bench.aws_messages import BATCH_MAX, Messages
from bench.aws_wire import Request

from onemq.app.process import COLLECT_THRESHOLDS
from onemq.auth.gate import Gate
from onemq.auth.permissions import Permission, Permissions
from onemq.auth.users import User, Users
from onemq.engine.broker import Broker
from onemq.engine.settings import EngineSettings
from onemq.heads.aws import conversation as conversation_module
from onemq.heads.aws.head import AwsHead
from onemq.heads.aws.settings import AwsSettings
from onemq.heads.aws.sqs.native_reader import SqsNativeReader
from onemq.heads.contract import Called, Caller, Conversation, Link
from onemq.model.principal import Peer
from onemq.model.record import NATIVE_SQS
from onemq.net.outbox import Durability, ParkingOutbox
from onemq.storage.memory_store import MemoryStore
from onemq.wire.http import HttpReceiver

PORT: Final = 4566
TURN: Final = 16
REQUESTS: Final = 100 * TURN
ROUNDS: Final = 30
BODY_BYTES: Final = 100
START_MS: Final = 1_700_000_000_000
_HANDLE: Final = re.compile(rb'"ReceiptHandle":"([^"]+)"')
_ANSWER: Final = re.compile(rb"HTTP/1.1 200 OK\r\n")


class QuietLink(Link):
    """A connection without a socket."""

    def touch(self) -> None:
        return

    def close(self) -> None:
        raise AssertionError("the head closed the connection")

    def set_idle(self, send_ms: int, receive_ms: int, heartbeat: bytes) -> None:
        return

    def logged_in(self) -> None:
        return

    def describe(self, user: str, namespace: str, client: str = "") -> None:
        return

    def publishes(self) -> None:
        return

    def again(self) -> None:
        return

    def hold_reading(self, hold: bool) -> None:
        return

    def warn(self, reason: str, text: str, entity: str = "") -> None:
        raise AssertionError(text)


class NoCaller(Caller):
    """Nobody is called."""

    def post(
        self, url: str, headers: list[tuple[str, str]], body: bytes, time_ms: int, called: Called
    ) -> None:
        raise AssertionError("a call")


class Bench:
    """One broker with a queue, TURN connections, and what their requests took."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}
        self._store = MemoryStore(lambda: None)
        # So that facts are written.
        self._store.persistent = True
        self._broker = Broker(self._store, EngineSettings(namespaces=["/"]), bytes)
        self._broker.catalog.natives.register(NATIVE_SQS, SqsNativeReader())
        self._durability = Durability()
        self._now_ms = START_MS
        self._broker.begin_turn(self._now_ms)
        self._broker.recover()
        users = Users({"guest": User("guest", ["administrator"], None, loopback_only=True)})
        permissions = Permissions(["/"], {("guest", "/"): Permission(".*", ".*", ".*")})
        gate = Gate(users, permissions, self._broker, "guest")
        head = AwsHead(gate, AwsSettings(), bytes, NoCaller())
        self._outboxes: list[ParkingOutbox] = []
        self._conversations: list[Conversation] = []
        for number in range(TURN):
            outbox = ParkingOutbox(self._durability)
            link = QuietLink(outbox, Peer("127.0.0.1", 50000 + number, "127.0.0.1", PORT, False))
            self._outboxes.append(outbox)
            self._conversations.append(head.open(link))
        made = Request(PORT, "CreateQueue").with_body(b'{"QueueName":"load"}')
        self._conversations[0].received(made)
        self._end_turn()
        self._outboxes[0].take()

    def run(self, name: str, requests: list[bytes]) -> list[bytes]:
        """The answers, in their order. Notes what the requests and their turns took, per request."""
        answers: list[bytes] = []
        taken = 0.0
        ended = 0.0
        for start in range(0, len(requests), TURN):
            part = requests[start : start + TURN]
            began = thread_time()
            for conversation, request in zip(self._conversations, part, strict=True):
                conversation.received(request)
            middle = thread_time()
            self._end_turn()
            ended += thread_time() - middle
            taken += middle - began
            for outbox in self._outboxes:
                answers.append(outbox.take())
                assert _ANSWER.match(answers[-1]), answers[-1]
        self.seconds.setdefault(name, []).append(taken / len(requests))
        self.seconds.setdefault(f"{name}, its turn", []).append(ended / len(requests))
        return answers

    def _end_turn(self) -> None:
        self._now_ms += 1
        while self._broker.end_turn():
            self._broker.begin_turn(self._now_ms)
        for conversation in self._conversations:
            conversation.end_turn()
        self._broker.complete(self._store.completions())
        self._durability.advance(self._broker.durable_position)
        self._broker.begin_turn(self._now_ms)
        while self._broker.end_turn():
            self._broker.begin_turn(self._now_ms)
        self._broker.begin_turn(self._now_ms)


def parse(requests: list[bytes]) -> float:
    """Seconds per request from bytes to an HttpRequest."""
    http = HttpReceiver(65_536, 1 << 20)
    began = thread_time()
    for request in requests:
        http.feed(request)
        http.next()
    return (thread_time() - began) / len(requests)


def main() -> None:
    build = "interpreted" if (conversation_module.__file__ or "").endswith(".py") else "compiled"
    bench = Bench()
    # As the broker has it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECT_THRESHOLDS)
    url = f"http://127.0.0.1:{PORT}/000000000000/load"
    messages = Messages(PORT, url, BODY_BYTES, 1)
    batches = Messages(PORT, url, BODY_BYTES, BATCH_MAX)
    parsing: list[float] = []
    for _ in range(ROUNDS):
        sends = [messages.next_send()[0] for _ in range(REQUESTS)]
        parsing.append(parse(sends))
        bench.run("send", sends)
        received = bench.run("receive", [messages.receive] * REQUESTS)
        handles = [_HANDLE.findall(answer) for answer in received]
        bench.run("delete", [messages.delete(each) for each in handles])
        sends = [batches.next_send()[0] for _ in range(REQUESTS)]
        bench.run("send 10", sends)
        received = bench.run("receive 10", [batches.receive] * REQUESTS)
        handles = [_HANDLE.findall(answer) for answer in received]
        assert all(len(each) == BATCH_MAX for each in handles), "fewer received than were sent"
        bench.run("delete 10", [batches.delete(each) for each in handles])
    print(f"build: {build}; microseconds per request, the best and the median of {ROUNDS} times {REQUESTS}")
    for name, seconds in {"parse (in each)": parsing, **bench.seconds}.items():
        print(f"{name:22}{min(seconds) * 1e6:8.2f}{median(seconds) * 1e6:8.2f}")


if __name__ == "__main__":
    main()
