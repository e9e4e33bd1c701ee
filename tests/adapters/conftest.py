"""What several adapters are tried with."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.ports import Camera
from tests.support.broker_events import broker, events
from tests.support.vision_media import Open

__all__ = ["broker", "events"]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens cameras, and closes them at the end."""
    with ExitStack() as stack:

        def open_camera(camera: Camera) -> Camera:
            stack.callback(camera.close)
            camera.open()
            return camera

        yield open_camera
