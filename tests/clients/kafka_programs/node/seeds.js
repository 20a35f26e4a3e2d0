// node seeds.js: runs the seeds' programs, as their text stands, against the broker at KAFKA_BOOTSTRAP and prints for each
// one line `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`. A text is wrapped in a function
// whose parameters are `require`, `console` and the names it uses without defining them; the `Kafka` it gets connects to the
// broker under test wherever the text names another.
'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');
const kafkajs = require('kafkajs');

const WITHIN_MS = 25000;
const SEEDS = path.join(__dirname, 'seeds');
const ALSO_RABBITMQ = path.join(__dirname, '..', '..', 'node', 'seeds');
const TOPICS = ['feedback-topic', 'orders', 'user-events'];
const GROUPS = ['feedback-group', 'payment-service', 'user-group'];
const OURS = { brokers: [process.env.KAFKA_BOOTSTRAP], logLevel: kafkajs.logLevel.NOTHING };

// What one seed opens, and whether its consumer has its position.
class Opened {
  constructor() {
    this.all = [];
    this.fetches = 0;
  }

  require(name) {
    if (name === 'amqplib') return {}; // one text shows Kafka beside RabbitMQ
    if (name !== 'kafkajs') throw new Error(`a seed requires ${name}`);
    const opened = this;
    class Kafka extends kafkajs.Kafka {
      constructor(config) {
        if (!config.brokers.every((broker) => broker.endsWith(':9092'))) throw new Error('a seed connects elsewhere');
        super({ ...config, ...OURS });
      }

      producer(options) {
        const producer = super.producer(options);
        opened.all.push(producer);
        return producer;
      }

      consumer(options) {
        const consumer = super.consumer(options);
        consumer.on(consumer.events.FETCH, () => opened.fetches++);
        opened.all.push(consumer);
        return consumer;
      }
    }
    return { ...kafkajs, Kafka };
  }

  async close() {
    for (const one of this.all.splice(0)) await one.disconnect();
  }

  // Runs seed texts as one program. `names` supplies what they use without defining; `wanted` lists functions they define
  // and that the scenario calls: they are returned as an object.
  run(files, names = {}, wanted = []) {
    const text = files.map((file) => fs.readFileSync(file, 'utf8')).join('\n');
    const supplied = { require: (name) => this.require(name), console, ...names };
    const wrapped = `(function (${Object.keys(supplied).join(', ')}) {${text}\n;return { ${wanted.join(', ')} };})`;
    return vm.runInThisContext(wrapped, { filename: files[0] })(...Object.values(supplied));
  }
}

async function until(condition, what) {
  const deadline = Date.now() + WITHIN_MS;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function recording(lines) {
  return { log: (...parts) => lines.push(parts.map((one) => (typeof one === 'string' ? one : JSON.stringify(one))).join(' ')) };
}

async function create(admin, topic, numPartitions) {
  await admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: false });
  const known = () => admin.fetchTopicMetadata({ topics: [topic] }).then(() => true, () => false);
  await until(known, `${topic} is there`);
}

const scenarios = {
  async feedback(opened, { admin, producer }) {
    const topic = 'feedback-topic';
    await create(admin, topic, 2);
    const payload = (rating) => ({ userId: 'u', rating, comment: 'c', timestamp: 1 });
    await producer.send({ topic, messages: [{ value: JSON.stringify(payload(0)) }] }); // before the consumer starts: not for it
    const said = [];
    const created = [];
    const FeedbackModel = { create: async (document) => created.push(document) };
    const files = ['000-feedback-consumer.js', '000-process-feedback.js'].map((file) => path.join(SEEDS, file));
    opened.run(files, { console: recording(said), FeedbackModel });
    await until(() => opened.fetches > 0, 'the consumer has its position');
    for (const rating of [4, 5]) {
      await producer.send({ topic, messages: [{ value: JSON.stringify(payload(rating)), partition: 0 }] });
    }
    await until(() => created.length === 2, 'two feedbacks');
    return { said, ratings: created.map((document) => document.rating) };
  },

  async orders(opened, { admin }) {
    await create(admin, 'orders', 3);
    const said = [];
    const names = { console: recording(said), sendEmail: () => {}, setTimeout: (callback) => setTimeout(callback, 10) };
    const file = path.join(ALSO_RABBITMQ, '002-orders-and-events.js');
    const seed = opened.run([file], names, ['publishOrderEvent', 'consumeOrderEvents']);
    await seed.consumeOrderEvents();
    await until(() => opened.fetches > 0, 'the consumer has its position');
    for (const id of ['1', '2', '3', '1']) await seed.publishOrderEvent({ id, amount: 10 });
    // At least once: a payment may come again.
    await until(() => new Set(said).size === 3 && said.filter((line) => line.endsWith(' 1')).length >= 2, 'four payments');
    const sum = (offsets) => offsets.reduce((total, { offset }) => total + Math.max(Number(offset), 0), 0);
    const behind = async () => {
      const [{ partitions }] = await admin.fetchOffsets({ groupId: 'payment-service', topics: ['orders'] });
      return sum(await admin.fetchTopicOffsets('orders')) - sum(partitions);
    };
    // It says that it pays before it has paid, and commits after that: closed in between, the last one is left for the next consumer.
    await until(async () => (await behind()) === 0, 'the last payment is committed');
    await opened.close();
    return { said: [...new Set(said)].sort(), behind: await behind() };
  },

  async userEvents(opened) {
    const said = [];
    opened.run([path.join(SEEDS, '003-user-events.js')], { console: recording(said) });
    await until(() => said.length === 2, 'it sent and received');
    return { said };
  },
};

async function forget(admin) {
  const ignored = () => {};
  await admin.deleteGroups(GROUPS).catch(ignored);
  await admin.deleteTopics({ topics: TOPICS }).catch(ignored);
  await until(async () => !(await admin.listTopics()).some((topic) => TOPICS.includes(topic)), 'the topics are gone');
}

async function main() {
  const kafka = new kafkajs.Kafka({ clientId: 'seeds', retry: { initialRetryTime: 50, retries: 5 }, ...OURS });
  const admin = kafka.admin({ retry: { retries: 0 } });
  const producer = kafka.producer();
  await admin.connect();
  await producer.connect();
  await forget(admin); // the seeds' names are fixed
  await Promise.all(
    Object.entries(scenarios).map(async ([scenario, run]) => {
      const opened = new Opened();
      try {
        console.log('RESULT ' + JSON.stringify({ scenario, result: await run(opened, { admin, producer }) }));
      } catch (error) {
        console.log('RESULT ' + JSON.stringify({ scenario, error: error.stack }));
      } finally {
        await opened.close();
      }
    }),
  );
  await forget(admin);
  await producer.disconnect();
  await admin.disconnect();
}

main().then(
  () => process.exit(0),
  (error) => {
    console.error(error);
    process.exit(1);
  },
);
