"""An outbox, its directory and its clock."""

from tests.support.outbox_fixtures import clock, journal, outbox, store

__all__ = ["clock", "journal", "outbox", "store"]
