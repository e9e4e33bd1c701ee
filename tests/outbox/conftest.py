"""An outbox, its directory and its clock."""

from tests.support.outbox_fixtures import clock, message_store, outbox, store

__all__ = ["clock", "message_store", "outbox", "store"]
