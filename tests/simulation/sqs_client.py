"""A client of the simulated broker that sends SQS's JSON requests through a conversation: one connection, a request at a time.

Decides nothing about what is right; it tells the shadow what the engine decided when it did, and checks what it hears and when.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from simulation.aws_client import ACCOUNT, AwsClient
from simulation.checkers import Token, check
from simulation.mixed_shadow import origin_of_dead

if TYPE_CHECKING:
    from simulation.mixed_world import MixedWorld

Seen = Callable[[int, dict[str, Any]], None]


class Leased:
    """One received message. `name`: of the lease, as the shadow has it."""

    def __init__(self, token: Token, queue: str, handle: str, name: str, position: int) -> None:
        self.token = token
        self.queue = queue
        self.handle = handle
        self.name = name
        self.position = position


class SqsClient(AwsClient):
    """Its leases stay until their time when it leaves."""

    def __init__(self, world: MixedWorld, name: str) -> None:
        super().__init__(world, name)
        self.leased: list[Leased] = []
        self._arrived: list[Leased] = []
        self._leases = 0
        self._receives = 0

    def _says(self, operation: str, seen: Seen, **parameters: Any) -> None:
        headers = f"X-Amz-Target: AmazonSQS.{operation}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        self._posts(
            headers,
            json.dumps(parameters).encode(),
            lambda status, body: seen(status, json.loads(body or b"{}")),
        )

    def listen(self) -> None:
        super().listen()
        if not self._unheard:
            self.leased += self._arrived
            self._arrived = []

    def _url(self, queue: str) -> str:
        return f"http://localhost:4566/{ACCOUNT}/{queue}"

    # What it does.

    def act(self) -> None:
        if self.is_busy():
            return
        choices = [self.send] * 6 + [self.receive] * 7 + [self.delete] * 6 + [self.change] * 2
        self.world.random.choice(choices)()

    def send(self) -> None:
        world = self.mixed
        random = world.random
        queue = world.some_sqs_queue()
        more: dict[str, Any] = {}
        delay_ms = 0
        fifo = queue.endswith(".fifo")
        duplication_id = ""
        if fifo:
            more["MessageGroupId"] = random.choice("abc")
            duplication_id = f"d{random.randrange(12)}" if random.random() < 0.4 else f"n{world.numbers}"
            more["MessageDeduplicationId"] = duplication_id
        elif random.random() < 0.1:
            delay_ms = random.choice([1000, 3000])
            more["DelaySeconds"] = delay_ms // 1000
        number, body = world.new_body()

        def seen(status: int, answer: dict[str, Any]) -> None:
            position = int(world.broker.core.position())
            check(status == 200, f"{self.name} sends to {queue}: {status} {answer}")
            known = self.shadow.seen_before(queue, duplication_id, world.window_ms) if fifo else None
            if known is not None:
                check(
                    known.message_id == answer["MessageId"],
                    f"{duplication_id} of {queue} was sent again as {answer['MessageId']}",
                )
                world.count("duplicates")
                return
            if fifo:
                self.shadow.accept(queue, duplication_id, position, answer["MessageId"])
            token = self.shadow.publish(number, body, self.shadow.queues[queue], position, False)
            if delay_ms:
                token.not_before_ms = world.now_ms + delay_ms
            if fifo:
                token.group, token.rank = (more["MessageGroupId"],), token.sequence
            world.note(f"{self.name} sends {number} to {queue} at {position}")
            self.told.append(lambda: self._confirmed(token))

        self._says("SendMessage", seen, QueueUrl=self._url(queue), MessageBody=body.decode(), **more)

    def _confirmed(self, token: Token) -> None:
        self.world.count("SQS confirms")
        check(token.position <= self.shadow.durable, f"{token} was confirmed, durable {self.shadow.durable}")

    def receive(self) -> None:
        world = self.mixed
        random = world.random
        queue = world.some_sqs_queue(reading=True)
        seconds = random.choice([1, 1, 5, 20])

        def seen(status: int, answer: dict[str, Any]) -> None:
            if self.shadow.queues.get(queue) is None:
                return
            check(status == 200, f"{self.name} receives from {queue}: {status} {answer}")
            position = int(world.broker.core.position())
            self._receives += 1
            for message in answer.get("Messages", []):
                body = message["Body"].encode()
                source = message["Attributes"].get("DeadLetterQueueSourceArn", "")
                token = self.shadow.find(body, queue, origin_of_dead(queue, source))
                self._leases += 1
                name = f"{self.name}/{self._receives}#{self._leases}"
                self.shadow.lease(token, queue, name, world.now_ms + seconds * 1000, position)
                world.note(f"{self.name} receives {token.number} from {queue} for {seconds} s")
                self._arrived.append(Leased(token, queue, message["ReceiptHandle"], name, position))
                world.count("SQS receives")

        self._says(
            "ReceiveMessage",
            seen,
            QueueUrl=self._url(queue),
            MaxNumberOfMessages=random.choice([1, 1, 3, 10]),
            VisibilityTimeout=seconds,
            WaitTimeSeconds=random.choice([0, 0, 1, 3]),
            AttributeNames=["All"],
        )

    def _pick(self) -> Leased | None:
        if not self.leased:
            return None
        leased = self.leased.pop(self.world.random.choice([0, 0, -1]))
        check(
            # A transient record's lease is gone with the record: its answer waits for nothing.
            leased.position <= self.shadow.durable or not leased.token.durable,
            f"a lease of {leased.token} was told before it was durable",
        )
        return leased

    def delete(self) -> None:
        leased = self._pick()
        if leased is None:
            return

        def seen(status: int, answer: dict[str, Any]) -> None:
            position = int(self.world.broker.core.position())
            if leased.queue not in self.shadow.queues:
                return
            if status != 200:
                # FIFO: a handle ends with its time.
                held = leased.token.leased_by == leased.name
                check(not held, f"{leased.token} could not be deleted: {answer}")
                return
            self.shadow.settle_lease(leased.token, leased.name, position)
            self.world.note(f"{self.name} deletes {leased.token.number} of {leased.queue}: {status}")

        self._says("DeleteMessage", seen, QueueUrl=self._url(leased.queue), ReceiptHandle=leased.handle)

    def change(self) -> None:
        leased = self._pick()
        if leased is None:
            return
        world = self.mixed
        seconds = world.random.choice([0, 0, 2, 20])

        def seen(status: int, answer: dict[str, Any]) -> None:
            position = int(world.broker.core.position())
            token = leased.token
            if status != 200 or not self.shadow.holds(token, leased.name):
                return
            self.shadow.set_lease(token, leased.name, world.now_ms + seconds * 1000, position)
            self.shadow.lapse()
            world.note(f"{self.name} changes {token.number} of {leased.queue} to {seconds} s")
            if seconds:
                self._arrived.append(leased)

        self._says(
            "ChangeMessageVisibility",
            seen,
            QueueUrl=self._url(leased.queue),
            ReceiptHandle=leased.handle,
            VisibilityTimeout=seconds,
        )

    # The end.

    def forget_queue(self, name: str) -> None:
        self.leased = [leased for leased in self.leased if leased.queue != name]
        self._arrived = [leased for leased in self._arrived if leased.queue != name]
