"""An outbox and its clock."""

from tests.support.outbox_fixtures import clock, outbox

__all__ = ["clock", "outbox"]
