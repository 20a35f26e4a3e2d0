// Runs the text of a seed program as it stands. The text is never edited: it is wrapped in a function whose parameters
// are `require`, `console` and whatever names the text uses without defining them. The `require` it is given connects
// to the broker under test (environment variable AMQP_URL) wherever the text says amqp://localhost.
'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const SEEDS = path.join(__dirname, '..', 'seeds');
const promiseApi = require('amqplib');
const callbackApi = require('amqplib/callback_api');

const opened = [];

function redirected(text) {
  const asked = new URL(text);
  const target = new URL(process.env.AMQP_URL);
  if (asked.hostname !== 'localhost') throw new Error(`a seed connects to ${text}`);
  asked.hostname = target.hostname;
  asked.port = target.port;
  return asked.toString();
}

function seedRequire(name) {
  if (name === 'amqplib') {
    return {
      ...promiseApi,
      connect: async (url, options) => {
        const connection = await promiseApi.connect(redirected(url), options);
        opened.push(connection);
        return connection;
      },
    };
  }
  if (name === 'amqplib/callback_api') {
    return {
      ...callbackApi,
      connect: (url, callback) =>
        callbackApi.connect(redirected(url), (error, connection) => {
          if (connection) opened.push(connection);
          callback(error, connection);
        }),
    };
  }
  if (name === 'kafkajs') {
    // One seed file shows Kafka beside RabbitMQ; its Kafka functions are not called here.
    return { Kafka: class { producer() { return {}; } consumer() { return {}; } } };
  }
  throw new Error(`a seed requires ${name}`);
}

// Runs the seed `file`. `names` supplies what the text uses without defining; `wanted` lists functions it defines and
// that the driver wants to call: they are returned as an object.
function runSeed(file, names = {}, wanted = []) {
  const text = fs.readFileSync(path.join(SEEDS, file), 'utf8');
  const supplied = { require: seedRequire, console, ...names };
  const wrapped = `(function (${Object.keys(supplied).join(', ')}) {${text}\n;return { ${wanted.join(', ')} };})`;
  return vm.runInThisContext(wrapped, { filename: file })(...Object.values(supplied));
}

// A console that keeps what the seed says and lets the driver wait for it.
class RecordingConsole {
  constructor() {
    this.lines = [];
  }

  log(...parts) {
    this.lines.push(parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' '));
  }

  error(...parts) {
    this.log(...parts);
  }

  async saw(count, pattern) {
    await until(() => this.lines.filter((line) => pattern.test(line)).length >= count, `${count} x ${pattern}`);
  }
}

async function until(condition, what) {
  const deadline = Date.now() + 10000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function closeOpened() {
  for (const connection of opened.splice(0)) {
    await new Promise((resolve) => {
      const closing = connection.close(resolve);
      if (closing && closing.then) closing.then(resolve, resolve);
    });
  }
}

module.exports = { runSeed, RecordingConsole, until, closeOpened };
