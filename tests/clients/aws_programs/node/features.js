// node features.js SCENARIO...: runs the scenarios at once against the broker at AWS_TEST_ENDPOINT and prints for each one line
// `RESULT {"scenario": ..., "result": ...}`, or with `error` instead of `result`.
'use strict';

const { randomUUID } = require('crypto');
const v2 = require('aws-sdk');
const v3 = require('@aws-sdk/client-sqs');
const sns = require('@aws-sdk/client-sns');

const endpoint = process.env.AWS_TEST_ENDPOINT;
const region = 'us-east-1';
const credentials = { accessKeyId: 'test', secretAccessKey: 'test' };

// One shape for both SDKs: operation names in lower camel case, promises. Both check the MD5s of what they get.
function newest() {
  const client = new v3.SQS({ endpoint, region, credentials, maxAttempts: 1 });
  return (operation, parameters) => client[operation](parameters);
}

function older() {
  const client = new v2.SQS({ endpoint, region, ...credentials, maxRetries: 0 });
  return (operation, parameters) => client[operation](parameters).promise();
}

async function made(call, suffix = 'queue', Attributes = {}) {
  const attributes = suffix.endsWith('.fifo') ? { FifoQueue: 'true', ...Attributes } : Attributes;
  return (await call('createQueue', { QueueName: `test-${randomUUID().slice(0, 10)}-${suffix}`, Attributes: attributes })).QueueUrl;
}

async function received(call, QueueUrl, count, more = {}) {
  const found = [];
  const deadline = Date.now() + 15000;
  while (found.length < count && Date.now() < deadline) {
    const MaxNumberOfMessages = Math.min(10, count - found.length);
    const answer = await call('receiveMessage', { QueueUrl, MaxNumberOfMessages, WaitTimeSeconds: 1, ...more });
    found.push(...(answer.Messages || []));
  }
  return found;
}

async function code(promise) {
  try {
    await promise;
    return 'no error';
  } catch (error) {
    return [error.name === 'Error' ? error.code : error.name, error.message];
  }
}

const shared = {
  async roundTrip(call) {
    const QueueUrl = await made(call);
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'grün & <b>' },
      number: { DataType: 'Number', StringValue: '7' },
      raw: { DataType: 'Binary', BinaryValue: Buffer.from([0, 255, 30]) },
    };
    await call('sendMessage', { QueueUrl, MessageBody: 'hello ümläut 🙂', MessageAttributes });
    const [message] = await received(call, QueueUrl, 1, { MessageAttributeNames: ['All'], AttributeNames: ['All'] });
    await call('deleteMessage', { QueueUrl, ReceiptHandle: message.ReceiptHandle });
    const left = await call('getQueueAttributes', { QueueUrl, AttributeNames: ['ApproximateNumberOfMessagesNotVisible'] });
    await call('deleteQueue', { QueueUrl });
    return {
      body: message.Body,
      text: message.MessageAttributes.text.StringValue,
      number: message.MessageAttributes.number.StringValue,
      raw: [...message.MessageAttributes.raw.BinaryValue],
      count: message.Attributes.ApproximateReceiveCount,
      left: left.Attributes.ApproximateNumberOfMessagesNotVisible,
    };
  },

  async batches(call) {
    const QueueUrl = await made(call);
    const Entries = [...'abc'].map((Id) => ({ Id, MessageBody: Id, DelaySeconds: Id === 'c' ? 901 : 0 }));
    const sent = await call('sendMessageBatch', { QueueUrl, Entries });
    const found = await received(call, QueueUrl, 2);
    const deleted = await call('deleteMessageBatch', {
      QueueUrl,
      Entries: found.map((message, number) => ({ Id: `${number}`, ReceiptHandle: message.ReceiptHandle })),
    });
    return {
      sent: sent.Successful.map((entry) => entry.Id),
      failed: sent.Failed.map((entry) => [entry.Id, entry.Code, entry.SenderFault]),
      bodies: found.map((message) => message.Body),
      deleted: deleted.Successful.length,
    };
  },

  async fifo(call) {
    const QueueUrl = await made(call, 'queue.fifo', { ContentBasedDeduplication: 'true' });
    const numbers = [];
    for (const MessageBody of ['a1', 'a2', 'a1']) {
      numbers.push((await call('sendMessage', { QueueUrl, MessageBody, MessageGroupId: 'a' })).SequenceNumber);
    }
    const found = await received(call, QueueUrl, 2);
    return { bodies: found.map((message) => message.Body), repeated: numbers[0] === numbers[2], ascending: numbers[0] < numbers[1] };
  },

  async errors(call) {
    const QueueUrl = await made(call);
    return {
      unknown: (await code(call('getQueueUrl', { QueueName: 'there-is-no-such-queue' })))[0],
      handle: (await code(call('deleteMessage', { QueueUrl, ReceiptHandle: 'nonsense' })))[0],
      range: await code(call('receiveMessage', { QueueUrl, MaxNumberOfMessages: 11 })),
    };
  },

  async visibility(call) {
    const QueueUrl = await made(call, 'queue', { VisibilityTimeout: '600' });
    await call('sendMessage', { QueueUrl, MessageBody: 'hello' });
    const [first] = await received(call, QueueUrl, 1);
    await call('changeMessageVisibility', { QueueUrl, ReceiptHandle: first.ReceiptHandle, VisibilityTimeout: 0 });
    const [second] = await received(call, QueueUrl, 1);
    return { same: first.MessageId === second.MessageId, otherHandle: first.ReceiptHandle !== second.ReceiptHandle };
  },

  async longPoll(call) {
    const QueueUrl = await made(call);
    const waiting = call('receiveMessage', { QueueUrl, WaitTimeSeconds: 20 });
    await call('sendMessage', { QueueUrl, MessageBody: 'hello' });
    return (await waiting).Messages.map((message) => message.Body);
  },

  async tags(call) {
    const QueueUrl = await made(call);
    await call('tagQueue', { QueueUrl, Tags: { team: 'orders', empty: '' } });
    await call('untagQueue', { QueueUrl, TagKeys: ['empty'] });
    return (await call('listQueueTags', { QueueUrl })).Tags;
  },

  async deadLetters(call) {
    const dead = await made(call, 'dead');
    const asked = { QueueUrl: dead, AttributeNames: ['QueueArn'] };
    const arn = (await call('getQueueAttributes', asked)).Attributes.QueueArn;
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: arn, maxReceiveCount: 1 });
    const QueueUrl = await made(call, 'source', { RedrivePolicy, VisibilityTimeout: '0' });
    await call('sendMessage', { QueueUrl, MessageBody: 'poison' });
    await received(call, QueueUrl, 1);
    await call('receiveMessage', { QueueUrl });
    const [letter] = await received(call, dead, 1);
    return letter.Body;
  },
};

