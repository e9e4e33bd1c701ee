"""RabbitMQ as the broker of a province: its configuration, and who may say and hear what."""
