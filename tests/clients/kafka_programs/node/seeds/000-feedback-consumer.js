   const { Kafka } = require('kafkajs');

const kafka = new Kafka({
  clientId: 'feedback-consumer',
  brokers: ['kafka-broker1:9092', 'kafka-broker2:9092']
});

const consumer = kafka.consumer({ groupId: 'feedback-group' });

async function startConsumer() {
  await consumer.connect();
  await consumer.subscribe({ topic: 'feedback-topic', fromBeginning: false });

  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const payload = JSON.parse(message.value.toString());
      console.log(`Received message:`, payload);

      // Call backend service logic
      await processFeedback(payload);
    }
  });
}

startConsumer();
