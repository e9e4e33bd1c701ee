"""The power goes 2 s after a press, while a recorder records: again and again, with one start of the machine for each.

After the next start a technician fetches what the cut has left, and the office verifies it, on the host.
"""

import base64
import io
import json
import subprocess
import tarfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from deploy.lab.models.demo_video import ensure_demo_video
from tests.campaigns.emulation import traces
from tests.campaigns.emulation.architecture import ARM64_RECORDING
from tests.campaigns.emulation.book import FAULTS, Book, in_a_row
from tests.campaigns.emulation.cuts.dead_disk import UNFLUSHED
from tests.campaigns.emulation.cuts.mains import Mains
from tests.campaigns.emulation.day import installation
from tests.campaigns.emulation.doctor import SETTINGS
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.machine import put
from tests.campaigns.emulation.package import package
from tests.campaigns.emulation.scratch import in_scratch
from tests.support import model_families
from tests.support.centre import Message
from tests.support.recorded_kiosk import Office
from tests.support.wait import wait_for

LEAST_BEFORE_S, RING_S, AFTER_S = 5.0, 11.0, 2.0
_CAMERA = "front"
_BUTTON = "medical"
_BROUGHT = "/srv"
_SIZE, _FRAMES_PER_SECOND = (384, 288), 5
"""Half as wide and high as the demo video, which an emulated processor does not manage beside others' work."""
_SETTINGS = f"""\
cat >> /etc/edge-agent/edge-agent.d/90-device.toml << END
# A recording of a street in place of a sensor, and a model that costs nothing: the recorder counts today.
[[cameras]]
name = "{_CAMERA}"
source = "file:{_BROUGHT}/street.avi?loop=1"
model = "small"
frames_per_second = {_FRAMES_PER_SECOND}
inferences_per_second = 0.2
threads = 1
[evidence]
recipient = "RECIPIENT"
keep_free_bytes = 0
END
install -D -m 644 -t /etc/edge-agent/models {_BROUGHT}/small.*
edge-agent check-config {SETTINGS}
"""
_SAID = "cat /run/edge-agent/status.json 2>/dev/null || echo {}"
_FETCH = f"""\
cd /var/lib/edge-agent/evidence/{_CAMERA}
[ -e CLIP.clip ] || {{ echo nothing of it is on the disk; exit 1; }}
tar -c CLIP.clip CLIP.manifest chain.jsonl | base64 -w 0
"""
_LEFT = f"[ ! -e {UNFLUSHED} ] || {{ cat {UNFLUSHED}; rm {UNFLUSHED}; }}"
_UP_S = 600.0
_MOST_IN_VAIN = 3
_STEP_S = 0.02
_LONGEST_GAP_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Cut:
    """What one has left of the clip, in seconds from the press: as far as no second is missing."""

    of: str
    """The package that was on the disk."""
    seconds: float
    """That the cut took, with the start after it."""
    before_s: float = 0.0
    after_s: float = 0.0
    cut_s: float = 0.0
    """How long after the press it came; 0 if there was none, as the machine was not ready for it."""
    waited_s: float = 0.0
    """So much of that the machine had no processor of the host."""
    begun_s: float | None = None
    """How long after the press what had been in memory was told to be on the disk, if it was told before the cut."""
    fault: str | None = None

    def __str__(self) -> str:
        if self.fault is not None:
            return f"FAILED: {self.fault}"
        left = f"authentic from {self.before_s:.1f} s before the press to {self.after_s:.1f} s after it"
        told = "" if self.begun_s is None else f", told after {self.begun_s:.1f} s"
        at = f"{self.cut_s:.1f} s after a press, for {self.waited_s:.1f} s of which the machine was kept waiting"
        return f"{at}; {left}{told}; {self.seconds:.0f} s"


class Record:
    """A line for each cut, in a file: a run that was ended goes on where it stopped, with another package too."""

    def __init__(self, path: Path, of: str, wanted: int) -> None:
        self._path = path
        self.of = of
        self.wanted = wanted
        lines = path.read_text().splitlines() if path.exists() else []
        self.cuts = [Cut(**json.loads(line)) for line in lines]
        if len(self.cuts) >= wanted:
            path.unlink()
            self.cuts = []

    @property
    def left(self) -> int:
        """So many are still to come."""
        return self.wanted - len(self.cuts)

    def add(self, cut: Cut) -> str:
        """One more; returns what there is to say of it."""
        self.cuts.append(cut)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(cut)) + "\n")
        left_s = self.left * sum(each.seconds for each in self.cuts) / len(self.cuts)
        return f"cut {len(self.cuts)} of {self.wanted}: {cut}; {left_s / 60:.0f} minutes left"


