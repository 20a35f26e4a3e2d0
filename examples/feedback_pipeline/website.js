// The website's server: sends what users say to Kafka. `node website.js 1000` sends that many, and one that is broken.
const { setTimeout: delay } = require("node:timers/promises");
const { Kafka, CompressionTypes, Partitioners, logLevel } = require("kafkajs");

const TOPIC = "feedback-topic";
const BATCH = 25;
const BATCH_EVERY_MS = 10;

const kafka = new Kafka({
  clientId: "website",
  brokers: (process.env.KAFKA_BOOTSTRAP_SERVERS ?? "127.0.0.1:9092").split(","),
  logLevel: logLevel.WARN,
});
// Idempotent: a batch whose answer got lost is sent again, and stored once.
const producer = kafka.producer({
  idempotent: true,
  maxInFlightRequests: 1,
  createPartitioner: Partitioners.DefaultPartitioner,
});

const feedback = (number) => ({
  userId: `user-${number % 50}`,
  rating: 1 + (number % 5),
  comment: `Feedback number ${number}`,
  timestamp: new Date().toISOString(),
});

async function main(count) {
  await producer.connect();
  for (let first = 0; first < count; first += BATCH) {
    const numbers = Array.from({ length: Math.min(BATCH, count - first) }, (_, index) => first + index);
    const messages = numbers.map(feedback).map((said) => ({ key: said.userId, value: JSON.stringify(said) }));
    await producer.send({ topic: TOPIC, acks: -1, compression: CompressionTypes.GZIP, messages });
    await delay(BATCH_EVERY_MS);
  }
  await producer.send({ topic: TOPIC, acks: -1, messages: [{ key: "user-0", value: '{"rating": 11}' }] });
  await producer.disconnect();
}

main(Number(process.argv[2] ?? 1000)).catch((error) => {
  console.error(error);
  process.exit(1);
});
