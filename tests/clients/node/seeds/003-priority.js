channel.assertQueue("priority_queue", {
  durable: true,
  maxPriority: 10,
});
