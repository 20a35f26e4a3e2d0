"""One FastStream application on two protocols at once: a stream comes by Kafka, work goes out by AMQP."""
