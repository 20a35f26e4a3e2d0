"""Request and reply over AMQP: a shop asks for the status of an order, and waits for the answer, but not for ever."""
