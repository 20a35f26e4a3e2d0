// node features.js SCENARIO...: what amqplib offers beyond the seeds. Plays the scenarios at once against the broker at AMQP_URL and
// prints for each one line `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`.
'use strict';

const crypto = require('crypto');
const amqp = require('amqplib');
const callbackApi = require('amqplib/callback_api');
const { until } = require('./seed_loader');

const unique = (what) => `node-${what}-${crypto.randomBytes(5).toString('hex')}`;

async function getSoon(channel, queue, options = { noAck: true }) {
  let message = false;
  await until(async () => (message = await channel.get(queue, options)), `a message in ${queue}`);
  return message;
}

const scenarios = {
  async confirms(connection) {
    const channel = await connection.createConfirmChannel();
    const { queue } = await channel.assertQueue(unique('full'), {
      durable: true,
      autoDelete: false,
      maxLength: 3,
      overflow: 'reject-publish',
    });
    const outcomes = [];
    for (let number = 0; number < 5; number++) {
      channel.sendToQueue(queue, Buffer.from(String(number)), { persistent: true }, (error) =>
        outcomes.push(error ? 'nack' : 'ack'));
    }
    await channel.waitForConfirms().catch(() => {});
    await channel.deleteQueue(queue);
    return { outcomes };
  },

  async returns(connection) {
    const channel = await connection.createConfirmChannel();
    const events = [];
    channel.on('return', (msg) => events.push(`return ${msg.fields.replyCode} ${msg.fields.replyText}`));
    await new Promise((resolve) =>
      channel.publish('', unique('nowhere'), Buffer.from('m'), { mandatory: true }, (error) => {
        events.push(error ? 'nack' : 'ack');
        resolve();
      }));
    return { events };
  },

  async rpc(connection) {
    const server = await connection.createChannel();
    const client = await connection.createChannel();
    const { queue } = await server.assertQueue('', { exclusive: true });
    await server.consume(queue, (msg) => {
      server.sendToQueue(msg.properties.replyTo, Buffer.from(String(Number(msg.content) ** 2)), {
        correlationId: msg.properties.correlationId,
      });
      server.ack(msg);
    });
    const answers = {};
    await client.consume('amq.rabbitmq.reply-to', (msg) => {
      answers[msg.properties.correlationId] = msg.content.toString();
    }, { noAck: true });
    for (const number of [2, 3, 4]) {
      client.sendToQueue(queue, Buffer.from(String(number)), {
        replyTo: 'amq.rabbitmq.reply-to',
        correlationId: `square of ${number}`,
      });
    }
    await until(() => Object.keys(answers).length === 3, 'three answers');
    return { answers };
  },

  async cancelled(connection) {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue(unique('queue'), { durable: true });
    const received = [];
    await channel.consume(queue, (msg) => received.push(msg === null ? null : msg.content.toString()));
    channel.sendToQueue(queue, Buffer.from('m'));
    await until(() => received.length === 1, 'the message');
    await (await connection.createChannel()).deleteQueue(queue);
    await until(() => received.length === 2, 'the cancellation');
    return { received };
  },

  async errors(connection) {
    const codes = [];
    for (const provoke of [
      (channel) => channel.checkQueue(unique('missing')),
      (channel) => channel.bindQueue(unique('missing'), 'amq.direct', ''),
      (channel) => channel.assertExchange('amq.forbidden', 'direct'),
    ]) {
      const channel = await connection.createChannel();
      channel.on('error', (error) => codes.push(error.code));
      await provoke(channel).catch(() => {});
    }
    const channel = await connection.createChannel();
    channel.on('error', (error) => codes.push(`${error.code} ${/unknown delivery tag \d+/.exec(error.message)}`));
    channel.ack({ fields: { deliveryTag: 99 } });
    await until(() => codes.length === 4, 'four channel errors');
    await connection.createChannel();
    return { codes };
  },

  async values(connection) {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const headers = {
      bool: true, int: 5, negative: -70000, long: 2 ** 40, double: 1.5, text: 'é', none: null,
      list: [1, 'a', [null]], table: { a: { b: 1 } },
    };
    const properties = {
      contentType: 'a/b', contentEncoding: 'c', headers, deliveryMode: 2, priority: 4, correlationId: 'd',
      replyTo: 'e', expiration: '60000', messageId: 'f', timestamp: 1600000000, type: 'g', userId: 'guest', appId: 'h',
    };
    const body = crypto.randomBytes(3 * 1024 * 1024 + 1);
    channel.sendToQueue(queue, body, properties);
    channel.sendToQueue(queue, Buffer.alloc(0));
    const message = await getSoon(channel, queue);
    const empty = await getSoon(channel, queue);
    const received = Object.fromEntries(Object.keys(properties).map((key) => [key, message.properties[key]]));
    return { same: body.equals(message.content), sent: properties, received, empty: empty.content.length };
  },

  async heartbeat() {
    const connection = await amqp.connect(process.env.AMQP_URL, { timeout: 5000 });
    await connection.close();
    const url = new URL(process.env.AMQP_URL);
    url.searchParams.set('heartbeat', '1');
    const quiet = await amqp.connect(url.toString());
    let failure = null;
    quiet.on('error', (error) => (failure = String(error)));
    await new Promise((resolve) => setTimeout(resolve, 3500));
    const { queue } = await (await quiet.createChannel()).assertQueue('', { exclusive: true });
    await quiet.close();
    return { failure, named: queue.startsWith('amq.gen-') };
  },

  async smallestFrame() {
    const url = new URL(process.env.AMQP_URL);
    url.searchParams.set('frameMax', '4096'); // the default of amqplib before 0.10.7; RabbitMQ 4.1 refuses it
    const connection = await amqp.connect(url.toString());
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    const body = crypto.randomBytes(50000);
    channel.sendToQueue(queue, body);
    const message = await getSoon(channel, queue);
    await connection.close();
    return { same: body.equals(message.content) };
  },

  async callbackApi() {
    return new Promise((resolve, reject) => {
      callbackApi.connect(process.env.AMQP_URL, (error, connection) => {
        if (error) return reject(error);
        connection.createChannel((failure, channel) => {
          if (failure) return reject(failure);
          channel.assertQueue('', { exclusive: true }, (_problem, { queue }) => {
            channel.consume(queue, (msg) => {
              channel.ack(msg);
              connection.close(() => resolve({ body: msg.content.toString() }));
            });
            channel.sendToQueue(queue, Buffer.from('called back'));
          });
        });
      });
    });
  },

  async wrongPassword() {
    const url = new URL(process.env.AMQP_URL);
    url.password = 'wrong';
    return amqp.connect(url.toString()).then(
      () => ({ message: 'connected' }),
      (error) => ({ message: error.message }),
    );
  },

  async recoverAndNackAll(connection) {
    const channel = await connection.createChannel();
    const { queue } = await channel.assertQueue('', { exclusive: true });
    for (const body of ['1', '2', '3']) channel.sendToQueue(queue, Buffer.from(body));
    for (let number = 0; number < 3; number++) await getSoon(channel, queue, {});
    await channel.recover();
    const again = [];
    for (let number = 0; number < 3; number++) again.push(await getSoon(channel, queue, {}));
    channel.nackAll(true);
    const last = [];
    for (let number = 0; number < 3; number++) last.push((await getSoon(channel, queue)).content.toString());
    return { redelivered: again.map((msg) => msg.fields.redelivered), last };
  },
};

async function play(scenario) {
  const connection = await amqp.connect(process.env.AMQP_URL);
  try {
    console.log('RESULT ' + JSON.stringify({ scenario, result: await scenarios[scenario](connection) }));
  } catch (error) {
    console.log('RESULT ' + JSON.stringify({ scenario, error: `${error.stack}` }));
  } finally {
    await connection.close();
  }
}

Promise.all(process.argv.slice(2).map(play)).catch((error) => {
  console.error(error);
  process.exit(1);
});
