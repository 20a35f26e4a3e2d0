"""Jobs with Celery over AMQP: priorities, delays, retries, and jobs that survive their worker."""
