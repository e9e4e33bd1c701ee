"""Which broker, when, and which message not. Pure."""
