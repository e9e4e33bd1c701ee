"""What every row needs: the videos, the settings, and a way to say how far it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from agent.adapters.imx500 import IMX500
from agent.core.camera.settings import CameraSettings
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import DelegateError
from agent.models.store import ModelStore
from deploy.lab.bench import spec_of
from deploy.lab.opencv_video import VideoFile
from deploy.lab.replay import Replay
from tests.campaigns.bench.bare_look import BareLook
from tests.campaigns.bench.child import ROOT
from tests.campaigns.bench_vision.effort import Effort
from tests.campaigns.bench_vision.on_sensor import OnSensor
from tests.support.vision_media import model_directories

Pixels = npt.NDArray[np.uint8]
SETTINGS = ROOT / "tests" / "campaigns" / "bench_vision" / "edge-agent.toml"
DEFAULT_BUDGET: float = CameraSettings.model_fields["inferences_per_second"].default
RATE = 10.0
"""Frames a second of all that is replayed."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One run of the bench. `say(text, done, of)` shows progress."""

    directory: Path
    video: Path
    effort: Effort
    say: Callable[[str, int, int], None]
    camera: dict[str, Any] = field(default_factory=dict)
    """What is set of the camera besides: another model, and what runs it."""

    def spec(self, **changes: Any) -> VisionSpec:
        """What the camera of the bench's settings would be told."""
        directories = {"model_directories": model_directories()}
        return spec_of(SETTINGS, None).model_copy(update={**directories, **self.camera, **changes})

    def replay(self, rate: float = RATE, **changes: Any) -> Replay:
        """A fresh look at so many frames a second. Raises DelegateError where the processor would have to."""
        spec = self.spec(**changes)
        replay = OnSensor(spec, rate, self.directory) if spec.delegate == IMX500 else Replay(spec, rate)
        if replay.model.delegate_trouble:
            raise DelegateError(replay.model.delegate_trouble)
        return replay

    def bare(self, threads: int) -> BareLook:
        """The same model, without a line of the agent; 0 threads are as many as the settings say."""
        return BareLook(str(self.model_file()), threads or self.spec().threads)

    def model_file(self) -> Path:
        """The model of the settings."""
        spec = self.spec()
        return ModelStore([Path(entry) for entry in spec.model_directories]).load(spec.model).path

    def frames(self, at_most: int | None = None) -> Iterator[Pixels]:
        """Of the PETS video."""
        return islice(iter(VideoFile(self.video)), at_most)

    @property
    def total(self) -> int:
        """How many frames of it are looked at."""
        return self.effort.pets or VideoFile(self.video).frame_count or 0

    def scaled(self, size: tuple[int, int], frames: int) -> Path:
        """A copy of the video in another size."""
        path = self.directory / f"{size[0]}x{size[1]}.avi"
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE, size)
        for pixels in self.frames(frames):
            writer.write(cv2.resize(pixels, size))
        writer.release()
        return path
