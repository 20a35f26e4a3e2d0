const { Kafka } = require("kafkajs");

async function kafkaExample() {
  const kafka = new Kafka({ clientId: "my-app", brokers: ["localhost:9092"] });

  // Producer setup
  const producer = kafka.producer();
  await producer.connect();
  await producer.send({
    topic: "user-events",
    messages: [{ value: "New user sign-up: John Doe" }],
  });
  console.log("Message sent to Kafka");

  // Consumer setup
  const consumer = kafka.consumer({ groupId: "user-group" });
  await consumer.connect();
  await consumer.subscribe({ topic: "user-events", fromBeginning: true });

  await consumer.run({
    eachMessage: async ({ message }) => {
      console.log(`Received: ${message.value.toString()}`);
    },
  });
}

kafkaExample();
