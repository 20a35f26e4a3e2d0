// ❌ WRONG - Duplicate processing
channel.consume(queue, (msg) => {
  const order = JSON.parse(msg.content);
  processPayment(order); // Can process same order twice
});

// ✅ CORRECT - Idempotent processing
channel.consume(queue, async (msg) => {
  const order = JSON.parse(msg.content);
  
  // Check if already processed
  const processed = await redis.get(`payment:${order.id}`);
  if (processed) {
    channel.ack(msg); // Skip if already processed
    return;
  }
  
  await processPayment(order);
  await redis.set(`payment:${order.id}`, '1', 'EX', 3600);
  channel.ack(msg);
});
