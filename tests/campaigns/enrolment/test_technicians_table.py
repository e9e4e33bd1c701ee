"""What a technician sees when enrolment, a certificate or a board is not as it should be: the guide's table.

Each trouble is made, the commands and the agent are run, and the step that the guide names is done and must mend it.
With UPDATE_GUIDE=1 the table is written into the guide.
"""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.x509 import load_pem_x509_certificate

from agent.__main__ import main
from agent.adapters.binding import CURRENT
from agent.adapters.board import Board
from agent.adapters.system_clock import SystemClock
from agent.adapters.time_service import TimeService
from agent.cli import enrol, renew
from agent.contract.vocabulary import TimeQuality
from agent.provisioning.asking import Tools
from agent.sim.board import FILE
from agent.trust.claim import Claim, Invitation, read
from edge_centre.registrar.__main__ import main as office
from tests.campaigns.measured import cell, put
from tests.support.agent_process import AgentProcess
from tests.support.enrolling import StillClock
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.registrar import BOARD, OTHER_BOARD, ServedRegistrar
from tests.support.wait import wait_for
from tests.system.test_enrolment import broker, registrar

__all__ = ["broker", "registrar", "renew"]  # renew: loaded before anything of enrol's is replaced
GUIDE = Path(__file__).parents[3] / "docs/how-to/commission-a-device.md"
PLACE = "what a technician sees"
SITE = "kzn/durban-station"
AS_USUAL = re.compile(r"This board:|Its name:|Registrar:|If the label|Making a key|Asking|Going on with|Code:")
OUT_OF_SERVICE = {"yellow": "alternate", "green": "alternate", "beacon": "off"}
AS_FIRST = "not enrolled, with the words of `enrol`"
NOT_LET_IN, NO = "not let in yet", "refused"
USUAL_S, NEVER_S = 1.5, 3600.0


class Terminal:
    """Where the technician and the office type."""

    def __init__(self, directory: Path, registrar: ServedRegistrar, capsys: pytest.CaptureFixture[str]) -> None:
        self.directory = directory
        self._registrar = registrar
        self._capsys = capsys

    def office(self, *words: str) -> str:
        """Run a command of the registrar; return the first line that it prints."""
        self._capsys.readouterr()
        office(["--config", str(self._registrar.config), *words])
        said = self._capsys.readouterr()
        return f"{said.out}{said.err}".splitlines()[0]

    def claim(self, name: str, *options: str) -> Claim:
        claim = read(self.office("claim", *name.split("/")[1:], *options))
        assert isinstance(claim, Claim)
        return claim

    def run(self, kiosk: AgentProcess, *words: str) -> tuple[int, str]:
        """Run a command of the device; return its code, and the first line that tells of more than its usual steps."""
        self._capsys.readouterr()
        code = main([*words, "--config", str(kiosk.config)])
        said = self._capsys.readouterr()
        lines = [line for line in f"{said.out}{said.err}".splitlines() if not AS_USUAL.match(line)]
        return code, lines[0]

    def enrol(self, kiosk: AgentProcess, claim: Claim, *words: str) -> tuple[int, str]:
        file = self.directory / "edge-agent.claim"
        file.write_text(claim.text())
        return self.run(kiosk, "enrol", "--claim-file", str(file), *words)

    def doctor(self, kiosk: AgentProcess, *only: str) -> str:
        """The first thing that the doctor finds wrong, and what to do."""
        self._capsys.readouterr()
        checks = only or ("enrolment", "certificate", "broker")
        main(["doctor", "--json", "--simulate", "--config", str(kiosk.config)])
        tree = json.loads(self._capsys.readouterr().out)
        findings = [each for check in tree["checks"] if check["name"].startswith(checks) for each in check["findings"]]
        wrong = [each for each in findings if each["state"] in {"fail", "warn"}]
        return f"{wrong[0]['what']} → {wrong[0]['do']}" if wrong else "all is well"


@pytest.fixture
def terminal(tmp_path: Path, registrar: ServedRegistrar, capsys: pytest.CaptureFixture[str]) -> Terminal:
    return Terminal(tmp_path, registrar, capsys)


def new_kiosk(directory: Path) -> AgentProcess:
    """A card with the package's settings, which has not been enrolled."""
    made = AgentProcess(
        directory,
        "mqtts://broker.example:8883",
        mqtt={"ca_file": "/etc/edge-agent/server-ca.pem"},
        commands={"keys": str(directory / "command-keys.json")},
        service={"out_of_service_after_s": USUAL_S},
    )
    made.storage.mkdir()
    return made


