"""Fixtures of the tests of cameras, on their own, as they must load where only a camera's libraries are."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from agent.ports import Camera
from tests.support.vision_media import Open


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens cameras, and closes them at the end."""
    with ExitStack() as stack:

        def open_camera(camera: Camera) -> Camera:
            stack.callback(camera.close)
            camera.open()
            return camera

        yield open_camera
