const amqp = require("amqplib");

async function startRabbitMQ() {
  const connection = await amqp.connect("amqp://localhost");
  const channel = await connection.createChannel();

  const queue = "order_queue";
  await channel.assertQueue(queue, { durable: true });

  // Producer: Sending a message
  const order = { id: 101, product: "Laptop", quantity: 1 };
  channel.sendToQueue(queue, Buffer.from(JSON.stringify(order)));
  console.log("Order sent:", order);

  // Consumer: Processing a message
  channel.consume(queue, (msg) => {
    const receivedOrder = JSON.parse(msg.content.toString());
    console.log("Processing order:", receivedOrder);
    channel.ack(msg);
  });

  console.log("Waiting for messages...");
}

startRabbitMQ();