def look_at(kiosk: AgentProcess, *, at_once: bool = False) -> tuple[str, str]:
    """What its log says first of its connection, and its lamps, which must show it at once or some time later."""
    settings = kiosk.config.read_text()
    kiosk.config.write_text(settings.replace(f"= {USUAL_S}", f"= {NEVER_S}") if at_once else settings)
    begin = len(kiosk.log())
    with kiosk:
        kiosk.wait_for_outputs(**OUT_OF_SERVICE)
        lines = wait_for(lambda: re.findall(r"(?:ERROR|WARNING) publisher: .*", kiosk.log()[begin:]), what="the reason")
    kiosk.config.write_text(settings)
    return f"`journalctl -u edge-agent`: {lines[0]}", f"out of service {'at once' if at_once else 'after 5 minutes'}"


def restart(registrar: ServedRegistrar, days: str = "") -> None:
    """Have certificates of another length, and another grace."""
    registrar.kill()
    before = registrar.config.read_text().partition("[days]")[0]
    registrar.config.write_text(f"{before}[days]\n{days}")
    registrar.start()


def as_in_the_guide(text: str, directory: Path) -> str:
    """Without what differs from run to run."""
    for pattern, word in (
        (r"mqtts://localhost:\d+", "mqtts://broker-a.example:8883"),
        (r"localhost:\d+", "registrar.example"),
        (rf"{directory}/boot/", "/boot/firmware/"),
        (rf"{directory}/\w+/storage/", "/var/lib/edge-agent/"),
        (r"(?!1970)\d{4}-\d\d-\d\d", "2026-03-02"),
        (r"(?<!:)\b(?!00:05)\d\d:\d\d(:\d\d)?\b", "09:30"),
        ("over 0 days ago", "over 30 days ago"),
    ):
        text = re.sub(pattern, word, text)
    return text


