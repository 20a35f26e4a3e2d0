"""RabbitMQ's protocol, with pika: publish one message, get it, acknowledge it."""

import pika

connection = pika.BlockingConnection(pika.URLParameters("amqp://guest:guest@localhost:5672/%2F"))
channel = connection.channel()
channel.queue_declare("orders", durable=True)
channel.confirm_delivery()  # returns when the message is synced to disk
channel.basic_publish("", "orders", b'{"id": 1}', pika.BasicProperties(delivery_mode=2))
method, properties, body = channel.basic_get("orders")
print(body)
channel.basic_ack(method.delivery_tag)
