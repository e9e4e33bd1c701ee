"""The moving parts of the core process: workers, outbox, publisher, supervision."""
