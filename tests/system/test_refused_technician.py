"""A technician is refused in ten ways, and has the card, the lamps, the doctor and the page for the pavement alone.

Each way is made for real: by a registrar of the kit behind nginx, a broker, a network without a cable or a name server,
a clock of 1970. `pytest -n 0 -s` prints the table.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agent.cli import enrol_lamps
from agent.contract.lamps import NOT_ENROLLED, OUT_OF_SERVICE, REFUSED, LightState
from agent.provisioning import progress
from agent.trust.claim import Claim, Invitation, read
from agent.trust.jose_keys import PrivateKey
from tests.support.agent_process import AgentProcess
from tests.support.certificates import CertificateFiles
from tests.support.mosquitto import Mosquitto
from tests.support.registrar import BOARD, OTHER_BOARD, ServedRegistrar
from tests.support.root import as_root
from tests.support.service_page import Page
from tests.support.wait import wait_for
from tests.system.test_enrolment import broker

__all__ = ["broker"]
REPOSITORY = Path(__file__).parents[2]
GUIDE = (REPOSITORY / "docs/how-to/on-the-pavement.md").read_text()
NAME = "kzn/durban-station/kiosk-0001"
_TRUSTED = str(REPOSITORY / "tests/support/trusted_clock")
_MACHINE = """
import sys
from pathlib import Path
root, board, plugged = Path(sys.argv[1]), sys.argv[2], sys.argv[3] == "plugged"
from agent.contract import command_line
command_line.DEFAULT_CONFIG = root / "kiosk/edge-agent.toml"
from agent.provisioning import progress
progress.RUN, progress.CARD = root / "run", root / "boot"
from agent.adapters.board import Board
Board.serials = lambda _: (board,)
if plugged:
    from agent.adapters import network
    from agent.core.diagnosis.network import Link
    network.links = lambda: [Link("eth0", True, ("192.0.2.7",))]
from agent.__main__ import main
sys.exit(main(sys.argv[4:]))
"""
"""A command of the agent at a machine of this test's own: its card, its /run, its board, and its cable."""
_IN_THE_GUIDE = {
    NOT_ENROLLED: "| the same, beacon slowly on and off | not let in yet",
    REFUSED: "| the same, beacon flashes fast | refused: read the card |",
    OUT_OF_SERVICE: "| yellow and green in turn, beacon dark | nobody would hear a press |",
}


