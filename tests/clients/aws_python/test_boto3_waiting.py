"""What waits: long polls, delayed messages."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from clients.aws_python.session import (
    Client,
    MakeQueue,
    aws_client,
    bodies,
    counts,
    receive,
    receive_exactly,
    refused,
    send,
)


def test_a_long_poll_ends_empty_no_sooner_than_asked(either: Client, queue: str) -> None:
    asked = time.monotonic()
    assert receive(either, queue, WaitTimeSeconds=1) == []
    assert time.monotonic() - asked >= 1


def test_a_long_poll_is_answered_as_soon_as_a_message_comes(endpoint: str, sqs: Client, queue: str) -> None:
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, aws_client("sqs", endpoint), queue, WaitTimeSeconds=20)
        time.sleep(0.2)  # it may be waiting by now; it must be answered either way
        asked = time.monotonic()
        send(sqs, queue, "hello")
        assert bodies(waiting.result(15)) == ["hello"]
        assert time.monotonic() - asked < 15


def test_the_queue_says_how_long_to_wait(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue(ReceiveMessageWaitTimeSeconds=1)
    asked = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    assert time.monotonic() - asked >= 1
    # A receive's own word goes before it.
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"ReceiveMessageWaitTimeSeconds": "20"})
    asked = time.monotonic()
    assert receive(sqs, url, WaitTimeSeconds=0) == []
    assert time.monotonic() - asked < 15


def test_each_message_goes_to_one_of_many_waiting(endpoint: str, sqs: Client, queue: str) -> None:
    with ThreadPoolExecutor(5) as pool:
        waiting = [
            pool.submit(receive, aws_client("sqs", endpoint), queue, 1, WaitTimeSeconds=5) for _ in range(5)
        ]
        send(sqs, queue, *map(str, range(5)))
        found = [body for future in waiting for body in bodies(future.result(20))]
    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert counts(sqs, queue) == (0, 5, 0)


def test_a_waiting_receive_gets_what_comes_back(endpoint: str, sqs: Client, queue: str) -> None:
    send(sqs, queue, "hello")
    [message] = receive(sqs, queue)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, aws_client("sqs", endpoint), queue, WaitTimeSeconds=10)
        sqs.change_message_visibility(
            QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
        )
        assert bodies(waiting.result(15)) == ["hello"]


def test_a_waiting_receive_gets_a_message_when_its_group_opens(endpoint: str, sqs: Client, fifo: str) -> None:
    send(sqs, fifo, "one", "two", MessageGroupId="g")
    [first] = receive(sqs, fifo, 1)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, aws_client("sqs", endpoint), fifo, WaitTimeSeconds=10)
        sqs.delete_message(QueueUrl=fifo, ReceiptHandle=first["ReceiptHandle"])
        assert bodies(waiting.result(15)) == ["two"]


def test_a_waiting_receive_that_went_away_takes_nothing(endpoint: str, sqs: Client, queue: str) -> None:
    from botocore.config import Config
    from botocore.exceptions import ReadTimeoutError

    impatient = aws_client("sqs", endpoint, config=Config(read_timeout=0.3))
    with pytest.raises(ReadTimeoutError):
        receive(impatient, queue, WaitTimeSeconds=20)
    impatient.close()
    send(sqs, queue, "hello")
    assert bodies(receive_exactly(sqs, queue, 1)) == ["hello"]


def test_a_waiting_receive_ends_with_its_queue(endpoint: str, sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, aws_client("sqs", endpoint), url, WaitTimeSeconds=20)
        time.sleep(0.2)
        sqs.delete_queue(QueueUrl=url)
        # Empty, or an error: which of them AWS gives is not recorded.
        error = waiting.exception(15)
        if error is None:
            assert waiting.result() == []
        else:
            assert "NonExistentQueue" in str(error)


def test_a_message_can_be_delayed(either: Client, queue: str) -> None:
    sent_at = time.monotonic()
    send(either, queue, "late", DelaySeconds=1)
    send(either, queue, "now")
    assert counts(either, queue) == (1, 0, 1)
    assert bodies(receive(either, queue)) == ["now"]
    assert bodies(receive_exactly(either, queue, 1)) == ["late"]
    assert time.monotonic() - sent_at >= 1


def test_a_queue_can_delay_its_messages(sqs: Client, make_queue: MakeQueue) -> None:
    url = make_queue(DelaySeconds=1)
    sent_at = time.monotonic()
    send(sqs, url, "late")
    send(sqs, url, "now", DelaySeconds=0)
    send(sqs, url, "much later", DelaySeconds=900)
    assert bodies(receive(sqs, url)) == ["now"]
    assert bodies(receive_exactly(sqs, url, 1)) == ["late"]
    assert time.monotonic() - sent_at >= 1
    assert counts(sqs, url)[2] == 1


def test_a_queues_delay_that_is_changed_is_for_later_messages(sqs: Client, make_queue: MakeQueue) -> None:
    queue = make_queue(DelaySeconds=60)
    send(sqs, queue, "early")
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"DelaySeconds": "0"})
    send(sqs, queue, "now")
    assert bodies(receive(sqs, queue)) == ["now"]


@pytest.mark.parametrize("seconds", [-1, 901])
def test_delays_have_a_range(either: Client, queue: str, seconds: int) -> None:
    with refused(
        "InvalidParameterValue",
        f"Value {seconds} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= 0 and <= 900.",
    ):
        send(either, queue, "hello", DelaySeconds=seconds)
