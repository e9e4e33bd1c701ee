"""Models and videos for the tests of the camera process. They are made and fetched, never kept in git."""

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.core.errors import CameraError
from agent.models.store import default_directories
from agent.ports import Camera
from deploy.lab.models.demo_video import demo_video_path

Pixels = npt.NDArray[np.uint8]
Open = Callable[[Camera], Camera]
"""Opens a camera."""

MODELS = ("movenet-person-int8", "movenet-person-float32")


def model_directories() -> tuple[str, ...]:
    """Where the built models are; EDGE_TEST_MODELS names another directory."""
    own = os.environ.get("EDGE_TEST_MODELS")
    directories = (Path(own),) if own else default_directories()
    if not any((directory / f"{MODELS[0]}.json").is_file() for directory in directories):
        raise AssertionError("the person models are not built: run `make model`")
    return tuple(str(directory) for directory in directories)


def copy_altered_model(directory: Path) -> bytes:
    """The built model with its last byte changed, which its checksum alone can tell; returns what it holds."""
    directory.mkdir(parents=True)
    source = next(Path(each) for each in model_directories() if (Path(each) / f"{MODELS[0]}.json").is_file())
    manifest = (source / f"{MODELS[0]}.json").read_bytes()
    (directory / f"{MODELS[0]}.json").write_bytes(manifest)
    content = bytearray((source / f"{MODELS[0]}.tflite").read_bytes())
    content[-1] ^= 0xFF
    (directory / f"{MODELS[0]}.tflite").write_bytes(content)
    return bytes(content)


def demo_video() -> Path:
    """A real scene with people; EDGE_TEST_VIDEO names another copy."""
    own = os.environ.get("EDGE_TEST_VIDEO")
    path = Path(own) if own else demo_video_path()
    if not path.is_file():
        raise AssertionError(f"the demo video is not at {path}: run `make demo-video`")
    return path


def tree_video() -> Path:
    """A tree in the wind, before which a hand appears."""
    path = demo_video_path("tree.avi")
    if not path.is_file():
        raise AssertionError(f"{path} is not there: run `make test-video`")
    return path


def still(name: str) -> Pixels:
    """A still picture of those that the demo video's package holds, BGR."""
    pixels = cv2.imread(str(demo_video_path(name)))
    if pixels is None:
        raise AssertionError(f"{demo_video_path(name)} is not there: run `make test-video`")
    return np.asarray(pixels, np.uint8)


def demo_frame(number: int) -> Pixels:
    """Frame `number` of the demo video, from 0."""
    capture = cv2.VideoCapture(str(demo_video()), cv2.CAP_FFMPEG)
    try:
        for _ in range(number):
            assert capture.grab()
        good, pixels = capture.read()
        assert good
        return np.asarray(pixels, np.uint8)
    finally:
        capture.release()


def cut_off(path: Path, kept: float) -> None:
    """Leave that much of the pictures of a video."""
    whole = path.read_bytes()
    head = whole.index(b"movi") + 4
    path.write_bytes(whole[: head + int((len(whole) - head) * kept)])


def write_video(path: Path, frames: int, fps: float, size: tuple[int, int] = (64, 48)) -> None:
    """A small video whose frame n (from 1) has the grey level `grey_of(n)`."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    assert writer.isOpened()
    for number in range(1, frames + 1):
        writer.write(np.full((size[1], size[0], 3), grey_of(number), np.uint8))
    writer.release()


def grey_of(number: int) -> int:
    """The level by which a frame of `write_video` is known again, for the first 24 frames."""
    return number * 10


def number_of(pixels: Pixels) -> int:
    """The frame of `write_video` that this is."""
    return round(float(pixels.mean()) / 10)


def read_until_error(camera: Camera, limit_s: float = 30.0, timeout_s: float = 5.0) -> None:
    """Read on, past the frames that are still on their way, until the camera raises.

    The limit is a time: a stand-in gives hundreds of frames while a busy machine lets another thread wait.
    """
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        camera.read(timeout_s)


def read_in_background(camera: Camera) -> Callable[[], None]:
    """Have another thread read until the camera raises; the result waits for that and fails if it did not."""
    ended = threading.Event()

    def read_on() -> None:
        try:
            read_until_error(camera)
        except CameraError:
            ended.set()

    reader = threading.Thread(target=read_on, name="reader")
    reader.start()

    def wait_for_the_error() -> None:
        reader.join(30)
        assert ended.is_set(), "the read has not failed"

    return wait_for_the_error
