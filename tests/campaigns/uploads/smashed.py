"""A kiosk is smashed at a random moment after a press: what has the store of the time before it?"""

import random
import shutil
import signal
import time
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil

from tests.support.store import Store
from tests.support.uploading_kiosk import UploadingSite
from tests.support.wait import wait_for

LONGEST_S = 12.0
BYTES_S = 2_500_000
"""20 Mbit/s."""


@dataclass
class Smash:
    """One of them."""

    life_s: float
    """How long after the press."""
    before_s: float
    """Seconds before the press that the store has; 0 if it has nothing."""
    after_s: float
    """And of those after it."""
    first_s: float | None
    """How long after the press it had its first segment; None if it has none."""
    first_bytes: int


def run(directory: Path, kills: int, seed: int = 1, bytes_s: int = BYTES_S) -> list[Smash]:
    """Press, and kill every process of the kiosk with its memory, so many times."""
    chance, found = random.Random(seed), []
    with ExitStack() as stack:
        store = stack.enter_context(Store(bytes_s=bytes_s))
        site = UploadingSite(stack, directory, store, evidence={"before_s": 15.0})
        heard = 0
        for number in range(kills):
            wait_for(lambda since=heard: _ring_s(site, since) >= 15, 90, "15 s in memory")  # type: ignore[misc]
            for alarm in site.centre.messages("alarm/")[-1:]:
                site.centre.acknowledge(alarm.data["alarm_id"], site.kiosk.key, "closed")
                site.centre.wait_for_alarm("closed", alarm_id=alarm.data["alarm_id"])
            site.allow_all()
            store.objects.clear()
            life_s = LONGEST_S * (number + chance.random()) / kills
            pressed, pressed_s = datetime.now(UTC), time.monotonic()
            site.kiosk.press()
            time.sleep(max(0.0, pressed_s + life_s - time.monotonic()))
            _smash(site)
            first = min(
                ((at_s - pressed_s, path) for path, at_s in store.at_s.items() if at_s > pressed_s), default=None
            )
            size = 0 if first is None else len(store.objects[first[1]][0])
            found.append(Smash(life_s, *_seconds(store, pressed), None if first is None else first[0], size))
            shutil.rmtree(site.spool, ignore_errors=True)
            shutil.rmtree(site.kiosk.clips, ignore_errors=True)
            heard = len(site.centre.messages("health"))
            site.kiosk.start()
    return found


def _smash(site: UploadingSite) -> None:
    children = site.kiosk.children()
    site.kiosk.kill()
    for each in children:
        with suppress(psutil.Error):
            each.send_signal(signal.SIGKILL)


def _ring_s(site: UploadingSite, since: int) -> float:
    healths = site.centre.messages("health")[since:]
    recording = healths[-1].data["cameras"].get("front", {}).get("recording", {}) if healths else {}
    return float(recording.get("before_s", 0))


def _seconds(store: Store, pressed: datetime) -> tuple[float, float]:
    begins, ends = [], []
    for path, [media, *_] in store.objects.items():
        name = path.partition("/front/")[2]
        if name.endswith("_end"):
            continue
        day, hour, rest = name.split("/")
        begin = datetime.strptime(f"{day} {hour}:{rest.split('Z')[0]}", "%Y-%m-%d %H:%M-%S.%f").replace(tzinfo=UTC)
        begins.append(begin.timestamp())
        ends.append(begin.timestamp() + media.count(b"moof"))
    if not begins:
        return 0.0, 0.0
    at = pressed.timestamp()
    return max(0.0, at - min(begins)), max(0.0, max(ends) - at)
