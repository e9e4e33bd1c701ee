"""The power goes, again and again: QEMU is killed, and the same disk is switched on once more.

What the guest has not flushed to its disk is gone with it, as with a real cut; what it has flushed is kept by the host,
so that the disk keeps its word. A card that lies about a flush, or dies in it, is not among this.
"""

import os
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from tests.hil.book import Book
from tests.hil.cuts import dead_disk
from tests.hil.cuts.dead_disk import Remains
from tests.hil.cuts.ledger import SAFE_MS, Press, Verdict, judge
from tests.hil.cuts.plan import BootCut, Cut, PressCut, draw
from tests.hil.emulator import MachineError
from tests.hil.kiosk import Kiosk
from tests.hil.told import Alarm, still_open
from tests.hil.wiring import LIGHTS
from tests.support.wait import wait_for

_PAUSE_MS = 60.0
_ARRIVE_S = 90.0
_LOOK_S = 0.7
"""Long enough to see the light part of any blinking."""
_WHOLE = """\
systemctl is-active --quiet edge-agent || systemctl status --no-pager edge-agent
systemctl --failed --no-legend
dmesg | grep -E 'EXT4-fs (error|warning)|I/O error' || true
"""


@dataclass(slots=True)
class _Cut:
    """One that has come: what was pressed in the life before it, and what it left."""

    presses: list[Press] = field(default_factory=list)
    cut_off: str | None = None
    remains: Future[Remains] | None = None


def play(kiosk: Kiosk, book: Book, *, cuts: int, seed: int) -> None:
    """On a kiosk that is online."""
    kiosk.come_to_rest()
    with ThreadPoolExecutor(1) as examiner:
        day = _Cuts(kiosk, examiner)
        with book.row("power cut while an alarm is registered: its lamps are lit again", essential=True) as row:
            day.press_and_register()
            day.cut()
            row.figures["boot_s"] = day.boot()
            kiosk.wiring.wait_for_lights("registered")
            row.seen = f"registered; {day.boot_s:.0f} s from power-on until the buttons are live"
        with book.row("power cut right after the close: the lamps are at rest", essential=True) as row:
            day.close_all()
            day.cut()
            day.boot()
            row.seen = ", ".join(f"{lamp} {what}" for lamp, what in kiosk.wiring.wait_for_lights("idle").items())
        with book.row(f"{cuts} more power cuts at random moments: each time it starts again", essential=True) as row:
            row.seen = f"seed {seed}: {day.suffer(draw(seed, cuts))}"
        verdict, faults = day.judge()
        with book.row("every press older than a second was on the disk when the power went") as row:
            forgotten = verdict.forgotten_ms
            young = "none was forgotten" if forgotten is None else f"the oldest forgotten was {forgotten:.0f} ms old"
            row.seen = f"{verdict.kept} of {verdict.made} presses kept; {young}"
            row.figures |= {"made": verdict.made, "kept": verdict.kept, "forgotten_ms": round(forgotten or 0.0)}
            assert not verdict.lost, f"{len(verdict.lost)} lost: {verdict.lost[:5]}"
            assert not verdict.invented, f"{verdict.invented} presses that nobody made"
        with book.row("after each cut file system and databases are whole") as row:
            row.seen = f"{len(day.cuts)} disks: e2fsck, PRAGMA integrity_check"
            assert not faults, "; ".join(faults[:5])
        with book.row("all that was kept arrives at the centre, each press once") as row:
            row.seen = day.wait_until_told()
        day.close_all()


