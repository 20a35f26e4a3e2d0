// Scenarios of kafkajs's consumer: groups, batches, positions, commits.
'use strict';

const { until, value, values } = require('./bench');

module.exports = {
  async fromBeginningOrEnd(bench) {
    const topic = await bench.topic('t');
    const producer = await bench.producer();
    await producer.send({ topic, messages: [{ value: 'early' }] });
    const seen = { beginning: [], end: [] };
    let fetched = false;
    for (const [key, fromBeginning] of [['beginning', true], ['end', false]]) {
      const consumer = await bench.consumer(bench.name(key));
      if (!fromBeginning) consumer.on(consumer.events.FETCH, () => (fetched = true));
      await consumer.subscribe({ topic, fromBeginning });
      await consumer.run({ eachMessage: async ({ message }) => void seen[key].push(value(message)) });
    }
    await until(() => fetched, 'the reader at the end has its position');
    await producer.send({ topic, messages: [{ value: 'late' }] });
    await until(() => seen.beginning.length === 2 && seen.end.length === 1, 'both saw the late one');
    return seen;
  },

  async subscribedByPattern(bench) {
    const one = await bench.topic('pattern-one');
    const two = await bench.topic('pattern-two');
    const producer = await bench.producer();
    await producer.sendBatch({
      topicMessages: [{ topic: one, messages: [{ value: '1' }] }, { topic: two, messages: [{ value: '2' }] }],
    });
    const consumer = await bench.consumer(bench.name('g'));
    const seen = [];
    await consumer.subscribe({ topic: new RegExp(`${bench.name('pattern-')}.*`), fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(value(message)) });
    await until(() => seen.length === 2, 'both topics');
    return { seen: seen.sort() };
  },

  async eachBatch(bench) {
    const topic = await bench.topic('t');
    const groupId = bench.name('g');
    const producer = await bench.producer();
    await producer.send({ topic, messages: values(10) });
    const consumer = await bench.consumer(groupId);
    const batches = [];
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset, heartbeat, commitOffsetsIfNecessary, uncommittedOffsets }) => {
        const pending = [];
        for (const message of batch.messages.slice(0, 4)) {
          resolveOffset(message.offset);
          await heartbeat();
        }
        pending.push(...uncommittedOffsets().topics.flatMap((one) => one.partitions.map((p) => p.offset)));
        await commitOffsetsIfNecessary(uncommittedOffsets());
        batches.push([batch.firstOffset(), batch.lastOffset(), batch.highWatermark, pending[0]]);
      },
    });
    await until(() => batches.length === 3, 'three batches');
    await until(async () => (await bench.committed(groupId, topic))[0].offset === '10', 'all resolved and committed');
    return { batches: batches.slice(0, 3) };
  },

  async rebalanceUnderLoad(bench) {
    const topic = await bench.topic('t', 6);
    const groupId = bench.name('g');
    const producer = await bench.producer();
    const seen = new Map();
    const by = { a: 0, b: 0 };
    const lastOf = new Map();
    let outOfOrder = 0;
    let total = 0;
    const start = async (member) => {
      const consumer = await bench.consumer(groupId, { sessionTimeout: 10000, rebalanceTimeout: 10000 });
      const assigned = [];
      consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
        assigned.splice(0, assigned.length, ...(payload.memberAssignment[topic] ?? []));
      });
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        autoCommitThreshold: 10,
        partitionsConsumedConcurrently: 3,
        eachMessage: async ({ message }) => {
          const number = Number(value(message));
          const key = message.key.toString();
          if (number > (lastOf.get(key) ?? -1) + 6) outOfOrder++; // a key's numbers are six apart
          lastOf.set(key, Math.max(number, lastOf.get(key) ?? -1));
          seen.set(number, (seen.get(number) ?? 0) + 1);
          by[member]++;
        },
      });
      return { consumer, assigned };
    };
    let feeding = true;
    const feed = (async () => {
      while (feeding) {
        const messages = Array.from({ length: 12 }, (_, index) => {
          const number = total + index;
          return { key: `k${number % 6}`, value: String(number), partition: number % 6 };
        });
        await producer.send({ topic, messages });
        total += 12;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    })();
    for (let key = 0; key < 6; key++) lastOf.set(`k${key}`, key - 6);
    const a = await start('a');
    await until(() => seen.size > 60, 'the first member consumes');
    const alone = a.assigned.length;
    const b = await start('b');
    await until(() => a.assigned.length === 3 && b.assigned.length === 3, 'the partitions are shared');
    const before = { ...by };
    await until(() => by.a > before.a + 20 && by.b > before.b + 20, 'both members consume');
    await a.consumer.disconnect();
    await until(() => b.assigned.length === 6, 'the second member has all');
    feeding = false;
    await feed;
    await until(() => seen.size === total, 'every record was consumed');
    return { alone, outOfOrder, missing: total - seen.size };
  },

  async pauseResume(bench) {
    const topic = await bench.topic('t', 2);
    const producer = await bench.producer();
    const send = (text) => producer.send({ topic, messages: [0, 1].map((partition) => ({ partition, value: `${text}${partition}` })) });
    const consumer = await bench.consumer(bench.name('g'));
    const seen = [];
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(value(message)) });
    await send('a');
    await until(() => seen.length === 2, 'the first two');
    consumer.pause([{ topic, partitions: [1] }]);
    const paused = consumer.paused().map((one) => one.partitions);
    await send('b');
    await send('c');
    await until(() => seen.length === 4, 'the partition that is not paused');
    const whilePaused = seen.slice(2);
    consumer.resume([{ topic, partitions: [1] }]);
    await until(() => seen.length === 6, 'the rest');
    return { paused, whilePaused, rest: seen.slice(4) };
  },

  async seek(bench) {
    const topic = await bench.topic('t');
    const producer = await bench.producer();
    await producer.send({ topic, messages: values(5) });
    const consumer = await bench.consumer(bench.name('g'));
    const seen = [];
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({ eachMessage: async ({ message }) => void seen.push(value(message)) });
    await until(() => seen.length === 5, 'all');
    consumer.seek({ topic, partition: 0, offset: '3' });
    await until(() => seen.length === 7, 'the last two again');
    consumer.seek({ topic, partition: 0, offset: '1000' }); // out of range: to the beginning, as subscribed
    await until(() => seen.length === 12, 'all again');
    return { again: seen.slice(5) };
  },

  async manualCommit(bench) {
    const topic = await bench.topic('t');
    const groupId = bench.name('g');
    const producer = await bench.producer();
    await producer.send({ topic, messages: values(4) });
    const read = async (count, commit) => {
      const consumer = await bench.consumer(groupId);
      const seen = [];
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => void seen.push(value(message)) });
      await until(() => seen.length >= count, `${count} records`);
      if (commit) await consumer.commitOffsets([{ topic, partition: 0, offset: commit, metadata: 'by hand' }]);
      await consumer.disconnect();
      return seen;
    };
    const first = await read(4, null);
    const second = await read(4, '3');
    const committed = await bench.committed(groupId, topic);
    return { first, second, committed, third: await read(1, null) };
  },
};
