"""aioboto3: many requests at once over one client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import aioboto3
from botocore.exceptions import ClientError

from clients.aws_python.session import REGION, unique_name


def run(endpoint: str, program: Callable[[Any], Awaitable[None]]) -> None:
    async def main() -> None:
        session = aioboto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)
        async with session.client("sqs", endpoint_url=endpoint) as client:
            await asyncio.wait_for(program(client), 40)

    asyncio.run(main())


def test_send_receive_and_delete(endpoint: str) -> None:
    async def program(sqs: Any) -> None:
        url = (await sqs.create_queue(QueueName=unique_name("queue")))["QueueUrl"]
        attribute = {"kind": {"DataType": "String", "StringValue": "greeting"}}
        await sqs.send_message(QueueUrl=url, MessageBody="hello", MessageAttributes=attribute)
        [message] = (await sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]))["Messages"]
        assert message["Body"] == "hello" and message["MessageAttributes"] == attribute
        await sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        assert "Messages" not in await sqs.receive_message(QueueUrl=url)
        await sqs.delete_queue(QueueUrl=url)

    run(endpoint, program)


def test_a_hundred_sends_at_once_and_five_pollers(endpoint: str) -> None:
    async def program(sqs: Any) -> None:
        url = (await sqs.create_queue(QueueName=unique_name("queue")))["QueueUrl"]
        wanted = [f"m{number}" for number in range(100)]
        found: list[str] = []

        async def poll() -> None:
            while len(found) < len(wanted):
                answer = await sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
                messages = answer.get("Messages", [])
                found.extend(message["Body"] for message in messages)
                await asyncio.gather(
                    *(
                        sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                        for message in messages
                    )
                )

        pollers = [asyncio.create_task(poll()) for _ in range(5)]
        await asyncio.gather(*(sqs.send_message(QueueUrl=url, MessageBody=body) for body in wanted))
        await asyncio.gather(*pollers)
        assert sorted(found) == sorted(wanted)
        await sqs.delete_queue(QueueUrl=url)

    run(endpoint, program)


def test_a_long_poll_that_is_given_up_takes_nothing(endpoint: str) -> None:
    async def program(sqs: Any) -> None:
        url = (await sqs.create_queue(QueueName=unique_name("queue")))["QueueUrl"]
        waiting = asyncio.create_task(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20))
        await asyncio.sleep(0.2)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        await sqs.send_message(QueueUrl=url, MessageBody="hello")
        answer = await sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)
        assert [message["Body"] for message in answer["Messages"]] == ["hello"]
        await sqs.delete_queue(QueueUrl=url)

    run(endpoint, program)


def test_errors_have_their_names(endpoint: str) -> None:
    async def program(sqs: Any) -> None:
        try:
            await sqs.get_queue_url(QueueName=unique_name("nowhere"))
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
        else:
            raise AssertionError("no error")

    run(endpoint, program)
