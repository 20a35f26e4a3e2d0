"""A test with the broker in its own process: fixtures of the pytest plugin, and time that passes at once."""

import boto3


def test_a_message_that_nobody_deletes_comes_back(onemq, onemq_clock):
    sqs = boto3.client("sqs", **onemq.aws_options)  # or onemq.amqp_url, onemq.kafka_bootstrap
    url = sqs.create_queue(QueueName="orders")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    sqs.receive_message(QueueUrl=url, VisibilityTimeout=43_200)
    onemq_clock.advance(43_200)  # twelve hours pass at once
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == "hello"
