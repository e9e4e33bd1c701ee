"""A camera is added: its process finds people on the emulated processor, and dies."""

import time

from tests.campaigns.emulation.book import Book
from tests.campaigns.emulation.figures import main_process, measure
from tests.campaigns.emulation.installed import STICK
from tests.campaigns.emulation.kiosk import Kiosk

_CAMERA = f"""\
cat >> /etc/edge-agent/edge-agent.d/90-device.toml << END
# A recording of a street in place of a sensor. This processor is emulated: one inference takes it some seconds.
[[cameras]]
name = "front"
source = "file:{STICK}/demo.avi?loop=1"
frames_per_second = 1
inferences_per_second = 1
threads = 1
min_travel = 0
enter_after_s = 0
END
systemctl restart edge-agent
"""
_SEEN_S = 120.0
_AGAIN_S = 60.0
_LOAD_S = 5.0
_PROCESS = "grep -lz 'agent[.]vision' /proc/[0-9]*/cmdline | cut -d/ -f3"


def play(kiosk: Kiosk, book: Book) -> None:
    """The detector of the package, on a video of a street."""
    machine = kiosk.machine
    began_s = time.monotonic()
    with book.row("a camera in the settings: somebody is seen, and told", essential=True) as row:
        machine.check(_CAMERA, 120)
        event = kiosk.centre.wait_for("event/person-entered", timeout_s=_SEEN_S)
        took_s = time.monotonic() - began_s
        row.seen = f"person-entered, score {event.data['score']:.2f}, {took_s:.0f} s after the restart began"
        row.figures["first_person_s"] = round(took_s, 1)
    with book.row("what core and camera process take, while it looks") as row:
        measure(machine, row, _LOAD_S)
    with book.row("kill -9 of the camera process: the core goes on, a press arrives, a new one takes pictures") as row:
        core, mark = main_process(machine), kiosk.log_mark()
        killed = machine.check(_PROCESS).split()
        machine.check(f"kill -9 {' '.join(killed)}")
        kiosk.press_and_hear("police")
        kiosk.wait_for_log(mark, "camera front delivers pictures", _AGAIN_S)
        new = machine.check(_PROCESS).split()
        row.seen = f"processes {', '.join(killed)} gave way to {', '.join(new)}; the core is still {core}"
        assert main_process(machine) == core, "the core is another one"
        assert not set(killed) & set(new), row.seen
    kiosk.close_alarms()
