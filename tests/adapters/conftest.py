"""What several adapters are tried with."""

from tests.support.broker_events import broker, events
from tests.support.camera_fixtures import opened

__all__ = ["broker", "events", "opened"]
