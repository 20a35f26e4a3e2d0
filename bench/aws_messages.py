"""What the load sends to a queue and what it demands of each answer.

Bodies differ and their MD5s are known, so that an answer can be checked without decoding its JSON. Must not know who
answers: blanks after colons and the order of members are the broker's business.
"""

import hashlib
import json
import re
from typing import Final

from bench.amqp_wire import LoadError
from bench.aws_wire import Answer, Request

BODIES: Final = 256
BATCH_MAX: Final = 10
_BODY_MD5: Final = re.compile(rb'"MD5OfBody": ?"([0-9a-f]{32})"')
_SENT_MD5: Final = re.compile(rb'"MD5OfMessageBody": ?"([0-9a-f]{32})"')
_MESSAGE_ID: Final = re.compile(rb'"MessageId": ?"[^"]{1,100}"')
_HANDLE: Final = re.compile(rb'"ReceiptHandle": ?"([^"]{1,1024})"')
_ENTRY_ID: Final = re.compile(rb'"Id": ?"')


class Messages:
    """The requests to one queue, made once, and the checks of their answers; `count` messages in each request.

    `groups`: for a FIFO queue, how many the messages go to in turn. `first`: the number to go on from.
    """

    def __init__(
        self, port: int, url: str, body_bytes: int, count: int, groups: int = 0, first: int = 0
    ) -> None:
        self.count = count
        self._url = json.dumps(url).encode()
        self._number = first
        bodies = [f"{number:06d} ".ljust(body_bytes, "x") for number in range(BODIES)]
        self._md5s = [hashlib.md5(body.encode()).hexdigest().encode() for body in bodies]
        self._known = frozenset(self._md5s)
        self._send = Request(port, "SendMessage" if count == 1 else "SendMessageBatch")
        self._delete = Request(port, "DeleteMessage" if count == 1 else "DeleteMessageBatch")
        entries = [json.dumps({"MessageBody": body})[1:-1].encode() for body in bodies]
        self._groups = groups
        self._entries = entries
        # Of a FIFO queue each request has deduplication ids of its own.
        self._sends = [] if groups else [self._send_bytes(first) for first in range(BODIES)]
        receive = {"QueueUrl": url, "MaxNumberOfMessages": count}
        self.receive = Request(port, "ReceiveMessage").with_body(json.dumps(receive).encode())

    def next_send(self) -> tuple[bytes, int]:
        """A request, and what `check_sent` wants to know of it."""
        first = self._number
        self._number += self.count
        if self._groups:
            return self._send_bytes(first), first
        return self._sends[first % BODIES], first

    def _send_bytes(self, first: int) -> bytes:
        if self.count == 1:
            return self._send.with_body(b'{"QueueUrl":%b,%b}' % (self._url, self._entry(first)))
        entries = b",".join(
            b'{"Id":"%d",%b}' % (place, self._entry(first + place)) for place in range(self.count)
        )
        return self._send.with_body(b'{"QueueUrl":%b,"Entries":[%b]}' % (self._url, entries))

    def _entry(self, number: int) -> bytes:
        body = self._entries[number % BODIES]
        if not self._groups:
            return body
        ids = b'"MessageGroupId":"g%d","MessageDeduplicationId":"d%d"' % (number % self._groups, number)
        return b"%b,%b" % (body, ids)

    def delete(self, handles: list[bytes]) -> bytes:
        """Handles are JSON texts as they were received."""
        if self.count == 1:
            return self._delete.with_body(b'{"QueueUrl":%b,"ReceiptHandle":"%b"}' % (self._url, handles[0]))
        entries = b",".join(
            b'{"Id":"%d","ReceiptHandle":"%b"}' % (place, handle) for place, handle in enumerate(handles)
        )
        return self._delete.with_body(b'{"QueueUrl":%b,"Entries":[%b]}' % (self._url, entries))

    def check_sent(self, answer: Answer, first: int) -> None:
        """Raises LoadError."""
        answer.must_be_ok()
        wanted = {self._md5s[number % BODIES] for number in range(first, first + self.count)}
        if {*_SENT_MD5.findall(answer.body)} != wanted:
            raise LoadError(f"sent, but not this: {answer.body[:200]!r}")
        if len(_MESSAGE_ID.findall(answer.body)) != self.count:
            raise LoadError(f"message ids are missing: {answer.body[:200]!r}")

    def handles(self, answer: Answer) -> list[bytes]:
        """Of the messages received; none when the queue had none. Raises LoadError."""
        answer.must_be_ok()
        handles = _HANDLE.findall(answer.body)
        md5s = _BODY_MD5.findall(answer.body)
        if not len(handles) == len(md5s) == len(_MESSAGE_ID.findall(answer.body)) <= self.count:
            raise LoadError(f"a receive with parts missing: {answer.body[:200]!r}")
        if not self._known.issuperset(md5s):
            raise LoadError("received what nobody sent")
        return handles

    def check_deleted(self, answer: Answer, handles: int) -> None:
        """Raises LoadError."""
        answer.must_be_ok()
        if self.count == 1:
            return
        if len(_ENTRY_ID.findall(answer.body)) != handles or b'"Code"' in answer.body:
            raise LoadError(f"not deleted: {answer.body[:200]!r}")
