// Scenarios of kafkajs's producer: values, codecs, refusals, idempotence, transactions, logging in.
'use strict';

const { CompressionTypes } = require('kafkajs');
const { client, until, failure, value, values } = require('./bench');

module.exports = {
  async roundTrip(bench) {
    const topic = await bench.topic('t', 2);
    const producer = await bench.producer();
    const offsets = [];
    const send = async (partition, message, options = {}) => {
      const [sent] = await producer.send({ topic, messages: [{ partition, ...message }], ...options });
      offsets.push(sent?.baseOffset ?? null);
    };
    const binary = Buffer.from([0, 255, 128, 10]);
    await send(0, { key: 'k', value: 'text', headers: { one: '1', two: binary, many: ['a', 'b'] }, timestamp: '1234567890123' });
    await send(0, { value: 'zipped '.repeat(500) }, { compression: CompressionTypes.GZIP });
    await send(0, { key: 'gone', value: null });
    await send(0, { key: binary, value: '' });
    await send(1, { value: 'leader only' }, { acks: 1 });
    await send(1, { value: 'no acks' }, { acks: 0 });
    await send(1, { value: 'ümläut' });
    const records = await bench.read(topic, 7);
    const of = (partition) => records.filter((record) => record.partition === partition);
    const [first, zipped, tombstone, bytes] = of(0);
    return {
      offsets,
      first: {
        key: first.key.toString(), value: value(first), timestamp: first.timestamp,
        headers: {
          one: first.headers.one.toString(), two: first.headers.two.equals(binary),
          many: first.headers.many.map((one) => one.toString()),
        },
      },
      zipped: value(zipped) === 'zipped '.repeat(500),
      tombstone: [tombstone.key.toString(), value(tombstone)],
      bytes: [bytes.key.equals(binary), bytes.value.length],
      other: of(1).map(value),
      readOffsets: of(0).map((record) => record.offset),
    };
  },

  async autoCreated(bench) {
    const topic = bench.name('t');
    const producer = await bench.producer();
    await producer.send({ topic, messages: [{ value: 'first' }] });
    const forbidden = bench.name('never');
    const strict = await bench.producer({ allowAutoTopicCreation: false, retry: { retries: 1 } });
    const refused = await failure(strict.send({ topic: forbidden, messages: [{ value: 'x' }] }));
    const admin = await bench.admin();
    return {
      records: (await bench.read(topic, 1)).map(value),
      refused,
      made: (await admin.listTopics()).includes(forbidden),
    };
  },

  async refusedRecords(bench) {
    const small = await bench.topic('small', 1, [{ name: 'max.message.bytes', value: '1000' }]);
    const compacted = await bench.topic('compacted', 1, [{ name: 'cleanup.policy', value: 'compact' }]);
    const producer = await bench.producer({ retry: { retries: 1 } });
    const large = await failure(producer.send({ topic: small, messages: [{ value: 'x'.repeat(2000) }] }));
    const keyless = await failure(producer.send({ topic: compacted, messages: [{ value: 'x' }] }));
    await producer.send({ topic: compacted, messages: [{ key: 'k', value: 'kept' }] });
    return { large, keyless, kept: (await bench.read(compacted, 1)).map(value) };
  },

  async idempotent(bench) {
    const topic = await bench.topic('t');
    const producer = await bench.producer({ idempotent: true, maxInFlightRequests: 1 });
    const offsets = [];
    for (let round = 0; round < 3; round++) {
      const [sent] = await producer.send({ topic, messages: values(3, `r${round}-`) });
      offsets.push(sent.baseOffset);
    }
    return { offsets, records: (await bench.read(topic, 9)).map(value) };
  },

  async transactions(bench) {
    const topic = await bench.topic('t');
    const other = await bench.topic('other');
    const input = await bench.topic('input');
    const groupId = bench.name('g');
    const producer = await bench.producer({ transactionalId: bench.name('tx'), idempotent: true, maxInFlightRequests: 1 });
    const write = async (text, offset) => {
      const transaction = await producer.transaction();
      await transaction.send({ topic, messages: [{ value: text }] });
      await transaction.send({ topic: other, messages: [{ value: `${text} too` }] });
      await transaction.sendOffsets({
        consumerGroupId: groupId,
        topics: [{ topic: input, partitions: [{ partition: 0, offset }] }],
      });
      return transaction;
    };
    const offset = async () => (await bench.committed(groupId, input))[0].offset;
    const aborted = await write('aborted', '5');
    await aborted.abort();
    const afterAbort = await offset();
    await (await write('committed', '7')).commit();
    const afterCommit = await offset();
    const plain = await bench.producer();
    await plain.send({ topic, messages: [{ value: 'plain' }] });
    return {
      afterAbort, afterCommit,
      committed: (await bench.read(topic, 2)).map(value),
      uncommitted: (await bench.read(topic, 3, { readUncommitted: true })).map(value),
      other: (await bench.read(other, 1)).map(value),
      ended: [aborted.isActive(), await failure(aborted.send({ topic, messages: [{ value: 'late' }] }))],
    };
  },

  async openTransactionHidesWhatFollows(bench) {
    const topic = await bench.topic('t');
    const producer = await bench.producer({ transactionalId: bench.name('tx'), idempotent: true, maxInFlightRequests: 1 });
    const plain = await bench.producer();
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ value: 'inside' }] });
    await plain.send({ topic, messages: [{ value: 'after' }] });
    const seen = { committed: [], uncommitted: [] };
    const start = async (readUncommitted, list) => {
      const consumer = await bench.consumer(bench.name(String(readUncommitted)), { readUncommitted });
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ eachMessage: async ({ message }) => void list.push(value(message)) });
      return consumer;
    };
    const committed = await start(false, seen.committed);
    let fetches = 0;
    committed.on(committed.events.FETCH, () => fetches++);
    await start(true, seen.uncommitted);
    await until(() => seen.uncommitted.length === 2 && fetches >= 2, 'one reader sees both, the other fetched twice');
    const whileOpen = [...seen.committed];
    await transaction.commit();
    await until(() => seen.committed.length === 2, 'both readers see both');
    return { whileOpen, ...seen };
  },

  async newestFencesOlder(bench) {
    const topic = await bench.topic('t');
    const options = { transactionalId: bench.name('tx'), idempotent: true, maxInFlightRequests: 1, retry: { retries: 1 } };
    const older = await bench.producer(options);
    const first = await older.transaction();
    await first.send({ topic, messages: [{ value: 'of the older' }] });
    const newer = await bench.producer(options);
    const second = await newer.transaction();
    await second.send({ topic, messages: [{ value: 'of the newer' }] });
    const refused = (await failure(first.commit())).length;
    await second.commit();
    return { refused, records: (await bench.read(topic, 1)).map(value) };
  },

  async deletedTopic(bench) {
    const topic = await bench.topic('t');
    const admin = await bench.admin();
    const producer = await bench.producer();
    await producer.send({ topic, messages: values(3) });
    await admin.deleteTopics({ topics: [topic] });
    await until(async () => !(await admin.listTopics()).includes(topic), 'it is gone');
    await bench.topic('t');
    await producer.send({ topic, messages: [{ value: 'new' }] });
    const [sent] = await bench.read(topic, 1);
    return { offset: sent.offset, value: value(sent) };
  },

  // Only where users have to log in: KAFKA_USER, KAFKA_PASSWORD.
  async sasl(bench) {
    const topic = bench.name('t');
    const outcome = {};
    const tried = { username: process.env.KAFKA_USER, password: process.env.KAFKA_PASSWORD };
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512']) {
      for (const [what, sasl] of [['right', tried], ['wrong', { ...tried, password: 'wrong' }]]) {
        bench.kafka = client({ sasl: { mechanism, ...sasl }, retry: { retries: 0 } });
        const producer = bench.kafka.producer({ retry: { retries: 3, initialRetryTime: 50 } });
        bench.open.push(producer);
        outcome[`${mechanism} ${what}`] = await failure(
          (async () => {
            await producer.connect();
            await producer.send({ topic, messages: [{ value: mechanism }] });
          })(),
        );
      }
    }
    bench.kafka = client({ retry: { retries: 0 } });
    outcome.anonymous = (await failure(bench.admin().then((admin) => admin.listTopics()))).length;
    bench.kafka = client({ sasl: { mechanism: 'plain', ...tried } });
    outcome.records = (await bench.read(topic, 3)).map(value);
    return outcome;
  },
};
