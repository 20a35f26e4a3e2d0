const amqp = require("amqplib");

async function startRabbitMQ() {
  const connection = await amqp.connect("amqp://localhost");
  const channel = await connection.createChannel();

  const queue = "orders";
  await channel.assertQueue(queue, { durable: true });

  // Sending a message
  const order = { id: 123, amount: 100 };
  channel.sendToQueue(queue, Buffer.from(JSON.stringify(order)));
  console.log("Order sent:", order);

  // Consuming messages
  channel.consume(queue, (msg) => {
    const receivedOrder = JSON.parse(msg.content.toString());
    console.log("Order received:", receivedOrder);
    channel.ack(msg);
  });

  console.log("Waiting for messages...");
}

startRabbitMQ();