@pytest.mark.campaign
@pytest.mark.timeout(700)
def test_the_guide_has_what_programs_say_and_its_step_mends_it(
    terminal: Terminal,
    registrar: ServedRegistrar,
    broker: Mosquitto,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows: list[tuple[str, ...]] = []
    one, two = new_kiosk(tmp_path / "one"), new_kiosk(tmp_path / "two")
    name_one, name_two = f"{SITE}/kiosk-0001", f"{SITE}/kiosk-0002"

    def clock(quality: TimeQuality) -> None:
        monkeypatch.setattr(SystemClock, "quality", lambda _: quality)
        still.trusted = quality

    def board(kiosk: AgentProcess, serial: str) -> None:
        monkeypatch.setattr(Board, "serials", lambda _: (serial,))
        (kiosk.storage / FILE).write_text(serial)

    def tell(trouble: str, said: str, step: str, doctor: str | None = None, lamps: str | None = None) -> None:
        before = (
            NOT_LET_IN if "can't be reached" in said or "waiting for" in said or "there is no claim" in said else NO
        )
        rows.append((trouble, said, doctor or (AS_FIRST if rows else unenrolled), lamps or before, step))

    def refused(said: tuple[int, str]) -> str:
        assert said[0] in {1, 3}, said
        return f"`enrol`: {said[1]}"

    def mends(kiosk: AgentProcess, *words: str, claim: Claim | None = None) -> None:
        code, said = terminal.run(kiosk, *words) if claim is None else terminal.enrol(kiosk, claim)
        assert (code, terminal.doctor(kiosk)) == (0, "all is well"), said

    still = StillClock()
    monkeypatch.setattr(enrol, "tools", lambda: Tools(still, still.pause, print))
    clock(TimeQuality.SYNCED)
    board(one, BOARD)
    unenrolled = terminal.doctor(one)

    lost = terminal.claim(name_one)
    away = lost.model_copy(update={"registrar": f"https://localhost:{free_port()}"})
    said = refused(terminal.enrol(one, away))
    tell(
        "the registrar is down, or the network is",
        said,
        "mend the network, or wait: it goes on by itself for 15 minutes; after that run the same command again",
    )

    clock(TimeQuality.UNSYNCED)
    with monkeypatch.context() as wrong:
        still.now = datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
        wrong.setattr(SystemClock, "wall", lambda _: still.now)
        wrong.setattr(TimeService, "name", lambda _: "systemd-timesyncd")
        wrong.setattr(TimeService, "battery_clock", lambda _: None)
        said, doctor = refused(terminal.enrol(one, away)), terminal.doctor(one, "clock")
    tell("the clock is wrong", said, "let the network set the clock: it goes on by itself", doctor)
    still.now = datetime.now(UTC)
    clock(TimeQuality.SYNCED)

    said = refused(terminal.run(one, "enrol", "--claim-file", str(tmp_path / "boot/edge-agent.claim")))
    tell("the claim is lost", said, "`enrol` with another claim for the same name")
    claim = terminal.claim(name_one)
    said = refused(terminal.enrol(one, lost))
    tell("a lost claim that turns up again, or a forged one", said, "`enrol` with the claim that was made last")
    said = refused(terminal.enrol(one, claim.model_copy(update={"name": "gp/park-station/kiosk-0001"})))
    tell("the claim is for another province", said, "`enrol` with a claim of this province")
    said = refused(terminal.enrol(one, claim, "--name", name_two))
    tell("wrong label: the claim is another device's", said, "`enrol` with the claim for the name on the right label")
    mends(one, claim=claim)

    board(two, OTHER_BOARD)
    said = refused(terminal.enrol(two, claim))
    tell("the claim was used already", said, "`enrol` with a claim for this device")
    said = refused(terminal.enrol(two, terminal.claim(name_two, "--board", BOARD)))
    tell("wrong label: the claim is another board's", said, "`enrol` with a claim for this board")

    def refuse(_: float) -> None:
        code = next(word for word in terminal.office("requests").split() if re.fullmatch(r"(\w{4}-){2}\w{4}", word))
        assert terminal.office("refuse", code, "--reason", "that name is another board's, which works")

    with monkeypatch.context() as waiting:
        waiting.setattr(enrol, "tools", lambda: Tools(still, refuse, print))
        invitation = Invitation(registrar=claim.registrar, root=claim.root).text()
        said = refused(terminal.run(two, "enrol", invitation, "--name", name_one))
    tell(
        "wrong label: it asks without a claim, under another device's name",
        said,
        "`enrol` under the name on the right label",
    )
    mends(two, claim=terminal.claim(name_two, "--board", OTHER_BOARD))

    board(one, "10000000abcdef03")
    log, lamps = look_at(one, at_once=True)
    tell(
        "the card is a copy of another kiosk's",
        log,
        "`enrol` with a claim for a name of its own",
        terminal.doctor(one),
        lamps,
    )
    mends(one, claim=(claim := terminal.claim(f"{SITE}/kiosk-0003")))
    board(one, "10000000abcdef04")
    said = refused(terminal.enrol(one, claim))
    tell(
        "the board was replaced",
        said,
        "`enrol` with a claim that was made with `--replace`",
        terminal.doctor(one),
        lamps,
    )
    mends(one, claim=terminal.claim(f"{SITE}/kiosk-0003", "--replace"))

    restart(registrar, "device = 0.0001\ngrace = 0\n")
    assert terminal.enrol(one, terminal.claim(f"{SITE}/kiosk-0003", "--replace"))[0] == 0
    board(two, OTHER_BOARD)
    assert terminal.enrol(two, terminal.claim(name_two, "--replace"))[0] == 0
    end = load_pem_x509_certificate((two.storage / CURRENT / "device.pem").read_bytes()).not_valid_after_utc
    wait_for(lambda: datetime.now(UTC) > end, what="the certificate's end")
    log, lamps = look_at(two)
    code, said = terminal.run(two, "renew", "--now")
    assert code == 3
    doctor = terminal.doctor(two)
    restart(registrar, "grace = 0\n")
    tell(
        "the certificate has expired, and the grace of 30 days is over too",
        f"`renew`: {said}",
        "`enrol` with a claim for this device",
        doctor,
        lamps,
    )
    mends(two, claim=terminal.claim(name_two))
    restart(registrar)
    board(one, "10000000abcdef04")
    tell(
        "the certificate expired less than 30 days ago",
        log,
        "`renew`; its timer does so within the hour too",
        terminal.doctor(one),
        lamps,
    )
    mends(one, "renew", "--now")

    trusted = tmp_path / "broker/edge-agent/device-ca.pem"
    right = trusted.read_bytes()
    trusted.write_bytes((registrar.directory / "server-root.pem").read_bytes())
    broker.restart()
    log, lamps = look_at(one)
    tell(
        "the broker refuses the device",
        log,
        "the office runs the playbook, which gives brokers their files",
        terminal.doctor(one),
        lamps,
    )
    trusted.write_bytes(right)
    broker.restart()
    assert terminal.doctor(one) == "all is well"

    head = ("trouble", "on the terminal", "the doctor", "the lamps", "the step that mends it")
    lines = [head, ("---",) * len(head), *rows]
    table = "".join(f"| {' | '.join(cell(as_in_the_guide(each, tmp_path)) for each in line)} |\n" for line in lines)
    if os.environ.get("UPDATE_GUIDE"):
        put(PLACE, table, GUIDE)
    assert f"<!-- {PLACE} -->\n\n{table}\n<!--" in GUIDE.read_text()
