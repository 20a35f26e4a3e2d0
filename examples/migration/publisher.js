// The shop as it has always been: publishes orders with amqplib. `node publisher.js FIRST COUNT`. Nothing here knows of SQS.
const amqp = require("amqplib");

const QUEUE = "shop-orders";

async function main(first, count) {
  const connection = await amqp.connect(process.env.AMQP_URL ?? "amqp://guest:guest@127.0.0.1:5672");
  const channel = await connection.createConfirmChannel();
  await channel.assertQueue(QUEUE, { durable: true });
  for (let number = first; number < first + count; number++) {
    const order = { id: `order-${number}`, amount: 100 + number };
    channel.sendToQueue(QUEUE, Buffer.from(JSON.stringify(order)), {
      persistent: true,
      contentType: "application/json",
      messageId: order.id,
      headers: { tenant: number % 2 ? "north" : "south" },
    });
  }
  await channel.waitForConfirms(); // the broker has them on disk
  await connection.close();
}

main(Number(process.argv[2] ?? 1), Number(process.argv[3] ?? 100)).catch((error) => {
  console.error(error);
  process.exit(1);
});
