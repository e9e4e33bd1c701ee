"""A real cluster of brokers that loses a node under presses."""
