"""Who is seen: pictures of many kinds of people, with a box drawn around each person who counts.

A directory has pictures and one `people.csv` with the columns `file,row,x,y,w,h,note`: a line for each person, with the
box in pixels from the picture's upper left corner. `row` is the line of the table in which the person counts; the same
person may count in several. Each picture is played for 3 s, as from a camera that trembles in the wind, through
everything that the camera process runs, with the defaults of a camera.
"""

import csv
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from agent.core.errors import UsageError
from tests.campaigns.bench_vision.ground_truth import Box, iou
from tests.campaigns.bench_vision.row import NO_TARGET, Row
from tests.campaigns.bench_vision.stage import DEFAULT_BUDGET, RATE, Stage
from tests.campaigns.bench_vision.watched import watch

SHEET = "Who is seen"
TRUTH = "people.csv"
COLUMNS = ["file", "row", "x", "y", "w", "h", "note"]
SECONDS = 3.0
TARGETS = {"standing people": 0.90, "cyclists": 0.90, "unlit street at night": 0.60}
"""Least share that is found within `SECONDS`."""
TARGETS_AT_ONCE = {"crowds": 0.70}
"""Least share that has a track at one moment."""
LEAST_OVERLAP, OF_HIDDEN = 0.5, 0.3
"""IoU from which a track's box is the person's; of people partly hidden, whose boxes two observers draw differently."""
HIDDEN = "partly hidden"
_LARGEST_PX = 1280
"""Larger pictures are reduced to what a camera gives."""
_NOISE = 2.0
_Z = 1.96
Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Person:
    """One line of the truth."""

    row: str
    box: Box
    note: str


@dataclass(slots=True)
class Count:
    """How many people of a row there are, and were found."""

    people: int = 0
    pictures: int = 0
    found: int = 0
    at_once: int = 0
    """Who has a track at the end."""
    missed: list[str] = field(default_factory=list)
    """File, box and note of those who were not found."""


def read(directory: Path) -> dict[Path, list[Person]]:
    """The people of each picture. Raises UsageError, which names file and line."""
    truth = directory / TRUTH
    try:
        lines = truth.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{truth} can't be read: {error}; --people wants pictures and {TRUTH} beside them") from error
    table = list(csv.reader(lines))
    if not table or [name.strip() for name in table[0]] != COLUMNS:
        raise UsageError(f"{truth}, line 1: the heading must be {','.join(COLUMNS)}")
    pictures: dict[Path, list[Person]] = {}
    for number, cells in enumerate(table[1:], start=2):
        if cells:
            path, person = _line(cells, directory, f"{truth}, line {number}")
            pictures.setdefault(path, []).append(person)
    if not pictures:
        raise UsageError(f"{truth} names nobody")
    return pictures


def _line(cells: Sequence[str], directory: Path, where: str) -> tuple[Path, Person]:
    if len(cells) != len(COLUMNS) or not cells[0].strip() or not cells[1].strip():
        raise UsageError(f"{where}: {','.join(cells)!r} is not {','.join(COLUMNS)}")
    try:
        x, y, w, h = (float(cell) for cell in cells[2:6])
    except ValueError:
        x, y, w, h = 0.0, 0.0, 0.0, 0.0
    if not (all(map(math.isfinite, (x, y))) and 0 < w < math.inf and 0 < h < math.inf):
        raise UsageError(f"{where}: {','.join(cells[2:6])!r} is no box: left, top, width and height in pixels")
    path = directory / cells[0].strip()
    if not path.is_file():
        raise UsageError(f"{where}: there is no picture {path}")
    return path, Person(cells[1].strip(), (x, y, w, h), cells[6].strip())


def rows(stage: Stage, pictures: Mapping[Path, Sequence[Person]]) -> list[Row]:
    """One for each row of the truth, in its order. Raises UsageError for a file that is no picture."""
    counts: dict[str, Count] = {}
    for number, (path, people) in enumerate(pictures.items(), start=1):
        stage.say(SHEET, number, len(pictures))
        pixels, scale = _picture(path)
        watched = watch(stage.replay(inferences_per_second=DEFAULT_BUDGET), film(pixels), lambda _done: None)
        tracks = [[tuple(track["box"]) for track in line["tracks"]] for line in watched.lines]
        add(counts, path.name, [_scaled(person, scale) for person in people], tracks)
    return [row(name, count) for name, count in counts.items()]