def play(record: Path, book: Book, cuts: int, say: Callable[[str], None]) -> list[str]:
    """On a machine of its own, whose traces are kept beside `record`; returns what went wrong outside of any row."""

    def on_a_machine(directory: Path) -> None:
        with Kiosk(ARM64_RECORDING, directory) as kiosk:
            _bring(kiosk, directory)
            try:
                book.step = "recording: installation"
                installation.play(kiosk, book)
                kept = Record(record.with_suffix(".jsonl"), package(ARM64_RECORDING).parent.name, cuts)
                book.step = "recording: power cuts"
                _play(kiosk, book, Office(directory / "office"), kept, say)
            finally:
                traces.keep(kiosk, record)

    return in_scratch(on_a_machine)


def _bring(kiosk: Kiosk, directory: Path) -> None:
    """The files of `_SETTINGS`, onto the disk of the machine, which is off."""
    street = directory / "street.avi"
    form = f"fps={_FRAMES_PER_SECOND},scale={_SIZE[0]}:{_SIZE[1]}"
    made = ["-t", "60", "-vf", form, "-c:v", "mjpeg", "-q:v", "4", "-an", str(street)]
    subprocess.run(["ffmpeg", "-v", "error", "-i", ensure_demo_video(), *made], check=True)
    model_families.install(directory, "raw SSD")
    for file in (street, directory / "small.tflite", directory / "small.json"):
        put(kiosk.machine.disk, f"{_BROUGHT}/{file.name}", file)


def _play(kiosk: Kiosk, book: Book, office: Office, record: Record, say: Callable[[str], None]) -> None:
    machine = kiosk.machine
    assert kiosk.broker.authorities is not None
    office.authority = kiosk.broker.authorities.devices
    with book.row("a camera and the province's key in the settings: it is recorded", essential=True) as row:
        kiosk.rest()
        machine.check(_SETTINGS.replace("RECIPIENT", str(office.key.public())))
        births = kiosk.births()
        machine.check("systemctl restart edge-agent", 120)
        kiosk.wait_for_birth(births)
        recording = _wait_for_ring(kiosk)
        row.seen = f"{_SIZE[0]} x {_SIZE[1]}, {_FRAMES_PER_SECOND} a second, by {recording['encoder']}"
    title = (
        f"{record.wanted} power cuts {AFTER_S:g} s after a press: {LEAST_BEFORE_S:g} s before it are there and verify"
    )
    with book.row(title) as row, ThreadPoolExecutor(1) as examiner:
        if record.cuts:
            say(f"{len(record.cuts)} cuts were made before")
        mains = Mains(kiosk, examiner)
        vain = 0
        while record.left:
            cut = _cut(kiosk, mains, office, record.of)
            if cut.cut_s:
                vain = 0
                say(record.add(cut))
            else:
                vain += 1
                say(f"no cut was made: {cut.fault}")
                assert vain < _MOST_IN_VAIN, f"no cut was made, {vain} times: {cut.fault}"
        row.seen, row.figures = _summary(record.cuts)
        bad = [f"cut {number}: {cut.fault}" for number, cut in enumerate(record.cuts, start=1) if cut.fault]
        assert not bad, "; ".join([f"{len(bad)} of {len(record.cuts)}", *bad[:5]])


