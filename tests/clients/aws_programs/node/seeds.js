// node seeds.js: runs the seeds' programs with SQS, as their text stands but for the endpoint, against the broker at
// AWS_TEST_ENDPOINT and prints for each one line `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`.
// A text is wrapped in a function whose parameters are `require`, `console` and `exports`.
'use strict';

const fs = require('fs');
const path = require('path');
const vm = require('vm');

const WITHIN_MS = 15000;
const endpoint = process.env.AWS_TEST_ENDPOINT;
const ENDPOINT_OF_THE_SEEDS = 'https://sqs.us-east-1.amazonaws.com';
process.env.AWS_ACCESS_KEY_ID = 'test';
process.env.AWS_SECRET_ACCESS_KEY = 'test';
const AWS = require('aws-sdk');
const sqs = new AWS.SQS({ endpoint, region: 'us-east-1' });

function play(file, wanted = []) {
  const text = fs.readFileSync(path.join(__dirname, 'seeds', file), 'utf8');
  const ours = text.replaceAll(ENDPOINT_OF_THE_SEEDS, endpoint);
  if (ours === text) throw new Error(`${file} names no endpoint`);
  const said = [];
  const exported = {};
  const recording = { log: (...parts) => said.push(parts), error: (...parts) => said.push(['ERROR', ...parts.map(String)]) };
  const wrapped = `(function (require, console, exports) {${ours}\n;return { ${wanted.join(', ')} };})`;
  const defined = vm.runInThisContext(wrapped, { filename: file })(() => AWS, recording, exported);
  return { said, exported, defined };
}

async function until(condition, what) {
  const deadline = Date.now() + WITHIN_MS;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

async function queue(QueueName) {
  return (await sqs.createQueue({ QueueName }).promise()).QueueUrl;
}

async function take(QueueUrl) {
  const { Messages } = await sqs.receiveMessage({ QueueUrl, WaitTimeSeconds: 10 }).promise();
  return Messages[0];
}

const scenarios = {
  // It does not wait for its send before it receives, and does not expect an empty answer: something is there before.
  async sendAndReceive() {
    await sqs.sendMessage({ QueueUrl: await queue('MyQueue'), MessageBody: 'New order placed: #455' }).promise();
    const { said } = play('003-send-and-receive.js');
    await until(() => said.length === 2, 'what it says');
    said.sort(([one], [other]) => (one < other ? -1 : 1));
    return { received: said[0], sent: said[1][0], id: said[1][1].length };
  },

  async serverless() {
    const url = await queue('OrderQueue');
    const { said, exported, defined } = play('003-serverless.js', ['sendMessage']);
    await defined.sendMessage({ orderId: 456 });
    const message = await take(url);
    await exported.handler({ Records: [{ body: message.Body }] });
    return { sent: said[0][0], processed: said[1] };
  },

  async rideStatus() {
    const url = await queue('my-queue');
    const { said } = play('003-ride-status.js');
    await until(() => said.length > 0, 'the send');
    return { said: said[0][0], body: (await take(url)).Body };
  },
};

async function run(scenario) {
  try {
    console.log('RESULT ' + JSON.stringify({ scenario, result: await scenarios[scenario]() }));
  } catch (error) {
    console.log('RESULT ' + JSON.stringify({ scenario, error: `${error.stack}` }));
  }
}

Promise.all(Object.keys(scenarios).map(run)).then(() => process.exit(0));
