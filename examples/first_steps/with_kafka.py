"""Kafka's protocol, with confluent-kafka: produce one record, read it as a member of a group."""

from confluent_kafka import Consumer, Producer

producer = Producer({"bootstrap.servers": "localhost:9092"})
producer.produce("orders", key="7", value='{"id": 2}')
producer.flush()  # returns when the record is synced to disk

consumer = Consumer(
    {"bootstrap.servers": "localhost:9092", "group.id": "audit", "auto.offset.reset": "earliest"}
)
consumer.subscribe(["orders"])
record = consumer.poll(10)
print(record.key(), record.value())
consumer.close()
