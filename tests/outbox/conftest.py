"""An outbox, its directory and its clock."""

from tests.support.outbox_fixtures import clock, outbox, store

__all__ = ["clock", "outbox", "store"]
