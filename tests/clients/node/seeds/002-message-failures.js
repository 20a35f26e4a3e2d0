// ❌ WRONG - No error handling
channel.consume(queue, (msg) => {
  processOrder(msg); // If fails, message lost
  channel.ack(msg); // Always acknowledge
});

// ✅ CORRECT - Proper error handling
channel.consume(queue, async (msg) => {
  try {
    await processOrder(msg);
    channel.ack(msg); // Only ack on success
  } catch (error) {
    channel.nack(msg, false, true); // Requeue on failure
    // Or move to DLQ after max retries
  }
});