const scenarios = {
  // Without an endpoint of its own the newest SDK sends to the queue's URL.
  async v3QueueUrlAsEndpoint() {
    const QueueUrl = await made(newest());
    const client = new v3.SQS({ region, credentials, maxAttempts: 1 });
    await client.sendMessage({ QueueUrl, MessageBody: 'by its URL' });
    return (await client.receiveMessage({ QueueUrl, WaitTimeSeconds: 5 })).Messages.map((message) => message.Body);
  },

  async v3Topic() {
    const call = newest();
    const client = new sns.SNS({ endpoint, region, credentials, maxAttempts: 1 });
    const { TopicArn } = await client.createTopic({ Name: `test-${randomUUID().slice(0, 10)}` });
    const queues = [await made(call, 'envelope'), await made(call, 'raw')];
    for (const [number, QueueUrl] of queues.entries()) {
      const { Attributes } = await call('getQueueAttributes', { QueueUrl, AttributeNames: ['QueueArn'] });
      const settings = number === 1 ? { RawMessageDelivery: 'true', FilterPolicy: '{"colour": ["red"]}' } : {};
      await client.subscribe({ TopicArn, Protocol: 'sqs', Endpoint: Attributes.QueueArn, Attributes: settings });
    }
    const entry = (Id, StringValue) => ({
      Id, Message: `grün & <b> ${Id}`, MessageAttributes: { colour: { DataType: 'String', StringValue } },
    });
    const { Successful } = await client.publishBatch({
      TopicArn, PublishBatchRequestEntries: [entry('1', 'red'), entry('2', 'blue')],
    });
    const envelopes = (await received(call, queues[0], 2)).map((message) => JSON.parse(message.Body));
    const [raw] = await received(call, queues[1], 1, { MessageAttributeNames: ['All'] });
    const rest = (await call('receiveMessage', { QueueUrl: queues[1] })).Messages || [];
    await client.deleteTopic({ TopicArn });
    const gone = await code(client.getTopicAttributes({ TopicArn }));
    return {
      published: Successful.map((answer) => answer.Id),
      envelopes: envelopes.map((document) => [document.Type, document.Message]).sort(),
      sameIds: envelopes.every((document) => Successful.some((answer) => answer.MessageId === document.MessageId)),
      raw: [raw.Body, raw.MessageAttributes.colour.StringValue, rest.length],
      gone,
    };
  },
};
for (const [name, play] of Object.entries(shared)) {
  scenarios[`v2-${name}`] = () => play(older());
  scenarios[`v3-${name}`] = () => play(newest());
}

async function run(scenario) {
  try {
    console.log('RESULT ' + JSON.stringify({ scenario, result: await scenarios[scenario]() }));
  } catch (error) {
    console.log('RESULT ' + JSON.stringify({ scenario, error: `${error.stack}` }));
  }
}

Promise.all(process.argv.slice(2).map(run)).then(() => process.exit(0));
