// ============================================
// MESSAGE QUEUE EXAMPLE: ORDER PROCESSING
// ============================================

// Producer: Order Service
const amqp = require('amqplib');

async function publishOrder(order) {
  const connection = await amqp.connect('amqp://localhost');
  const channel = await connection.createChannel();
  
  const queue = 'orders';
  
  // Declare queue (idempotent)
  await channel.assertQueue(queue, {
    durable: true // Queue survives broker restart
  });
  
  // Publish message
  channel.sendToQueue(queue, Buffer.from(JSON.stringify(order)), {
    persistent: true // Message survives broker restart
  });
  
  console.log(`Order ${order.id} sent to queue`);
  
  await channel.close();
  await connection.close();
}

// Consumer: Payment Service
async function consumeOrders() {
  const connection = await amqp.connect('amqp://localhost');
  const channel = await connection.createChannel();
  
  const queue = 'orders';
  await channel.assertQueue(queue, { durable: true });
  
  // Prefetch: Only 1 message at a time
  channel.prefetch(1);
  
  console.log('Waiting for orders...');
  
  channel.consume(queue, async (msg) => {
    if (msg) {
      const order = JSON.parse(msg.content.toString());
      
      try {
        // Process payment
        await processPayment(order);
        
        // Acknowledge message (remove from queue)
        channel.ack(msg);
        console.log(`Order ${order.id} processed`);
      } catch (error) {
        // Reject message (requeue or dead-letter)
        channel.nack(msg, false, true); // Requeue
        console.error(`Failed to process order ${order.id}`);
      }
    }
  });
}

// Process payment
async function processPayment(order) {
  // Payment logic
  console.log(`Processing payment for order ${order.id}`);
  // Simulate work
  await new Promise(resolve => setTimeout(resolve, 1000));
}

// ============================================
// PUB/SUB EXAMPLE: NOTIFICATIONS
// ============================================

// Producer: Event Service
async function publishEvent(event) {
  const connection = await amqp.connect('amqp://localhost');
  const channel = await connection.createChannel();
  
  const exchange = 'events';
  
  // Declare fanout exchange (broadcast)
  await channel.assertExchange(exchange, 'fanout', {
    durable: false
  });
  
  // Publish to exchange (no routing key needed)
  channel.publish(exchange, '', Buffer.from(JSON.stringify(event)));
  
  console.log(`Event ${event.type} published`);
  
  await channel.close();
  await connection.close();
}

// Consumer 1: Email Service
async function subscribeToEvents() {
  const connection = await amqp.connect('amqp://localhost');
  const channel = await connection.createChannel();
  
  const exchange = 'events';
  await channel.assertExchange(exchange, 'fanout', { durable: false });
  
  // Create exclusive queue
  const queue = await channel.assertQueue('', { exclusive: true });
  
  // Bind queue to exchange
  await channel.bindQueue(queue.queue, exchange, '');
  
  channel.consume(queue.queue, (msg) => {
    if (msg) {
      const event = JSON.parse(msg.content.toString());
      sendEmail(event);
      channel.ack(msg);
    }
  });
}

// Consumer 2: SMS Service (same pattern)
// Each consumer gets copy of message

// ============================================
// KAFKA EXAMPLE: EVENT STREAMING
// ============================================

const { Kafka } = require('kafkajs');

const kafka = new Kafka({
  clientId: 'order-service',
  brokers: ['localhost:9092']
});

// Producer
const producer = kafka.producer();

async function publishOrderEvent(order) {
  await producer.connect();
  
  await producer.send({
    topic: 'orders',
    messages: [
      {
        key: order.id, // Partitioning key
        value: JSON.stringify(order)
      }
    ]
  });
  
  await producer.disconnect();
}

// Consumer (Consumer Group)
const consumer = kafka.consumer({ groupId: 'payment-service' });

async function consumeOrderEvents() {
  await consumer.connect();
  
  await consumer.subscribe({ topic: 'orders', fromBeginning: false });
  
  await consumer.run({
    eachMessage: async ({ topic, partition, message }) => {
      const order = JSON.parse(message.value.toString());
      await processPayment(order);
    }
  });
}
