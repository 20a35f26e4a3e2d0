  channel.assertQueue("task_queue", { durable: true });