def add(counts: dict[str, Count], name: str, people: Sequence[Person], tracks: Sequence[Sequence[Box]]) -> None:
    """Count the people of one picture; `tracks` are the boxes of each frame."""
    by_box: dict[Box, float] = {}
    for person in people:
        least = OF_HIDDEN if person.row == HIDDEN else LEAST_OVERLAP
        by_box[person.box] = min(least, by_box.get(person.box, 1.0))
    frames = [covered(by_box, boxes) for boxes in tracks]
    for who in dict.fromkeys(person.row for person in people):
        counts.setdefault(who, Count()).pictures += 1
    for person in people:
        count = counts[person.row]
        found = any(person.box in frame for frame in frames)
        count.people += 1
        count.found += found
        count.at_once += bool(frames) and person.box in frames[-1]
        if not found:
            count.missed.append(f"{name} {person.box} {person.note}".rstrip())


def covered(people: dict[Box, float], tracks: Iterable[Box]) -> set[Box]:
    """Which of the people have a track, each track being of one person: the closest pairs first."""
    pairs = sorted(
        ((iou(box, track), box, number) for number, track in enumerate(tracks) for box in people), reverse=True
    )
    found: set[Box] = set()
    used: set[int] = set()
    for overlap, box, number in pairs:
        if overlap >= people[box] and box not in found and number not in used:
            found.add(box)
            used.add(number)
    return found


def row(name: str, count: Count) -> Row:
    """What the table says of a row."""
    found, at_once = count.found / count.people, count.at_once / count.people
    reached, target = True, NO_TARGET
    if name in TARGETS:
        reached, target = found >= TARGETS[name], f"≥ {TARGETS[name]:.0%} in {SECONDS:.0f} s"
    elif name in TARGETS_AT_ONCE:
        reached, target = at_once >= TARGETS_AT_ONCE[name], f"≥ {TARGETS_AT_ONCE[name]:.0%} at one moment"
    cells = {
        "people": str(count.people),
        "pictures": str(count.pictures),
        "found in 3 s": _share(count.found, count.people),
        "with a track after 3 s": _share(count.at_once, count.people),
    }
    figure = f"{count.found} of {count.people}"
    return Row(f"who_{name.replace(' ', '_')}", name, target, figure, reached, asdict(count), SHEET, cells)


def _share(found: int, people: int) -> str:
    low, high = wilson(found, people)
    return f"{found / people:.0%} ({low:.0%} to {high:.0%})"


def wilson(found: int, people: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    share, spread = found / people, _Z**2 / people
    middle = share + spread / 2
    half = _Z * math.sqrt(share * (1 - share) / people + spread / (4 * people))
    return (middle - half) / (1 + spread), (middle + half) / (1 + spread)


def film(pixels: Pixels) -> Iterator[Pixels]:
    """The picture for `SECONDS`, with a camera's noise, as it trembles by a pixel; the same on every machine."""
    height, width = pixels.shape[:2]
    wide = cv2.copyMakeBorder(pixels, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    chance = np.random.default_rng(1)
    for _ in range(round(SECONDS * RATE)):
        x, y = chance.integers(0, 3, 2).tolist()
        noise = chance.normal(0, _NOISE, pixels.shape).astype(np.float32)
        yield np.clip(wide[y : y + height, x : x + width] + noise, 0, 255).astype(np.uint8)


def _picture(path: Path) -> tuple[Pixels, float]:
    pixels = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if pixels is None:
        raise UsageError(f"{path} is no picture")
    scale = min(_LARGEST_PX / max(pixels.shape[:2]), 1.0)
    if scale < 1:
        pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return pixels.astype(np.uint8), scale


def _scaled(person: Person, scale: float) -> Person:
    x, y, w, h = person.box
    return Person(person.row, (x * scale, y * scale, w * scale, h * scale), person.note)
