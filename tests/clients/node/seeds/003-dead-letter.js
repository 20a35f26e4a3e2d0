channel.assertQueue("task_queue", {
  durable: true,
  deadLetterExchange: "",
  deadLetterRoutingKey: "dead_letter_queue",
});

channel.assertQueue("dead_letter_queue", { durable: true });
