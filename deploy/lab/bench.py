"""`python -m deploy.lab bench`: what the camera process sees in a video, as fast as this machine can go."""

import argparse
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from agent.bootstrap.vision_specs import vision_spec
from agent.contract.command_line import add_config
from agent.core.camera.vision_spec import VisionSpec
from agent.core.diagnosis.vision_extra import install_advice
from agent.core.errors import EdgeAgentError, UsageError
from agent.settings import CameraSettings, load

if TYPE_CHECKING:  # a kiosk without a camera has no numpy, but the command must still say what it needs
    from deploy.lab.rendering import Rendering
    from deploy.lab.replay import FrameResult, Replay
    from deploy.lab.tally import Tally

_notes = Console(stderr=True)
_EXAMPLE = """\
Example:
  python -m deploy.lab bench vision --config edge-agent.toml --video street.mp4
  python -m deploy.lab bench vision --config edge-agent.toml --video street.mp4 --render seen.mp4 --json
"""


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench` and its own subcommands."""
    parser = subparsers.add_parser(
        "bench",
        help="try the settings on a video, and measure the cost",
        description="Try settings on a video.",
        epilog=_EXAMPLE,
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION")
    one = actions.add_parser(
        "vision",
        help="process every frame of a video as a camera would",
        description="Process every frame of a video as the camera in the settings would: with its model, thresholds, "
        "budget, zones, lines and masks. Runs as fast as it can, and skips no frame.",
        epilog=_EXAMPLE,
    )
    add_config(one, of=" of the agent")
    one.add_argument("--video", required=True, type=Path, metavar="V", help="a video file, of any format")
    one.add_argument("--camera", metavar="NAME", help="the camera whose settings to use; needed if there are several")
    one.add_argument("--render", type=Path, metavar="OUT.mp4", help="write a video that shows what was seen")
    one.add_argument("--detections", type=Path, metavar="OUT.jsonl", help="write boxes and tracks, one line per frame")
    one.add_argument("--json", action="store_true", help="print the summary as one JSON object")
    one.add_argument("--frames", type=_count, metavar="N", help="process the first N frames only")
    one.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Process the video and print the summary; return 130 after an interrupt, with the summary up to then."""
    spec = spec_of(args.config, args.camera)
    try:
        from deploy.lab.replay import Film, Replay  # noqa: PLC0415 - a kiosk without a camera has none
        from deploy.lab.tally import Tally  # noqa: PLC0415
    except ImportError as error:
        raise UsageError(f"{error.name} can't be imported: {install_advice()}") from error
    film = Film(args.video, args.frames)
    for output in (args.render, args.detections):
        if output is not None and output.exists() and output.samefile(args.video):
            raise UsageError(f"{output} is the video itself: write to another file")
    tally, interrupted = Tally(), False
    replay = Replay(spec, film.frames_per_second)
    if replay.model.delegate_trouble:
        _notes.print(replay.model.delegate_trouble, soft_wrap=True)
    with ExitStack() as stack:
        outputs = stack.enter_context(_Outputs(args.render, args.detections, spec, film.frames_per_second))
        advance = stack.enter_context(_progress(film.frames, tally))
        try:
            for pixels in film:
                result = replay.process(pixels)
                tally.add(result)
                outputs.add(result)
                advance()
        except KeyboardInterrupt:
            interrupted = True
    summary = {**_about(spec, args.video, replay, film.frames_per_second), **tally.summary()}
    summary |= {"interrupted": interrupted, "trouble": film.trouble}
    if args.json:
        print(json.dumps(summary))
    else:
        Console(highlight=False).print(_table(summary))
    if interrupted:
        _notes.print(f"interrupted after {tally.frames} frames", soft_wrap=True)
        return 130
    if film.trouble is not None:
        _notes.print(film.trouble, soft_wrap=True, highlight=False)
    return 0


def spec_of(config: Path, name: str | None) -> VisionSpec:
    """Return the spec that the core would send to this camera's process. Raises SettingsError, UsageError."""
    settings = load(config)
    return vision_spec(settings, _chosen(settings.cameras, name, config), simulate=False)


def _chosen(cameras: tuple[CameraSettings, ...], name: str | None, config: Path) -> CameraSettings:
    names = ", ".join(camera.name for camera in cameras)
    if not cameras:
        raise UsageError(f"{config} has no camera: add a [[cameras]] section")
    if name is None and len(cameras) > 1:
        raise UsageError(f"{config} has several cameras: choose one with --camera: {names}")
    for camera in cameras:
        if name in {None, camera.name}:
            return camera
    raise UsageError(f"{config} has no camera {name!r}: choose one of {names}")


class _Outputs:
    """The output files that were asked for. Raises EdgeAgentError as soon as one can't be written."""

    def __init__(
        self, render: Path | None, detections: Path | None, spec: VisionSpec, frames_per_second: float
    ) -> None:
        self._render, self._detections = render, detections
        self._spec = spec
        self._frames_per_second = frames_per_second
        self._stack = ExitStack()
        self._lines: IO[str] | None = None
        self._rendering: Rendering | None = None

    def __enter__(self) -> "_Outputs":
        from deploy.lab.rendering import Rendering  # noqa: PLC0415

        with ExitStack() as stack:
            if self._detections is not None:
                with _writing(self._detections):
                    self._lines = stack.enter_context(self._detections.open("w", encoding="utf-8"))
            if self._render is not None:
                self._rendering = stack.enter_context(Rendering(self._render, self._frames_per_second, self._spec))
            self._stack = stack.pop_all()
        return self

    def add(self, result: "FrameResult") -> None:
        """Write one more frame."""
        from deploy.lab.tally import detections_line  # noqa: PLC0415

        if self._lines is not None and self._detections is not None:
            with _writing(self._detections):
                self._lines.write(json.dumps(detections_line(result)) + "\n")
        if self._rendering is not None:
            self._rendering.add(result)

    def __exit__(self, *exception: object) -> None:
        if self._detections is None:
            self._stack.close()
            return
        with _writing(self._detections):
            self._stack.close()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EdgeAgentError(f"{path} can't be written: {error.strerror}; check path and free space") from error


@contextmanager
def _progress(frames: int | None, tally: "Tally") -> Iterator[Callable[[], None]]:
    """Show a progress line if there is a terminal; yields a function to call after each frame."""
    if not _notes.is_terminal:
        yield lambda: None
        return
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}", style="cyan"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=_notes, transient=True) as progress:
        task = progress.add_task("", total=frames, text="")

        def advance() -> None:
            speed = progress.tasks[0].speed or 0.0
            text = (
                f"{speed:.0f} frames/s  {tally.inferences_per_frame:.2f} inferences/frame  {len(tally.people)} people"
            )
            progress.update(task, advance=1, text=text)

        yield advance


def _about(spec: VisionSpec, video: Path, replay: "Replay", frames_per_second: float) -> dict[str, Any]:
    return {
        "video": str(video),
        "camera": spec.name,
        "model": replay.model.manifest.name,
        "runtime": replay.model.runtime,
        "threads": spec.threads,
        "inferences_per_second": spec.inferences_per_second,
        "frames_per_second": frames_per_second,
    }


def _table(summary: dict[str, Any]) -> Table:
    table = Table(title=f"{summary['video']} as camera {summary['camera']} sees it", title_justify="left", box=None)
    table.show_header = False
    events = ", ".join(f"{count} {name}" for name, count in sorted(summary["event_counts"].items()))
    for name, text in {
        "model": f"{summary['model']} on {summary['runtime']}, {summary['threads']} threads",
        "frames": f"{summary['frames']}, {summary['frames'] / summary['frames_per_second']:.1f} s of video",
        "a frame": f"{summary['wall_ms_per_frame']:.1f} ms, {summary['processor_ms_per_frame']:.1f} ms of processor, "
        f"{summary['other_processor_ms_per_frame']:.1f} ms of it beside the model",
        "inferences a frame": f"{summary['inferences_per_frame']:.2f}, {summary['wall_ms_per_inference']:.1f} ms each, "
        f"{summary['inference_share_of_processor']:.0%} of the processor time",
        "inferences a second": f"at most {summary['most_inferences_in_a_second']}, "
        f"the budget is {summary['inferences_per_second']:g}",
        "people": f"{summary['people']} followed, at most {summary['most_people_at_a_time']} at a time",
        "events": events or "none",
    }.items():
        table.add_row(name, text)
    return table


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError("a number of frames, at least 1")
    return int(text)
