"""A card that `make image` has prepared, in a machine on which nothing is installed, up to the end of the walk.

It is begun as Bookworm begins it: systemd runs firstrun.sh by the words that are in cmdline.txt, and restarts. The boot
partition is a disk of its own, with ext4: the emulated kernel has no FAT.
"""

import io
import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from pathlib import Path

from deploy.card import boot_lines
from deploy.card.__main__ import main as make_image
from tests.campaigns.emulation import lamps
from tests.campaigns.emulation.architecture import ARM64
from tests.campaigns.emulation.book import Book, in_a_row
from tests.campaigns.emulation.enrolment.new_kiosk import BOARD, NewKiosk
from tests.campaigns.emulation.enrolment.terminal import Terminal
from tests.campaigns.emulation.machine import file_system
from tests.campaigns.emulation.package import package
from tests.campaigns.emulation.wiring import CONDITIONS, LIGHTS
from tests.support.agent_process import USER
from tests.support.boot_partition import make
from tests.support.walker import Walker

_MOUNTED = "/boot/firmware"
_FSTAB = f"/dev/vda / ext4 defaults,noatime 0 0\n/dev/vdc {_MOUNTED} ext4 defaults 0 0\n"
_KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKd tech@office\n"
_FIRSTRUN_S = 180.0
_INSTALLED_S = 600.0
_LOG = f"{_MOUNTED}/edge-agent-first-boot.txt"
_LEFT = "ls /boot/firmware /etc/systemd/system"


class CardKiosk(NewKiosk):
    """Its card is in the office until `prepare`."""

    def __init__(self, directory: Path) -> None:
        self._office = directory / "office"
        self._card = directory / "card.img"
        super().__init__(ARM64, directory, card=self._card)
        self._office.mkdir()
        self.put(f"{_MOUNTED}/nothing", "")  # so that there is a folder to mount it at
        self.put("/etc/fstab", _FSTAB)

    def prepare(self) -> str:
        """What the office does; returns what `make image` has said."""
        card, claim, key = make("bookworm", self._office), self._office / "claim", self._office / "id.pub"
        claim.write_text(self.claim() + "\n")
        key.write_text(_KEY)
        words = ["--profile", "kiosk-pi4", "--release", "bookworm", "--out", card, "--dist", package(ARM64).parent]
        with redirect_stdout(said := io.StringIO()):
            code = make_image([*map(str, words), "--claim", str(claim), "--ssh-key", str(key)])
        assert code == 0
        for each in card.iterdir():  # as FAT, which has no modes, is mounted
            each.chmod(0o755)
        file_system(card, self._card)
        return said.getvalue()

    def words(self) -> list[str]:
        """What `make image` has added to cmdline.txt, as far as it is there now."""
        command = ["/sbin/debugfs", "-R", "cat cmdline.txt", str(self._card)]
        line = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return [word for word in line if word.startswith("systemd.") or word in boot_lines.WORDS]


class PinHands:
    """At the header of the emulated board."""

    def __init__(self, kiosk: NewKiosk) -> None:
        self._kiosk = kiosk
        self._wiring = kiosk.wiring

    def press(self, name: str) -> None:
        """Press a button and let it go."""
        self._wiring.press(name)

    def unplug(self, _: str) -> None:
        """The cable of the only supervised button."""
        self._wiring.cut_cable()

    def plug_in(self, _: str) -> None:
        """The same."""
        self._wiring.mend_cable()

    def open(self, name: str) -> None:
        """Open a contact."""
        self._wiring.train([(CONDITIONS[name], False, 0.0)])

    def close(self, name: str) -> None:
        """Close it."""
        self._wiring.train([(CONDITIONS[name], True, 0.0)])

    def cut_way(self) -> None:
        """There is one broker: it goes."""
        self._kiosk.broker.stop()

    def mend_way(self) -> None:
        """It is back, and the centre with it."""
        self._kiosk.broker.start()
        self._kiosk.join()

    def cut_power(self) -> None:
        """QEMU is killed."""
        self._kiosk.machine.cut_power()

    def lamps(self) -> Mapping[str, str]:
        """From the levels of their pins."""
        for_s = lamps.watch_s("pressed")
        reply = self._kiosk.machine.ask(30.0 + 2 * for_s, do="watch", pins=list(LIGHTS.values()), for_s=for_s)
        found = lamps.patterns(list(LIGHTS), reply["seen"])
        return found | ({"beacon": "steady"} if found["beacon"] == "on" else {})


