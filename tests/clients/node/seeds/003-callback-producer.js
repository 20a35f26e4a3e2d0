const amqp = require("amqplib/callback_api");

amqp.connect("amqp://localhost", (err, connection) => {
  if (err) throw err;

  connection.createChannel((err, channel) => {
    if (err) throw err;

    const queue = "order_queue";
    const message = JSON.stringify({
      orderId: 123,
      item: "Laptop",
      quantity: 1,
    });

    channel.assertQueue(queue, { durable: true });
    channel.sendToQueue(queue, Buffer.from(message));
    console.log(`[x] Sent ${message}`);
  });
});