class _Cuts:
    """The machine, and what has happened to it. `boot_s` is from power-on until the buttons are live."""

    def __init__(self, kiosk: Kiosk, examiner: ThreadPoolExecutor) -> None:
        self._kiosk = kiosk
        self._machine = kiosk.machine
        self._examiner = examiner
        self.cuts: list[_Cut] = []
        self.boot_s = 0.0
        self._births = 0

    def boot(self) -> float:
        """Switch it on, until the buttons are live; returns the seconds. Raises AssertionError when anything failed."""
        began_s, self._births = time.monotonic(), self._kiosk.births()
        self._kiosk.boot()
        self.boot_s = round(time.monotonic() - began_s, 1)
        wrong = self._machine.check(_WHOLE)
        assert not wrong, wrong
        return self.boot_s

    def press_and_register(self) -> None:
        """One alarm, with the centre's signed answer."""
        kiosk = self._kiosk
        known = len(kiosk.alarms("police"))
        kiosk.wiring.press("police")
        (alarm,) = kiosk.wait_for_presses(1, "police", since=known)
        kiosk.centre.acknowledge(alarm.alarm_id, kiosk.key, "registered")
        kiosk.wiring.wait_for_lights("registered")
        time.sleep(SAFE_MS / 1000)

    def close_all(self) -> None:
        """As soon as it is online."""
        self._kiosk.wait_for_birth(self._births)
        self._kiosk.close_alarms()
        self._kiosk.wiring.wait_for_lights("idle")
        time.sleep(SAFE_MS / 1000)

    def cut(self, presses: Sequence[Press] = (), cut_off: str | None = None) -> None:
        """Now, unless it has come already; then have the disk looked at."""
        self._machine.cut_power()
        image = self._machine.disk
        copy = dead_disk.copy(image, image.with_name(f"dead-{len(self.cuts)}.img"))
        self.cuts.append(_Cut(list(presses), cut_off, self._examiner.submit(dead_disk.examine, copy)))

    def suffer(self, plan: Sequence[Cut]) -> str:
        """All of these cuts, and a boot at the end; returns what they were."""
        boots = 0
        for cut in plan:
            match cut:
                case BootCut(fraction):
                    self._machine.cut_power()
                    self._machine.switch_on()
                    time.sleep(fraction * self.boot_s)
                    self.cut()
                case PressCut():
                    if not self._machine.is_on:
                        self.boot()
                        boots += 1
                        self._check_lamps()
                    self._press_until_cut(cut)
        self.boot()
        self._check_lamps()
        during = sum(isinstance(cut, PressCut) for cut in plan)
        return f"{during} during presses, {len(plan) - during} during the start; {boots + 1} whole starts, 0 failed"

    def _press_until_cut(self, cut: PressCut) -> None:
        if cut.alone:
            self._machine.check("ip link set eth0 down")
        ahead_ns = self._machine.clock_ahead_ns()
        closed: list[tuple[str, int]] = []
        cut_off: str | None = None
        bomb = _Bomb(self._machine.emulator.pid, cut.after_s)
        try:
            for button, held_ms in cut.presses:
                cut_off = button
                pressed = self._kiosk.wiring.press_many(button, 1, held_ms, _PAUSE_MS)[0]
                closed.append((button, pressed.after_ns))
        except MachineError:
            if not bomb.fired_ns:
                raise
        cut_ns = bomb.wait() + ahead_ns
        self.cut([Press(button, (cut_ns - ns) / 1e6) for button, ns in closed], cut_off)

    def _check_lamps(self) -> None:
        """Somebody has pressed, and nobody has answered."""
        reply = self._machine.ask(30.0, do="watch", pins=[LIGHTS["yellow"], LIGHTS["green"]], for_s=_LOOK_S)
        levels = [high for _, high in reply["seen"]]
        assert any(yellow for yellow, _ in levels), "an alarm is open, and yellow stays dark after the start"
        assert not any(green for _, green in levels), "nobody has answered, and green is lit after the start"

    def judge(self) -> tuple[Verdict, list[str]]:
        """Over all cuts, in their order; and what was damaged."""
        total, faults = Verdict(), []
        before: dict[str, int] = {}
        for number, cut in enumerate(self.cuts, start=1):
            assert cut.remains is not None
            remains = cut.remains.result()
            faults += [f"cut {number}: {fault}" for fault in remains.faults]
            if number > 2:
                total.add(judge(cut.presses, cut.cut_off, before, remains.presses))
            before = remains.presses
        self._kept = before
        return total, faults

    def wait_until_told(self) -> str:
        """Until the centre knows of every press that the disk had at the last cut."""
        found = {name: self._told(name, count) for name, count in sorted(self._kept.items())}
        for alarm in found.values():
            assert not alarm.untold, f"{alarm.input}: presses that no message has told: {alarm.untold}"
            assert alarm.raised == 1, f"{alarm.input} was raised {alarm.raised} times"
            possible = sum(
                [press.input for press in cut.presses].count(alarm.input) + (cut.cut_off == alarm.input)
                for cut in self.cuts
            )
            assert alarm.presses <= possible, f"{alarm.input}: {alarm.presses} presses told, {possible} made"
        return f"{len(found)} alarms, {sum(alarm.presses for alarm in found.values())} presses"

    def _told(self, name: str, count: int) -> Alarm:
        def complete() -> Alarm | None:
            alarms = still_open(self._kiosk.alarms(name))
            assert len(alarms) <= 1, f"{name} has {len(alarms)} open alarms"
            return alarms[0] if alarms and alarms[0].presses >= count and not alarms[0].untold else None

        told = wait_for(complete, _ARRIVE_S, f"the centre knows of {count} presses of {name}: that")
        assert told is not None
        return told


class _Bomb:
    """Kills the emulator at a moment, whatever the main thread does with it then."""

    def __init__(self, pid: int, after_s: float) -> None:
        self.fired_ns = 0
        """CLOCK_BOOTTIME of the kill."""
        self._thread = threading.Thread(target=self._go_off, args=(pid, after_s), name="power-cut", daemon=True)
        self._thread.start()

    def _go_off(self, pid: int, after_s: float) -> None:
        time.sleep(after_s)
        self.fired_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)

    def wait(self) -> int:
        """When it was."""
        self._thread.join()
        return self.fired_ns