def play(kiosk: CardKiosk, book: Book) -> None:
    """From a stock card to the end of a technician's walk."""
    machine = kiosk.machine
    with book.row("make image prepares a stock Bookworm's card", essential=True) as row:
        said = kiosk.prepare()
        row.seen = next(line for line in said.splitlines() if line.startswith("This card makes"))
        machine.words = kiosk.words()
        assert sum(word.startswith("systemd.") for word in machine.words) == 3, machine.words
    with book.row("at its first start systemd runs firstrun.sh alone, which takes its words away, and restarts") as row:
        machine.switch_on()
        machine.wait_until_off(_FIRSTRUN_S)
        machine.words = kiosk.words()
        row.seen = f"of its words stay: {' '.join(machine.words)}"
        assert machine.words == list(boot_lines.WORDS), row.seen
    with book.row("then the package installs itself from the card, with the profile's settings", essential=True) as row:
        began_s = time.monotonic()
        machine.boot()
        kiosk.set_time()
        machine.check(f"until ! test -e {_MOUNTED}/edge-agent-first-boot.sh; do sleep 1; done", _INSTALLED_S)
        row.figures["first_boot_s"] = round(time.monotonic() - began_s, 1)
        row.seen = f"after {row.figures['first_boot_s']:.0f} s; {in_a_row(machine.check(f'cut -c 21- {_LOG}'))}"
        assert "its settings are those of kiosk-pi4" in row.seen, row.seen
    with book.row("it enrols, and nothing that it used up is left on the card", essential=True) as row:
        kiosk.wait_until_enrolled()
        left = machine.check(_LEFT)
        row.seen = in_a_row(kiosk.certificate())
        assert f"CN={USER}" in row.seen.replace("\\", ""), row.seen
        assert f"URI:urn:edge-agent:board:{BOARD}" in row.seen, row.seen
        gone = (".deb", "edge-agent.claim", "edge-agent.profile", "firstrun.sh", "first-boot.sh", "first-boot.service")
        assert [each for each in gone if each in left] == []
    with book.row("a technician walks through it to its end, with no step left out", essential=True) as row:
        kiosk.wait_for_birth(0)
        verdicts = _walk(kiosk)
        row.seen = ", ".join(verdicts)
        assert all(each.startswith("passed") for each in verdicts), row.seen


def _walk(kiosk: CardKiosk) -> list[str]:
    def answer() -> None:
        terminal.read_until(lambda _: kiosk.alarms("police")[known:], "the test's alarm", 60.0)
        kiosk.centre.acknowledge(kiosk.alarms("police")[-1].alarm_id, kiosk.key)

    known = 0
    technician = Walker(PinHands(kiosk), answer, lambda line: None)
    technician.waits_for_the_beacon()
    key = json.dumps(kiosk.technician.as_jwk())
    terminal = Terminal(kiosk, key)
    while not technician.walks(terminal):
        known = len(kiosk.alarms("police"))
        kiosk.machine.boot()
        kiosk.set_time()
        technician.waits_for_the_beacon()
        terminal = Terminal(kiosk, key)
    terminal.read_until(lambda said: "code=" in said, "the end", 60.0)
    return [
        " ".join(line.split()) for line in terminal.said.splitlines() if line.startswith(("passed", "failed", "left"))
    ]
