"""Plays a video to what the camera process runs, but every frame of it and without waiting."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import numpy.typing as npt

from agent.adapters import opencv_imaging as imaging
from agent.adapters.mask_file import all_masks
from agent.adapters.system_clock import SystemClock
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee, InView
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import CameraError
from agent.ports import Frame
from agent.vision.app import make_sight
from agent.vision.frame_steps import FrameSteps
from agent.vision.hardly_able import HardlyAbleReporter
from agent.vision.loaded_model import load_model
from agent.vision.person_detector import Interpreter
from agent.vision.privacy import PrivacyMask
from agent.vision.reports import Reports
from agent.vision.rule_factory import rules_of
from agent.vision.sight import FLOOR, FindsPeople, Seen
from agent.vision.small_grey import with_grey
from agent.vision.tamper import TamperWatch
from agent.vision.tamper_reporter import TamperReporter
from deploy.lab.opencv_video import VideoFile

DEFAULT_RATE = 25.0
"""Frames per second of a video that states no rate; the camera process uses the same."""


@dataclass(frozen=True, slots=True)
class FrameResult:
    """What one frame gave, and what it cost, decoding excluded. `frame` is as it was seen: with its masks drawn."""

    frame: Frame
    seen: Seen
    in_view: int
    """How many people an alarm would name."""
    events: tuple[Happened | CameraTamper | HardlyAbleToSee, ...]
    wall_s: float
    inference_s: float
    """The part of `wall_s` in which the model ran."""
    inference_processor_s: float
    other_processor_s: float
    """All but the model: masks, tampers, where to look, cutting out and scaling, boxes, tracks, rules."""


class TimedInterpreter:
    """Wraps an interpreter and times its runs. One thread."""

    def __init__(self, interpreter: Interpreter) -> None:
        self._interpreter = interpreter
        self.input_shape = interpreter.input_shape
        self.input_dtype = interpreter.input_dtype
        self.output_shapes = interpreter.output_shapes
        self.input_view = interpreter.input_view
        self.wall_s = 0.0
        """The sum of all runs."""
        self.processor_s = 0.0
        self.thread_s = 0.0
        """The part of `processor_s` that the calling thread has used itself."""

    def run(self) -> list[npt.NDArray[Any]]:
        """Run one inference. Raises ModelError."""
        wall_s, processor_s, thread_s = time.perf_counter(), time.process_time(), time.thread_time()
        outputs = self._interpreter.run()
        self.thread_s += time.thread_time() - thread_s
        self.processor_s += time.process_time() - processor_s
        self.wall_s += time.perf_counter() - wall_s
        return outputs


class Replay:
    """Processes pictures as the camera of this spec would. One thread.

    Raises ModelError, MaskError, EdgeAgentError when model, masks or rules can't be used.
    """

    def __init__(self, spec: VisionSpec, frames_per_second: float) -> None:
        imaging.limit_threads(1)
        self._period_s = 1 / frames_per_second
        self._mask = PrivacyMask(all_masks(spec.masks, spec.mask_file), imaging.fill_polygon)
        # Without a stored scene: a video must not teach the camera of the settings what it should show.
        watch = TamperWatch(spec.tamper, imaging.grey, imaging.scaled, frames_per_second)
        clock = SystemClock()
        tampers = TamperReporter(watch, clock)
        self._runs: TimedInterpreter | None = None
        self.model = load_model(
            spec.model,
            spec.model_directories,
            spec.threads,
            FLOOR,
            delegate=spec.delegate,
            delegate_options=spec.delegate_options,
            around=self._timed,
        )
        self._said: list[Happened | InView | CameraTamper | HardlyAbleToSee] = []
        self._steps = FrameSteps(
            self.sight(spec),
            rules_of(spec),
            Reports(clock, spec.name),
            clock.wall,
            self._said.append,
            tampers=tampers.process,
            prepared=partial(with_grey, small=imaging.reduced_grey),
            hardly_able=HardlyAbleReporter(lambda: tampers.is_active, clock).process,
        )
        self._number = 0

    def process(self, pixels: imaging.Pixels) -> FrameResult:
        """Process the next frame, captured one interval after the previous one; draws the masks on it.

        Raises ModelError, CameraError.
        """
        assert self._runs is not None
        runs = self._runs
        self._number += 1
        bare = self.captured(pixels, round(self._number * self._period_s * 1e9), self._number)
        model_s = runs.wall_s, runs.processor_s, runs.thread_s
        began_s, thread_s = time.perf_counter(), time.thread_time()
        self._said.clear()
        passed = self._steps.process(self._mask.cover(bare))
        spent_s, wall_s = time.thread_time() - thread_s, time.perf_counter() - began_s
        return FrameResult(
            passed.frame,
            passed.seen,
            passed.in_view,
            tuple(each for each in self._said if not isinstance(each, InView)),
            wall_s=wall_s,
            inference_s=runs.wall_s - model_s[0],
            inference_processor_s=runs.processor_s - model_s[1],
            other_processor_s=spent_s - (runs.thread_s - model_s[2]),
        )

    def sight(self, spec: VisionSpec) -> FindsPeople:
        """Return what finds the people; another way to look has another one."""
        return make_sight(spec, self.model.detector)

    def captured(self, pixels: imaging.Pixels, boottime_ns: int, number: int) -> Frame:
        """Return the frame as the camera would give it."""
        return Frame(pixels, boottime_ns, number)

    def _timed(self, interpreter: Interpreter) -> Interpreter:
        self._runs = TimedInterpreter(interpreter)
        return self._runs


class Film:
    """The frames of a video file, some of which may be missing. Raises CameraError if it is no video."""

    def __init__(self, path: Path, at_most: int | None = None) -> None:
        self._path = path
        self._at_most = at_most
        self._file = VideoFile(path)
        self._read = 0
        self.frames_per_second = self._file.frames_per_second or DEFAULT_RATE
        counts = [count for count in (self._file.frame_count, at_most) if count is not None]
        self.frames = min(counts) if self._file.frame_count is not None else None
        """How many frames there should be; None when the file does not say."""
        self.trouble: str | None = None
        """After the iteration: which part of the file could not be read, if any."""

    def __iter__(self) -> Iterator[imaging.Pixels]:
        """Yield the frames in order. Raises CameraError when not one can be decoded."""
        self._read = 0
        reason = "the rest of the file is missing or damaged"
        try:
            for pixels in islice(iter(self._file), self._at_most):
                self._read += 1
                yield pixels
        except CameraError as error:
            if not self._read:
                raise
            reason = str(error)
        if self.frames is not None and self._read < self.frames:
            self.trouble = f"only {self._read} of {self.frames} frames of {self._path} could be read: {reason}"
