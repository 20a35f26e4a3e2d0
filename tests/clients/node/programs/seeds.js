// node seeds.js SCENARIO...: runs seed programs one after the other, for they share names, against the broker at AMQP_URL and prints for
// each one line `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`.
'use strict';

const amqp = require('amqplib');
const { runSeed, RecordingConsole, until, closeOpened } = require('./seed_loader');

const QUEUES = ['task_queue', 'orders', 'order_queue', 'dead_letter_queue', 'priority_queue'];

// The seeds' names are fixed, so each scenario starts and ends without them.
async function clean(connection) {
  const channel = await connection.createChannel();
  for (const queue of QUEUES) await channel.deleteQueue(queue);
  await channel.deleteExchange('events');
  await channel.close();
}

async function left(connection, queue) {
  const channel = await connection.createChannel();
  // RabbitMQ may notice a closed connection before the acks sent on it; a get waits its turn behind them.
  const ready = await channel.get(queue);
  if (ready) channel.nack(ready);
  await closeOpened(); // whatever was not acknowledged returns to its queue
  const { messageCount } = await channel.checkQueue(queue);
  await channel.close();
  return messageCount;
}

const scenarios = {
  async taskQueue(connection) {
    const said = new RecordingConsole();
    const channel = await connection.createChannel();
    await channel.assertQueue('task_queue', { durable: true });
    channel.sendToQueue('task_queue', Buffer.from('before'));
    runSeed('000-task-queue.js', { console: said });
    channel.sendToQueue('task_queue', Buffer.from('after'));
    await said.saw(2, /^Received:/);
    return { said: said.lines, left: await left(connection, 'task_queue') };
  },

  async orders(connection) {
    const said = new RecordingConsole();
    const fails = new Set([2]);
    const processed = [];
    const names = {
      console: {
        log: (...parts) => {
          said.log(...parts);
          const started = /^Processing payment for order (\d+)/.exec(parts[0]);
          if (started && fails.delete(Number(started[1]))) throw new Error('the payment failed');
          const done = /^Order (\d+) processed/.exec(parts[0]);
          if (done) processed.push(Number(done[1]));
        },
        error: (...parts) => said.error(...parts),
      },
      setTimeout: (callback) => setTimeout(callback, 100), // a payment takes a tenth of the seed's second
      sendEmail: () => {},
    };
    const seed = runSeed('002-orders-and-events.js', names, ['publishOrder', 'consumeOrders']);
    for (const id of [1, 2, 3]) await seed.publishOrder({ id, amount: id * 10 });
    const watch = await connection.createChannel();
    await until(async () => (await watch.checkQueue('orders')).messageCount === 3, 'three orders');
    await seed.consumeOrders();
    await said.saw(1, /^Processing payment for order 1/);
    await until(async () => (await watch.checkQueue('orders')).messageCount === 2, 'prefetch(1) leaves two');
    await until(() => processed.length === 3, 'three orders processed');
    return { said: said.lines, processed, left: await left(connection, 'orders') };
  },

  async events() {
    const mails = [];
    const texts = [];
    const email = runSeed('002-orders-and-events.js', { sendEmail: (event) => mails.push(event) }, [
      'subscribeToEvents',
    ]);
    const sms = runSeed('002-orders-and-events.js', { sendEmail: (event) => texts.push(event) }, [
      'subscribeToEvents',
      'publishEvent',
    ]);
    await email.subscribeToEvents();
    await sms.subscribeToEvents();
    for (const type of ['created', 'paid']) await sms.publishEvent({ type });
    await until(() => mails.length === 2 && texts.length === 2, 'both services saw both events');
    return { mails, texts };
  },

  async messageFailures(connection) {
    const channel = await connection.createConfirmChannel();
    const queue = 'orders';
    await channel.assertQueue(queue, { durable: true });
    await channel.prefetch(1);
    const handled = [];
    // The block registers the wrong and the right consumer on one queue; the broker gives to both in turns. It fails
    // once in each worker that can take it, which only the second one survives, so only asynchronous failures are used.
    let failures = 2;
    const processOrder = async (msg) => {
      if (msg.content.toString() === 'bad' && failures-- > 0) throw new Error('the order failed');
      handled.push(msg.content.toString());
    };
    const unawaited = () => {}; // what the wrong consumer does not await
    process.on('unhandledRejection', unawaited);
    runSeed('002-message-failures.js', { channel, queue, processOrder });
    await channel.checkQueue(queue); // both consumers have been answered when this is
    for (const body of ['a', 'b', 'c', 'd']) channel.sendToQueue(queue, Buffer.from(body));
    await channel.waitForConfirms();
    await until(() => handled.length === 4, 'all orders handled');
    await channel.close();
    process.off('unhandledRejection', unawaited);
    return { handled: handled.sort(), left: await left(connection, queue) };
  },

  async idempotency(connection) {
    const channel = await connection.createConfirmChannel();
    const queue = 'orders';
    await channel.assertQueue(queue, { durable: true });
    const store = new Map();
    const redis = { get: async (key) => store.get(key), set: async (key, value) => store.set(key, value) };
    const payments = [];
    runSeed('002-idempotency.js', { channel, queue, redis, processPayment: async (order) => payments.push(order.id) });
    await channel.checkQueue(queue); // both consumers have been answered when this is
    for (const id of [1, 1, 2, 2]) channel.sendToQueue(queue, Buffer.from(JSON.stringify({ id })));
    await until(() => store.size === 2, 'each order once with the right consumer');
    // The wrong consumer never acknowledges: what it took returns when the channel closes.
    const wrong = payments.length - store.size;
    await until(async () => (await channel.checkQueue(queue)).messageCount === 0, 'all delivered');
    await channel.close();
    return { payments: payments.sort(), wrong, left: await left(connection, queue) };
  },

  async orderSentAndReceived(connection) {
    const said = new RecordingConsole();
    runSeed('003-orders.js', { console: said });
    runSeed('003-order-queue.js', { console: said });
    await said.saw(1, /^Order received:/);
    await said.saw(1, /^Processing order:/);
    await said.saw(2, /^Waiting for messages/);
    return {
      said: said.lines.sort(),
      left: (await left(connection, 'orders')) + (await left(connection, 'order_queue')),
    };
  },

  async callbackProducer(connection) {
    const said = new RecordingConsole();
    runSeed('003-callback-producer.js', { console: said });
    await said.saw(1, /^\[x\] Sent/);
    const channel = await connection.createChannel();
    await channel.assertQueue('order_queue', { durable: true });
    let message = false;
    await until(async () => (message = await channel.get('order_queue', { noAck: true })), 'the order');
    return { said: said.lines, body: message.content.toString(), redelivered: message.fields.redelivered };
  },

  async deadLetter(connection) {
    const channel = await connection.createConfirmChannel();
    runSeed('003-dead-letter.js', { channel });
    for (const body of ['good', 'bad']) channel.sendToQueue('task_queue', Buffer.from(body), { persistent: true });
    await channel.waitForConfirms();
    await channel.consume('task_queue', (msg) => {
      if (msg.content.toString() === 'good') channel.ack(msg);
      else channel.nack(msg, false, false);
    });
    let dead = false;
    await until(async () => (dead = await channel.get('dead_letter_queue', { noAck: true })), 'a dead letter');
    const more = await channel.get('dead_letter_queue', { noAck: true });
    const [death] = dead.properties.headers['x-death'];
    await channel.close();
    return {
      body: dead.content.toString(),
      more,
      death: { queue: death.queue, reason: death.reason, count: death.count, keys: death['routing-keys'] },
      left: await left(connection, 'task_queue'),
    };
  },

  async priority(connection) {
    const channel = await connection.createConfirmChannel();
    runSeed('003-priority.js', { channel });
    for (const priority of [1, 10, 5, 10, 3]) {
      channel.sendToQueue('priority_queue', Buffer.from(String(priority)), { priority });
    }
    channel.sendToQueue('priority_queue', Buffer.from('none'));
    await channel.waitForConfirms();
    const order = [];
    for (let number = 0; number < 6; number++) {
      order.push((await channel.get('priority_queue', { noAck: true })).content.toString());
    }
    return { order };
  },

  async durableQueue(connection) {
    const channel = await connection.createChannel();
    runSeed('003-durable-queue.js', { channel });
    const { messageCount } = await channel.assertQueue('task_queue', { durable: true });
    const other = await connection.createChannel();
    const refusal = new Promise((resolve) => other.on('error', (error) => resolve(error.message)));
    await other.assertQueue('task_queue', { durable: false }).catch(() => {});
    return { messageCount, refusal: await refusal };
  },
};

async function play(scenario) {
  const connection = await amqp.connect(process.env.AMQP_URL);
  await clean(connection);
  try {
    console.log('RESULT ' + JSON.stringify({ scenario, result: await scenarios[scenario](connection) }));
  } catch (error) {
    console.log('RESULT ' + JSON.stringify({ scenario, error: `${error.stack}` }));
  } finally {
    await closeOpened();
    await clean(connection);
    await connection.close();
  }
}

async function main() {
  for (const scenario of process.argv.slice(2)) await play(scenario);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
