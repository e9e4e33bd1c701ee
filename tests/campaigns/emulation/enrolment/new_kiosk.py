"""A kiosk that has a name nowhere yet: the package is installed, and whoever is asked for a certificate is a real
registrar behind a real nginx."""

import io
import shutil
import tempfile
import time
from contextlib import ExitStack, redirect_stdout
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.serialization import Encoding

from edge_centre.key_files import make_key
from edge_centre.registrar.config import read_config
from edge_centre.registrar.store import Store
from tests.campaigns.emulation.architecture import Architecture
from tests.campaigns.emulation.emulator import HOST
from tests.campaigns.emulation.kiosk import BROKER, Kiosk
from tests.campaigns.emulation.machine import put
from tests.support.agent_process import USER
from tests.support.mosquitto import CENTRE
from tests.support.registrar import ServedRegistrar, authorities
from tests.support.wait import wait_for

REGISTRAR = "registrar.example"
CLAIM = "/boot/firmware/edge-agent.claim"
STATE = "/var/lib/edge-agent"
CURRENT = f"{STATE}/credentials/current"
SETTINGS = "/etc/edge-agent/edge-agent.d/95-enrolled.toml"
BOARD = "100000004b1d00aa"
"""As the emulated board's device tree says."""
BUILT_AGO_S = 30 * 24 * 3600
"""So old is the package: the certificates of this day began after that."""
_HOSTS = f"127.0.0.1 localhost kiosk\n{HOST} {BROKER} {REGISTRAR}\n"
_TIME_SERVICE = """\
python3 -S -c '
import ctypes, time
time.clock_settime(time.CLOCK_REALTIME, {now})
timex = (ctypes.c_long * 64)(0x14)  # ADJ_STATUS and ADJ_MAXERROR: neither "unsynchronised" nor any error
ctypes.CDLL(None).adjtimex(timex)'
"""


class NewKiosk(Kiosk):
    """It finds `BROKER` and `REGISTRAR` by TLS. Its device authority is the registrar's; the office makes claims."""

    def __init__(self, architecture: Architecture, directory: Path, card: Path | None = None) -> None:
        province, site, _ = USER.split("/")
        self.registrar = ServedRegistrar(
            directory / "registrar",
            province=province,
            address=f"https://{REGISTRAR}",
            brokers=[f"mqtts://{BROKER}:8883"],
            centres=[CENTRE],
        )
        settings = self.registrar.config
        settings.write_text(settings.read_text().replace("durban-station", site))
        super().__init__(architecture, directory, more_ports={443: self.registrar.port}, card=card)
        self.technician = make_key("technician", directory / "keys")
        self._share_authorities(directory)
        self.put("/etc/hosts", _HOSTS)
        self.put("/usr/share/edge-agent/built", f"{int(time.time()) - BUILT_AGO_S}\n")
        self._served = ExitStack()

    def __enter__(self) -> Self:
        self._served.enter_context(self.registrar)
        try:
            super().__enter__()
        except BaseException:
            self._served.close()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        with redirect_stdout(io.StringIO()):  # what it would show of its log
            self._served.close()

    def claim(self, *words: str) -> str:
        """A claim for its name and its board, as the office makes it."""
        done = self.registrar.run("claim", *USER.split("/")[1:], "--board", BOARD, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[0]

    def put_claim(self) -> None:
        """On the boot partition of the card, which is in the office."""
        self.put(CLAIM, self.claim() + "\n")

    def set_time(self) -> None:
        """What a time service does: it sets the clock, and tells the kernel that it is right."""
        self.machine.check(_TIME_SERVICE.format(now=time.time()))

    def told(self, what: str) -> int:
        """How often the registrar's journal says so."""
        store = Store(read_config(self.registrar.config).database)
        try:
            with store.transaction() as tx:
                return sum(each[2] == what for each in tx.journal())
        finally:
            store.close()

    def said(self, unit: str, text: str, timeout_s: float = 30.0) -> str:
        """The first line with this text that the unit has said since the boot, as soon as it has."""

        def lines() -> list[str]:
            said = self.machine.check(f"journalctl --sync; journalctl -b -u {unit} -o cat")
            return [line for line in said.splitlines() if text in line]

        return wait_for(lines, timeout_s, f"a line of {unit} about {text!r}")[0]

    def wait_until_enrolled(self, timeout_s: float = 180.0) -> None:
        """Until the unit has taken the claim away, and the agent is there. Raises MachineError."""
        self.machine.check(f"while [ -e {CLAIM} ]; do sleep 0.5; done", timeout_s)
        self.wait_until_active(90.0)

    def certificate(self) -> str:
        """What the certificate in use says: subject, alternative names, end and number."""
        show = "-noout -subject -nameopt RFC2253 -ext subjectAltName -enddate -serial"
        return self.machine.check(f"openssl x509 -in {CURRENT}/device.pem {show}")

    def put(self, path: str, text: str) -> None:
        """Put a file with this text onto the disk of the machine, which is off."""
        with tempfile.NamedTemporaryFile("w", dir=self.registrar.directory) as file:
            file.write(text)
            file.flush()
            Path(file.name).chmod(0o644)
            put(self.machine.disk, path, Path(file.name))

    def _share_authorities(self, directory: Path) -> None:
        """One authority of servers for both, and the registrar's for devices; and it gives them the operator's key."""
        ours, there = self.broker.authorities, self.registrar.directory
        assert ours is not None
        server = ours.server.server([REGISTRAR, "localhost", "127.0.0.1"])
        for file, name in ((server.ca, "server-root.pem"), (server.cert, "server.pem"), (server.key, "server.key")):
            shutil.copy(file, there / name)
        shutil.copy(directory / "keys/keys.json", there)
        both = (authorities("device"), authorities("issuing"))
        ours.devices.ca.write_bytes(b"".join(each.certificate.public_bytes(Encoding.PEM) for each in both))
