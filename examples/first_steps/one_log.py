"""One name is one log: published by AMQP, read by Kafka, worked on by an SQS poller, read again."""

import boto3
import pika
from confluent_kafka import Consumer, TopicPartition

with pika.BlockingConnection(pika.URLParameters("amqp://guest:guest@localhost:5672/%2F")) as connection:
    channel = connection.channel()
    channel.queue_declare("parcels", durable=True)
    channel.confirm_delivery()
    for number in (1, 2):
        properties = pika.BasicProperties(delivery_mode=2, headers={"town": "Kiel"})
        channel.basic_publish("", "parcels", f"parcel {number}".encode(), properties)

# A reader sees the log itself, from whatever place, and takes nothing from anybody.
consumer = Consumer({"bootstrap.servers": "localhost:9092", "group.id": "audit", "enable.auto.commit": False})
consumer.assign([TopicPartition("parcels", 0, 0)])
for _ in (1, 2):
    record = consumer.poll(10)
    print("read", record.value().decode(), "with", record.headers())

# A worker takes them, with any protocol that has acknowledgements. What it has deleted, no other worker gets.
sqs = boto3.client(
    "sqs",
    endpoint_url="http://127.0.0.1:4566",
    region_name="us-east-1",
    aws_access_key_id="any",
    aws_secret_access_key="any",
)
url = sqs.get_queue_url(QueueName="parcels")["QueueUrl"]
received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"])
for message in received["Messages"]:
    town = message["MessageAttributes"]["town"]["StringValue"]
    print("worked on", message["Body"], "for", town)
    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

# The queue is empty now, the log is not.
consumer.assign([TopicPartition("parcels", 0, 0)])
print("still there:", consumer.poll(10).value().decode())
consumer.close()
