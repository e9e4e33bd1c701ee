"""The kiosk's power, which goes again and again: QEMU is killed, and the same disk is switched on once more.

What the guest has not flushed to its disk is gone with it, as with a real cut; what it has flushed is kept by the host,
so that the disk keeps its word. A card that lies about a flush, or dies in it, is not among this.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager

from tests.campaigns.emulation.cuts import dead_disk
from tests.campaigns.emulation.cuts.dead_disk import FLUSHED, UNFLUSHED, Remains
from tests.campaigns.emulation.cuts.ledger import Life, Press
from tests.campaigns.emulation.cuts.plan import BootCut, Cut, PressCut
from tests.campaigns.emulation.emulator import Emulator, MachineError
from tests.campaigns.emulation.kiosk import Kiosk
from tests.campaigns.emulation.wiring import LIGHTS

_PAUSE_MS = 60.0
_LOOK_S = 0.7
"""Long enough to see the light part of any blinking."""
_WRITE = f"echo yes > {FLUSHED}; sync {FLUSHED}; echo yes > {UNFLUSHED}"
_WHOLE = """\
systemctl is-active --quiet edge-agent || systemctl status --no-pager edge-agent
systemctl --failed --no-legend
dmesg | grep -E 'EXT4-fs (error|warning)|I/O error' || true
"""


class Mains:
    """Power of a kiosk that is on. `boot_s` is from power-on until the buttons are live. Main thread."""

    def __init__(self, kiosk: Kiosk, examiner: ThreadPoolExecutor) -> None:
        self._kiosk = kiosk
        self._machine = kiosk.machine
        self._examiner = examiner
        self._cuts: list[tuple[Sequence[Press], str | None, Future[Remains]]] = []
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

    def wait_until_online(self) -> None:
        """Since the last boot."""
        self._kiosk.wait_for_birth(self._births)

    def write(self) -> None:
        """Two files, of which one is flushed."""
        self._machine.check(_WRITE)

    def cut(self, presses: Sequence[Press] = (), cut_off: str | None = None) -> Future[Remains]:
        """Now, unless it has come already; what it has left is looked at while the day goes on."""
        self._machine.cut_power()
        image = self._machine.disk
        copy = dead_disk.copy(image, image.with_name(f"dead-{len(self._cuts)}.img"))
        remains = self._examiner.submit(dead_disk.examine, copy)
        self._cuts.append((presses, cut_off, remains))
        return remains

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

    def lives(self) -> tuple[list[Life], list[str]]:
        """For the books, one for each cut so far; and what was damaged by them."""
        lives, faults = [], []
        for number, (presses, cut_off, future) in enumerate(self._cuts, start=1):
            remains = future.result()
            lives.append(Life(presses, cut_off, remains.presses))
            faults += [f"cut {number}: {fault}" for fault in remains.faults]
        return lives, faults

    def _press_until_cut(self, cut: PressCut) -> None:
        if cut.alone:
            self._machine.check("ip link set eth0 down")
        ahead_ns = self._machine.clock_ahead_ns()
        closed: list[tuple[str, int]] = []
        cut_off: str | None = None
        with _TimedCut(self._machine.emulator, cut.after_s) as timed:
            try:
                for button, held_ms in cut.presses:
                    cut_off = button
                    pressed = self._kiosk.wiring.press_many(button, 1, held_ms, _PAUSE_MS)[0]
                    closed.append((button, pressed.after_ns))
            except MachineError:
                if not timed.at_ns:
                    raise
        cut_ns = timed.at_ns + ahead_ns
        self.cut([Press(button, (cut_ns - ns) / 1e6) for button, ns in closed], cut_off)

    def _check_lamps(self) -> None:
        """Somebody has pressed, and nobody has answered."""
        reply = self._machine.ask(30.0, do="watch", pins=[LIGHTS["yellow"], LIGHTS["green"]], for_s=_LOOK_S)
        levels = [high for _, high in reply["seen"]]
        assert any(yellow for yellow, _ in levels), "an alarm is open, and yellow stays dark after the start"
        assert not any(green for _, green in levels), "nobody has answered, and green is lit after the start"


class _TimedCut(AbstractContextManager["_TimedCut"]):
    """Comes so long after entering, whatever the main thread does with the emulator then; not after leaving."""

    def __init__(self, emulator: Emulator, after_s: float) -> None:
        self.at_ns = 0
        """CLOCK_BOOTTIME of the cut; 0 before it."""
        self._emulator = emulator
        self._timer = threading.Timer(after_s, self._cut)

    def __enter__(self) -> "_TimedCut":
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        self._timer.join()

    def _cut(self) -> None:
        self.at_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        self._emulator.kill()