def _cut(kiosk: Kiosk, mains: Mains, office: Office, of: str) -> Cut:
    """From a kiosk that is on, at rest and recording to the next such."""
    machine, began_s = kiosk.machine, time.monotonic()
    found: dict[str, Any] = {}
    try:
        if not machine.is_on:
            mains.boot()
            mains.wait_until_online()
            kiosk.close_alarms()
        _wait_for_ring(kiosk)
        known = len(kiosk.alarms(_BUTTON))
        ahead_ns = machine.clock_ahead_ns()
        waited_ns = machine.emulator.kept_waiting_ns()
        pressed_ns = kiosk.wiring.press(_BUTTON).after_ns
        while True:
            found["cut_s"] = (time.clock_gettime_ns(time.CLOCK_BOOTTIME) + ahead_ns - pressed_ns) / 1e9
            found["waited_s"] = (machine.emulator.kept_waiting_ns() - waited_ns) / 1e9
            if found["cut_s"] - found["waited_s"] >= AFTER_S:
                break
            time.sleep(_STEP_S)
        machine.check(f"echo yes > {UNFLUSHED}")
        machine.cut_power()
        mains.boot()
        assert not machine.check(_LEFT), "the cut was not real: what nobody had flushed is there"
        mains.wait_until_online()
        [alarm] = kiosk.wait_for_presses(1, _BUTTON, since=known, timeout_s=_UP_S)
        clip = alarm.first[1].data["clips"][0]["clip"]
        kiosk.close_alarm(alarm)
        _wait_for_ring(kiosk)  # so the recorder has closed what the cut had left
        for message in _told(kiosk, clip, "begun"):
            found["begun_s"] = round(message.monoms / 1e3 - pressed_ns / 1e9, 2)
        said = machine.check(_FETCH.replace("CLIP", clip))
        directory = office.directory / clip
        with tarfile.open(fileobj=io.BytesIO(base64.b64decode(said))) as archive:
            archive.extractall(directory, filter="data")
        office.file_heads(kiosk.messages("evidence"))
        verdict = office.verify(directory / f"{clip}.clip")
        lines = [json.loads(line) for line in (directory / f"{clip}.manifest").read_text().splitlines()]
        found |= dict(zip(("before_s", "after_s"), around(pressed_ns, lines), strict=True))
        assert verdict.returncode == 0, in_a_row(verdict.stdout + verdict.stderr)
        assert found["before_s"] >= LEAST_BEFORE_S, f"{found['before_s']:.1f} s before the press, and no more"
    except FAULTS as error:
        found["fault"] = str(error) or type(error).__name__
        machine.cut_power()
    return Cut(of, round(time.monotonic() - began_s, 1), **found)


def around(pressed_ns: int, lines: Sequence[dict[str, Any]]) -> tuple[float, float]:
    """For how many s before and after the press a manifest has pictures without a hole; zeros if not of the press."""
    rows: list[tuple[int, int]] = []
    for line in lines:
        if line.get("kind") == "fragment":
            begin, end = line["begin_ns"], line["end_ns"]
            joins = rows and begin - rows[-1][1] <= _LONGEST_GAP_NS
            rows.append((rows.pop()[0] if joins else begin, end))
    whole = next(((begin, end) for begin, end in rows if begin <= pressed_ns <= end), (pressed_ns, pressed_ns))
    return round((pressed_ns - whole[0]) / 1e9, 2), round((whole[1] - pressed_ns) / 1e9, 2)


def _wait_for_ring(kiosk: Kiosk) -> dict[str, Any]:
    """What the core says of the recorder, as soon as that has enough pictures in memory."""

    def recording() -> dict[str, Any] | None:
        status = json.loads(kiosk.machine.check(_SAID))
        said: dict[str, Any] = status.get("cameras", {}).get(_CAMERA, {}).get("recording", {})
        return said if said.get("before_s", 0.0) >= RING_S else None

    found = wait_for(recording, _UP_S, f"{RING_S:g} s of pictures in memory: that")
    assert found is not None
    return found


def _told(kiosk: Kiosk, clip: str, change: str) -> list[Message]:
    messages = kiosk.messages("evidence")
    return [each for each in messages if each.type == f"edge.evidence.{change}.v1" and each.data["clip"] == clip]


def _summary(cuts: Sequence[Cut]) -> tuple[str, dict[str, float]]:
    good = [cut for cut in cuts if cut.fault is None]
    figures = {"cuts": float(len(cuts)), "good": float(len(good))}
    if not good:
        return "none", figures
    least, most = min(cut.before_s for cut in good), max(cut.before_s for cut in good)
    after = min(cut.after_s for cut in good), max(cut.after_s for cut in good)
    figures |= {"least_before_s": least, "least_after_s": after[0]}
    packages = len({cut.of for cut in cuts})
    others = f", with {packages} packages" if packages > 1 else ""
    seen = f"{len(good)} of {len(cuts)} authentic{others}"
    seen += f", {least:.1f} to {most:.1f} s before the press"
    return f"{seen} and {after[0]:.1f} to {after[1]:.1f} s after it", figures
