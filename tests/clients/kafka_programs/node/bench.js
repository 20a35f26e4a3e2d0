// What a scenario opens and waits with. It knows kafkajs and the broker at KAFKA_BOOTSTRAP, no scenario.
'use strict';

const { Kafka, logLevel } = require('kafkajs');

const WITHIN_MS = 25000;
const RUN = Math.random().toString(36).slice(2, 8);
const BROKERS = [process.env.KAFKA_BOOTSTRAP];

function client(options = {}) {
  return new Kafka({
    clientId: 'onemq-kafkajs',
    brokers: BROKERS,
    logLevel: logLevel.NOTHING,
    retry: { initialRetryTime: 50, maxRetryTime: 1000, retries: 8 },
    ...options,
  });
}

async function until(condition, what) {
  const deadline = Date.now() + WITHIN_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// A broker of several machines may not know everywhere yet what was made a moment ago, or may be about to load a group.
async function patiently(attempt) {
  const passing = ['UNKNOWN_TOPIC_OR_PARTITION', 'GROUP_LOAD_IN_PROGRESS', 'NOT_COORDINATOR_FOR_GROUP'];
  const deadline = Date.now() + WITHIN_MS;
  for (;;) {
    try {
      return await attempt();
    } catch (error) {
      if (!errorTypes(error).every((type) => passing.includes(type)) || Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

// What one scenario opens; all of it is disconnected when the scenario ends.
class Bench {
  constructor(scenario) {
    this.scenario = scenario;
    this.kafka = client();
    this.open = [];
  }

  name(suffix) {
    return `kafkajs-${RUN}-${this.scenario}-${suffix}`;
  }

  async keep(connectable) {
    this.open.push(connectable);
    await connectable.connect();
    return connectable;
  }

  admin() {
    this.theAdmin ||= this.keep(this.kafka.admin());
    return this.theAdmin;
  }

  // An admin client that tells a refusal at once.
  async hasty(what) {
    const admin = await this.keep(this.kafka.admin({ retry: { retries: 1, initialRetryTime: 50 } }));
    return failure(what(admin));
  }

  producer(options) {
    return this.keep(this.kafka.producer(options));
  }

  consumer(groupId, options = {}) {
    return this.keep(this.kafka.consumer({ groupId, maxWaitTimeInMs: 100, heartbeatInterval: 200, ...options }));
  }

  async topic(suffix, partitions = 1, configEntries = []) {
    const topic = this.name(suffix);
    const admin = await this.admin();
    await admin.createTopics({ topics: [{ topic, numPartitions: partitions, configEntries }], waitForLeaders: false });
    const known = () => patiently(() => admin.fetchTopicMetadata({ topics: [topic] }));
    await until(async () => (await known()).topics[0].partitions.length === partitions, `${topic} is there`);
    return topic;
  }

  // All records of a topic, by a group of its own; `count` ends the waiting.
  async read(topic, count, options = {}) {
    const consumer = await this.consumer(this.name(`reader-${Math.random()}`), options);
    const records = [];
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: async ({ partition, message }) => {
        records.push({ partition, ...message });
      },
    });
    await until(() => records.length >= count, `${count} records of ${topic}`);
    await consumer.disconnect();
    return records;
  }

  async committed(groupId, topic) {
    const admin = await this.admin();
    const [found] = await patiently(() => admin.fetchOffsets({ groupId, topics: [topic] }));
    return found.partitions.sort((a, b) => a.partition - b.partition);
  }

  async close() {
    for (const connectable of this.open.reverse()) await connectable.disconnect().catch(() => {});
  }
}

// The types of the errors in what kafkajs throws, which may hold several or be wrapped in others.
function errorTypes(error) {
  if (error.errors) return error.errors.flatMap(errorTypes);
  if (error.groups) return error.groups.map((group) => group.error?.type ?? group.errorCode);
  if (error.cause) return errorTypes(error.cause);
  if (error.partitions) return error.partitions.flatMap((one) => errorTypes(one.error));
  return [error.type ?? error.originalError?.type ?? error.message];
}

async function failure(promise) {
  try {
    await promise;
  } catch (error) {
    return errorTypes(error);
  }
  return [];
}

const value = (record) => (record.value === null ? null : record.value.toString());
const values = (count, prefix = 'm') => Array.from({ length: count }, (_, number) => ({ value: `${prefix}${number}` }));

module.exports = { Bench, client, until, patiently, failure, value, values };
