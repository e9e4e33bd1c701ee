"""`make evidence-writes`: what recording writes onto the card of a kiosk: at rest, and for an alarm.

The card is a file system of its own (ext4), and what its disk is given is counted, with journal and names, less what
the kiosk writes meanwhile anyway: its camera looks at a busy street. The hourly head is told every two seconds for a
while, to see what one costs.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from io import StringIO
from pathlib import Path

import psutil

from tests.campaigns import measured
from tests.campaigns.bench import machine
from tests.campaigns.evidence.__main__ import mounted
from tests.support.recorded_kiosk import Site
from tests.support.wait import wait_for

PLACE = "evidence writes"
"""In docs/measured.md."""
_DAY = 20
_HEAD_S = 2
_IMAGE_BYTES = 1024 * 1024 * 1024


class Card:
    """A file system of its own, and what its disk was given."""

    def __init__(self, mount: Path) -> None:
        self._mount = mount
        device = subprocess.run(["findmnt", "-no", "SOURCE", mount], check=True, capture_output=True, text=True).stdout
        self._stat = Path("/sys/block") / Path(device.strip()).name / "stat"

    def written(self) -> int:
        """All bytes until now, when what waits has been written too."""
        subprocess.run(["sync", "-f", self._mount], check=True)
        return int(self._stat.read_text().split()[6]) * 512


class Bench:
    """One kiosk on such a card, with the settings that it has when nobody says otherwise."""

    def __init__(self, stack: ExitStack, directory: Path) -> None:
        image = directory / "card.img"
        with image.open("wb") as file:
            file.truncate(_IMAGE_BYTES)
        subprocess.run(["mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", image], check=True)
        (directory / "kiosk").mkdir()
        mount = stack.enter_context(mounted(image, directory / "kiosk" / "storage"))
        self.card = Card(mount)
        storage = {"directory": str(mount), "keep_free_bytes": 0}
        times = {"before_s": 15.0, "after_s": 30.0}
        self.site = Site(stack, directory, storage=storage, evidence=times, health={"interval_s": 10})
        self.site.wait_for_ring(15, timeout_s=120)

    def at_rest(self, seconds: float) -> tuple[float, float]:
        """Bytes a second: of all, and of them the recorder's own."""
        [recorder] = self.site.kiosk.recorders()
        begin, own, began = self.card.written(), _of(recorder), time.monotonic()
        time.sleep(seconds)
        took = time.monotonic() - began
        return (self.card.written() - begin) / took, (_of(recorder) - own) / took

    def alarm(self, rest: float) -> tuple[float, int]:
        """Bytes for an alarm that is closed at once, beside what is written at rest; and those of the clip's files."""
        kiosk, centre, begin, began = self.site.kiosk, self.site.centre, self.card.written(), time.monotonic()
        closed = len(centre.messages("alarm/"))
        kiosk.press()
        raised = wait_for(
            lambda: [m for m in centre.messages("alarm/")[closed:] if m.type == "edge.alarm.raised.v1"], what="an alarm"
        )[0]
        centre.acknowledge(raised.data["alarm_id"], kiosk.key, "closed")
        clip = raised.data["clips"][0]["clip"]
        self.site.wait_for("ended", clip=clip, timeout_s=90)
        written = self.card.written() - begin - rest * (time.monotonic() - began)
        return written, sum(file.stat().st_size for file in kiosk.clips.glob(f"{clip}.*"))

    def head(self, rest: float, seconds: float) -> float:
        """Bytes for one head, beside what is written at rest."""
        kiosk = self.site.kiosk
        kiosk.send(signal.SIGTERM)
        kiosk._environ["TEST_HEAD_S"] = str(_HEAD_S)
        kiosk.start()
        before = len(self.site.evidence("head"))
        wait_for(lambda: len(self.site.evidence("head")) > before + 3, what="heads")
        begin, heads, began = self.card.written(), len(self.site.evidence("head")), time.monotonic()
        time.sleep(seconds)
        written, took = self.card.written() - begin, time.monotonic() - began
        return max(written - rest * took, 0) / (len(self.site.evidence("head")) - heads)


def say(text: str) -> None:
    """Tell how far it is."""
    print(text, file=sys.stderr, flush=True)


def _of(pid: int) -> int:
    return int(psutil.Process(pid).io_counters().write_bytes)


def main() -> int:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="make evidence-writes", description=__doc__)
    parser.add_argument("--rest", type=float, default=120, metavar="SECONDS", help="default: 120")
    parser.add_argument("--alarms", type=int, default=3, metavar="N", help="default: 3")
    parser.add_argument("--write", action="store_true", help="put what was found into docs/measured.md")
    args = parser.parse_args()
    if os.geteuid() != 0:
        print("NOT RUN: a file system of its own needs root")
        return 1
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        stack.enter_context(redirect_stdout(StringIO()))  # the log of the agent, at its end
        bench = Bench(stack, Path(name))
        say(f"at rest, for {args.rest:.0f} s")
        rest, own = bench.at_rest(args.rest)
        alarms = []
        for number in range(args.alarms):
            say(f"alarm {number + 1} of {args.alarms}")
            alarms.append(bench.alarm(rest))
        say("heads")
        head = bench.head(rest, args.rest / 3)
    alarm, files = (sum(each) / len(alarms) for each in zip(*alarms, strict=True))
    hour = 3600 * own + head
    rows = [
        ("at rest, by the recorder, in an hour", f"{3600 * own / 1000:.0f} kB"),
        ("the hourly head, on its way to the centre", f"{head / 1000:.0f} kB"),
        ("an alarm with its clip of 45 s", f"{alarm / 1e6:.1f} MB"),
        ("of it the clip's two files", f"{files / 1e6:.1f} MB"),
        (f"a day with {_DAY} alarms", f"{(24 * hour + _DAY * alarm) / 1e6:.0f} MB"),
        ("beside it, in an hour: what the agent writes of a busy street", f"{3600 * rest / 1e6:.0f} MB"),
    ]
    lines = ["| written to the card | |", "| --- | --- |", *(f"| {what} | {how_much} |" for what, how_much in rows)]
    table = "\n".join(lines)
    print(table)
    if args.write:
        measured.put(PLACE, f"{table}\n\n{measured.machine_line(machine.describe())}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