@dataclass
class Machine:
    """A kiosk whose card the office has prepared."""

    root: Path
    registrar: ServedRegistrar
    broker: Mosquitto
    board: str = BOARD
    around: tuple[str, ...] = ()
    """What its commands run in: a network, a time."""
    plugged: bool = True
    environ: dict[str, str] = field(default_factory=lambda: {"PYTHONPATH": _TRUSTED})

    def __post_init__(self) -> None:
        for name in ("boot", "run"):
            (self.root / name).mkdir()
        self.kiosk = AgentProcess(
            self.root / "kiosk",
            "mqtts://broker.example:8883",
            mqtt={f"{name}_file": f"/etc/edge-agent/none.{name}" for name in ("ca", "cert", "key")},
            commands={"keys": str(self.root / "kiosk/command-keys.json")},
            service={"out_of_service_after_s": 1.5},
            lights={"yellow": 22, "green": 27, "beacon": 23},
        )
        self.kiosk.storage.mkdir()

    def claim(self, *options: str, **changes: Any) -> Claim:
        """One that the office has made."""
        made = self.registrar.run("claim", *NAME.split("/")[1:], *options)
        assert made.returncode == 0, made.stderr
        found = read(made.stdout.splitlines()[0])
        assert isinstance(found, Claim)
        return found.model_copy(update=changes)

    def words(self, *words: str) -> list[str]:
        """The command that runs a command of the agent there."""
        plug = "plugged" if self.plugged else "-"
        return [*self.around, sys.executable, "-c", _MACHINE, str(self.root), self.board, plug, *words,
                "--config", str(self.kiosk.config)]  # fmt: skip

    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": "", "TZ": "UTC", "FAKETIME_DONT_FAKE_MONOTONIC": "1", **self.environ}

    def enrol(self, text: str, *words: str, meanwhile: Callable[[], None] | None = None) -> int | None:
        """What the unit does with the claim on the card; None if it goes on trying, which ends here. While it waits,
        the office does `meanwhile`."""
        file = self.root / "boot/edge-agent.claim"
        file.write_text(text)
        with (self.root / "enrol.log").open("w") as log:
            process = subprocess.Popen(
                self.words("enrol", "--claim-file", str(file), *words),
                cwd=REPOSITORY, env=self.environment(), stdout=log, stderr=log, stdin=subprocess.DEVNULL,
                start_new_session=True,  # what is around it does not pass a signal on
            )  # fmt: skip
            try:
                wait_for(
                    lambda: (
                        process.poll() is not None or ("it asks " not in self.card and "not enrolled yet" in self.card)
                    ),
                    60,
                    "its end, or what it waits for",
                )
                if meanwhile is None:
                    return process.poll()
                meanwhile()
                return process.wait(60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGTERM)
                process.wait(20)
                print((self.root / "enrol.log").read_text())

    @property
    def card(self) -> str:
        """The last line, without its time."""
        file = self.root / "boot" / progress.LOG
        return file.read_text().splitlines()[-1].split(" ", 2)[2] if file.exists() else ""

    def lamps(self) -> LightState | None:
        """What shows before there is an agent."""
        _, lamps = enrol_lamps.what_to_show(self.kiosk.config)
        return lamps()

    def page(self) -> str:
        """What stands at the top of the service page, on a phone that has entered its code."""
        (self.root / "page").mkdir()
        with Page(self.root / "page", agent=self.kiosk.directory / "run") as page:
            phone = page.phone()
            assert phone.enter().status == 204
            wait_for(lambda: phone.state()["nonce"], what="the page to hear the agent")
            return str(phone.state()["trouble"])

    def doctor(self) -> str:
        """The first line that fails, and what it says to do."""
        done = subprocess.run(
            self.words("doctor", "--simulate", "--json"),
            cwd=REPOSITORY, env=self.environment(), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1, (done.stdout, done.stderr)
        tree = json.loads(done.stdout)
        found = [
            f"{check['name']}: {each['what']} → {each['do']}"
            for check in tree["checks"] for each in check["findings"] if each["state"] == "fail"
        ]  # fmt: skip
        assert all(not line.endswith("→ ") for line in found), "each says what to do"
        return found[0]


@pytest.fixture
def registrar(tmp_path: Path, broker: Mosquitto) -> Iterator[ServedRegistrar]:
    with ServedRegistrar(tmp_path / "registrar", PrivateKey.generate("operator"), brokers=[broker.url]) as served:
        files = served.directory
        broker.use_certificate(CertificateFiles(files / "server.pem", files / "server.pem", files / "server.key"))
        broker.restart()
        yield served


@pytest.fixture
def machine(tmp_path: Path, registrar: ServedRegistrar, broker: Mosquitto, monkeypatch: pytest.MonkeyPatch) -> Machine:
    (tmp_path / "machine").mkdir()
    made = Machine(tmp_path / "machine", registrar, broker)
    monkeypatch.setattr(progress, "RUN", made.root / "run")
    return made


def _network(*commands: str) -> tuple[str, ...]:
    """A network of its own, made by these commands of a shell."""
    script = " && ".join((*commands, 'exec "$@"'))
    return (*as_root("unshare", "--net", "--mount"), "sh", "-c", script, "sh")


_CABLE = (
    "mount -t sysfs none /sys && ip link add eth0 type veth peer name far && ip addr add 10.9.8.7/24 dev eth0 && "
    "ip link set eth0 up"
)


def expired(machine: Machine) -> None:
    assert machine.enrol(machine.claim(until=1_700_000_000).text()) == 3


def cut(machine: Machine) -> None:
    assert machine.enrol(machine.claim().text()[:90]) == 3


def other_board(machine: Machine) -> None:
    assert machine.enrol(machine.claim("--board", OTHER_BOARD).text()) == 3


def cable_out(machine: Machine) -> None:
    machine.around, machine.plugged = _network(_CABLE), False
    assert machine.enrol(machine.claim().text()) is None


def no_names(machine: Machine) -> None:
    resolv = machine.root / "resolv.conf"
    resolv.write_text("nameserver 10.9.8.1\noptions timeout:1 attempts:1\n")
    machine.around = _network(
        _CABLE, "ip link set far up", "ip route add default via 10.9.8.1", f"mount --bind {resolv} /etc/resolv.conf"
    )
    machine.plugged = False
    assert machine.enrol(machine.claim(registrar="https://registrar.kzn.example").text()) is None


def in_1970(machine: Machine) -> None:
    machine.around, machine.environ = ("faketime", "-f", "@1970-01-01 00:05:00"), {}
    assert machine.enrol(machine.claim().text()) is None


def broker_down(machine: Machine) -> None:
    assert machine.enrol(machine.claim().text()) == 0
    machine.broker.stop()


def id_taken(machine: Machine) -> None:
    """It asks without a claim, by the office's invitation, under the name on the wrong label."""
    claim = machine.claim()
    assert machine.enrol(claim.text()) == 0
    (machine.root / "second").mkdir()
    machine.root, machine.board = machine.root / "second", OTHER_BOARD
    machine.__post_init__()
    progress.RUN = machine.root / "run"

    def refuse() -> None:
        assert machine.card == "not enrolled yet: Waiting for somebody at the office to approve."
        asked = machine.registrar.run("requests").stdout
        code = next(word for word in asked.split() if re.fullmatch(r"(\w{4}-){2}\w{4}", word))
        assert not machine.registrar.run("refuse", code, "--reason", "that name is another board's").returncode

    invitation = Invitation(registrar=claim.registrar, root=claim.root).text()
    assert machine.enrol(invitation, "--name", NAME, meanwhile=refuse) == 3


def ended(machine: Machine) -> None:
    machine.registrar.kill()
    text = machine.registrar.config.read_text().partition("[days]")[0]
    machine.registrar.config.write_text(f"{text}[days]\ndevice = 0.0001\n")
    machine.registrar.start()
    assert machine.enrol(machine.claim().text()) == 0
    until_s = time.time() + 9
    wait_for(lambda: time.time() > until_s, what="the certificate's end")


def wrong_pin(machine: Machine) -> None:
    text = machine.kiosk.config.read_text()
    assert "yellow = 22" in text
    machine.kiosk.config.write_text(text.replace("yellow = 22", "yellow = 17"))
    assert machine.enrol(machine.claim().text()) == 2


@dataclass(frozen=True)
class Way:
    """What is wrong, and what each of them must show: patterns."""

    make: Callable[[Machine], None]
    card: str
    lamps: LightState
    doctor: str
    page: str = ""
    """Once there is an agent; before, no page is served."""


WAYS = {
    "claim expired": Way(
        expired,
        r"not enrolled: this claim has expired \(.*\): ask the office for a new one",
        REFUSED,
        r"enrolment: not enrolled: this claim has expired \(.*\) → ask the office for a new one",
    ),
    "claim cut off": Way(
        cut,
        r"not enrolled: this claim is damaged \(it is cut off or mistyped\): copy the whole line, or ask the office",
        REFUSED,
        r"enrolment: not enrolled: this claim is damaged .* → copy the whole line, or ask the office again",
    ),
    "another board": Way(
        other_board,
        r"not enrolled: this claim is for board \w+, and this is board \w+: look at the label .* ask the office",
        REFUSED,
        r"enrolment: not enrolled: this claim is for board \w+, and this is board \w+ → look at the label",
    ),
    "cable out": Way(
        cable_out,
        r"not enrolled yet: .* (can't be resolved|can't be reached \(.*\)): check the network cable",
        NOT_ENROLLED,
        r"network: no network cable is connected: (far, )?eth0(, far)? has no link → plug it in at both ends",
    ),
    "no DNS": Way(
        no_names,
        r"not enrolled yet: the name registrar.kzn.example can't be resolved: .* this network has a name server",
        NOT_ENROLLED,
        r"enrolment: not enrolled yet: the name registrar.kzn.example can't be resolved → .* \(DNS\)",
    ),
    "clock in 1970": Way(
        in_1970,
        r"not enrolled yet: The clock says 1970-01-01 .*: waiting for the time service. The network must let it reach",
        NOT_ENROLLED,
        r"clock: the clock is wrong: it says 1970-01-01 .* → let it reach a time server",
    ),
    "broker down": Way(
        broker_down,
        r"done",
        OUT_OF_SERVICE,
        r"(agent|broker-1): .*nothing listens on localhost:\d+ → check the port, and that the broker is running",
        r"No connection to the command centre: nothing listens on localhost:\d+: check the port",
    ),
    "id taken": Way(
        id_taken,
        r"not enrolled: .* The command centre has refused this device: that name is another board's. Call them.",
        REFUSED,
        r"enrolment: not enrolled: .* The command centre has refused this device: .*another board's. → call the office",
    ),
    "certificate ended": Way(
        ended,
        r"done",
        OUT_OF_SERVICE,
        r"(agent|certificate): .*certificate.* has expired.* → (renew it \()?`sudo edge-agent renew --now`",
        r"No connection to the command centre: .*certificate.* has expired.*: renew it",
    ),
    "wrong pin": Way(
        wrong_pin,
        r"this device is enrolled, but its other settings have mistakes: .*pin",
        REFUSED,
        r"settings: .*pin.* → correct it",
    ),
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", WAYS)
def test_a_technician_who_is_refused_reads_in_the_first_line_why_and_what_to_do(machine: Machine, name: str) -> None:
    way = WAYS[name]
    way.make(machine)
    if machine.card == "done":
        with machine.kiosk:
            machine.kiosk.wait_for_outputs(yellow="alternate", green="alternate", beacon="off")
            lamps, doctor = OUT_OF_SERVICE, machine.doctor()
            page = machine.page()
        assert re.match(way.page, page), page
    else:
        before = machine.lamps()
        assert before is not None
        lamps, doctor = before, machine.doctor()
    shown = f"{lamps.yellow}, {lamps.green}, {lamps.beacon}"
    print(f"\n| {name} | {machine.card} | {shown} | {doctor} |", file=sys.__stdout__)
    assert re.match(way.card, machine.card), machine.card
    assert lamps == way.lamps
    assert re.match(way.doctor, doctor), doctor
    assert _IN_THE_GUIDE[lamps] in GUIDE


def test_the_last_lines_that_a_technician_reads_on_the_card_are_each_told_on_the_page() -> None:
    told = {'"not enrolled: ..."', '"not enrolled yet: ..."', '"this device is enrolled, but ..."', "`done`"}
    assert [each for each in sorted(told) if each not in GUIDE] == []
    begins = tuple(each.strip('"`').removesuffix(" ...") for each in told)
    assert [way.card for way in WAYS.values() if not way.card.startswith(begins)] == []
