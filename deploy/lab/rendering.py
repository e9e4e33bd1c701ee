"""Draws a video of what was seen: where the model looked, what it found, who is who, and what was reported."""

from collections import deque
from collections.abc import Sequence
from pathlib import Path

from agent.adapters.mask_file import all_masks
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee
from agent.core.camera.vision_spec import VisionSpec
from agent.core.polygon import Point
from deploy.lab.opencv_drawing import Colour, Drawing, colour_of, resized
from deploy.lab.opencv_video import VideoWriter
from deploy.lab.replay import FrameResult
from deploy.lab.tally import name_of

_GREY: Colour = (150, 150, 150)
_WHITE: Colour = (240, 240, 240)
_FAINT: Colour = (190, 190, 190)
_ZONE: Colour = (230, 190, 60)
_LINE: Colour = (60, 200, 255)
_MASK: Colour = (70, 70, 70)
_EVENT: Colour = (120, 230, 255)
_TAIL_S = 4.0
_CAPTION_S = 4.0
_MOST_CAPTIONS = 5
_LEAST_SCORE = 0.3
"""Boxes below this are not drawn: there are many, and they say nothing."""


class Rendering:
    """Writes an .mp4. Use it as a context manager. One thread.

    The first frame gives the size; later ones are scaled to it. Raises CameraError when it can't be
    written, MaskError when the masks can't be read.
    """

    def __init__(self, path: Path, frames_per_second: float, spec: VisionSpec) -> None:
        self._path = path
        self._frames_per_second = frames_per_second
        self._spec = spec
        self._masks = all_masks(spec.masks, spec.mask_file)
        self._writer: VideoWriter | None = None
        self._size = (0, 0)
        self._tails: dict[int, deque[Point]] = {}
        self._captions: deque[tuple[int, str]] = deque(maxlen=_MOST_CAPTIONS)

    def __enter__(self) -> "Rendering":
        return self

    def __exit__(self, *exception: object) -> None:
        if self._writer is not None:
            self._writer.__exit__(None, None, None)

    def add(self, result: FrameResult) -> None:
        """Draw one frame and write it."""
        height, width = result.frame.pixels.shape[:2]
        if self._writer is None:
            self._size = (width // 2 * 2, height // 2 * 2)  # encoders want even numbers
            self._writer = VideoWriter(self._path, self._frames_per_second, self._size).__enter__()
        drawing = Drawing(resized(result.frame.pixels, *self._size))
        self._draw_plan(drawing)
        self._draw_boxes(drawing, result, self._size[0] / width, self._size[1] / height)
        self._draw_people(drawing, result)
        self._draw_words(drawing, result)
        self._writer.write(drawing.pixels)

    def _draw_plan(self, drawing: Drawing) -> None:
        for mask in self._masks:
            corners = [self._place(point) for point in mask]
            drawing.area(corners, _MASK, 0.3)
            drawing.text("masked", max(corners, key=lambda corner: corner[1]), _FAINT)
        for zone in self._spec.zones:
            corners = [self._place(point) for point in zone.polygon]
            drawing.area(corners, _ZONE, 0.12)
            drawing.text(zone.name, max(corners, key=lambda corner: corner[1]), _ZONE)
        for line in self._spec.lines:
            start, end = self._place(line.start), self._place(line.end)
            drawing.arrow(start, end, _LINE)
            drawing.text(line.name, ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2), _LINE)

    def _draw_boxes(self, drawing: Drawing, result: FrameResult, across: float, down: float) -> None:
        for left, top, width, height in result.seen.regions:
            drawing.rectangle((left * across, top * down), (width * across, height * down), _GREY)
        for box in result.seen.detections:
            if box.score >= _LEAST_SCORE:
                corner = (box.left * across, box.top * down)
                drawing.rectangle(corner, (box.width * across, box.height * down), _FAINT)
                foot = (corner[0], corner[1] + box.height * down + drawing.line_height)
                drawing.text(f"{box.score:.2f}", foot, _FAINT)

    def _draw_people(self, drawing: Drawing, result: FrameResult) -> None:
        present = {person.id: person for person in result.seen.people}
        for gone in self._tails.keys() - present.keys():
            del self._tails[gone]
        length = max(round(_TAIL_S * self._frames_per_second), 2)
        for person in present.values():
            tail = self._tails.setdefault(person.id, deque(maxlen=length))
            tail.append(person.foot)
            colour = colour_of(person.id)
            drawing.path([self._place(point) for point in tail], colour)
            corner = self._place(person.box[:2])
            drawing.rectangle(corner, self._place(person.box[2:]), colour, 2 if person.seen else 1)
            drawing.text(str(person.id) if person.seen else f"{person.id} hidden", corner, colour)

    def _draw_words(self, drawing: Drawing, result: FrameResult) -> None:
        now_ns = result.frame.boottime_ns
        self._captions += [(now_ns, _caption(event)) for event in result.events]
        shown = [text for said_ns, text in self._captions if now_ns - said_ns <= _CAPTION_S * 1e9]
        bottom = float(drawing.pixels.shape[0])
        for number, text in enumerate(reversed(shown)):
            drawing.text(text, (0, bottom - number * drawing.line_height), _EVENT)
        drawing.text(
            f"frame {result.frame.number}   {now_ns / 1e9:.1f} s   {len(result.seen.regions)} inferences   "
            f"{len(result.seen.people)} people",
            (0, 0),
            _WHITE,
        )

    def _place(self, point: Sequence[float]) -> Point:
        """Convert fractions of the picture to pixels."""
        return point[0] * self._size[0], point[1] * self._size[1]


def _caption(event: Happened | CameraTamper | HardlyAbleToSee) -> str:
    data = getattr(event, "data", None)
    where = getattr(data, "zone", None) or getattr(data, "line", None)
    who = getattr(data, "track", None)
    words = [name_of(event), *([f"in {where}"] if where else []), *([f"({who.rpartition('-')[2]})"] if who else [])]
    return " ".join(words)
