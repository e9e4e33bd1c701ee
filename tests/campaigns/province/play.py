"""The guide, played: a site, a device with a claim and one without, and a press of each that the centre hears."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from agent import __version__
from deploy.package.target import TARGETS
from edge_centre.kit.workshop import filled
from tests.campaigns.province import afterwards
from tests.campaigns.province import hosts as machines
from tests.campaigns.province.hands import SIMULATED, SimHands
from tests.campaigns.province.hosts import BROKERS, PASSWORD, Host
from tests.campaigns.province.reader import ROOT, Reader, WentWrongError, guide
from tests.support import debian
from tests.support.wait import wait_for
from tests.support.walker import NOTHING, Walker

WITH_CLAIM, FIRST = machines.DEVICES
_WAITS = "contacts|tone|input|paths"
"""Steps of a walk that are mostly waiting: five minutes in all. The short form leaves them out."""
_CODE = re.compile(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b")
_RAISED = re.compile(r"alarm/police .*\bTEST\b.* RAISED\b.*, id (\S+)")
_CLOSED = re.compile(r"alarm/police .* CLOSED\b.*, id (\S+)")
_VERIFY = ".venv/bin/edge-centre report verify {report} --province kzn --device kzn/durban-station/{name}"
_ANSWERS = {
    r"BECOME password: $": PASSWORD,
    r"\[sudo\] password for [^\n]*: $": PASSWORD,
    r"for sudo on .*: $": PASSWORD,
}


@dataclass
class Part:
    """What one part of the guide took."""

    what: str
    commands: int = 0
    edited: int = 0
    again: int = 0
    """How many of the commands were typed once more."""
    seconds: float = 0.0
    lines: list[str] = field(default_factory=list)
    """Where, which command, and how long."""


class Play:
    """One play, in `directory`, within namespaces of its own. `internet` are words that lead out of them."""

    def __init__(
        self, directory: Path, deb: Path, internet: tuple[str, ...], say: Callable[[str], object], *, is_short: bool
    ) -> None:
        self._directory, self._deb, self._internet, self._say = directory, deb, internet, say
        self._is_short = is_short
        self.office = directory / "edge-agent"
        self._edited = directory / "edited.txt"
        self.parts: list[Part] = []
        self._began_s = 0.0

    def before(self, hosts: dict[str, Host]) -> None:
        """What the guide says that somebody has, and a person's one input."""
        trusting = ["git", "-c", "safe.directory=*"]
        subprocess.run([*trusting, "clone", "-q", "--no-hardlinks", ROOT, self.office], check=True)
        toml = filled("example.toml", code="kzn").replace("203.0.113.7", next(iter(BROKERS.values())))
        (self._directory / "filled.toml").write_text(toml)
        editor = self._directory / "editor"
        editor.write_text(f'#!/bin/sh\necho "$1" >>{self._edited}\ncp {self._directory}/filled.toml "$1"\n')
        editor.chmod(0o755)
        self._edited.touch()
        home = self._directory / "home"
        (home / ".ssh").mkdir(parents=True)
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / ".ssh/id_ed25519"], check=True)
        ours = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(("PYTHON", "VIRTUAL", "PYTEST", "MAKE", "MFLAGS"))
        }
        path = f"{os.environ['PATH']}:{Path(sys.executable).parent}"  # ours has Ansible, and comes last
        ours |= {"HOME": str(home), "USER": "office", "EDITOR": str(editor), "PATH": path, "TERM": "dumb"}
        self.reader = Reader(self.office, ours | {"ANSIBLE_NOCOLOR": "1"}, _ANSWERS)
        wheels = next(host for name, host in hosts.items() if name in machines.REGISTRAR).root / "srv/wheels"
        locked = self.office / "deploy/centre/edge_centre/registrar/requirements.txt"
        fetch = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "-q",
            "--disable-pip-version-check",
            "-d",
            wheels,
            "-r",
            locked,
        ]
        subprocess.run([*self._internet, *map(str, fetch)], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "media", "/media"], check=True)
        (card := Path("/media/office/bootfs")).mkdir(parents=True)
        subprocess.run(["mount", "--bind", hosts[WITH_CLAIM].boot_partition, card], check=True)

    def play(self, hosts: dict[str, Host]) -> None:
        """All of it. Raises WentWrongError at the first thing that does not come true."""
        site, card, watch, walk, answer, first, approve, start = guide()
        self._begin("a site: two brokers and the registrar, from a clean clone")
        new, playbook, check = site
        self._type(new, outside=self._internet)
        recap = self._type(playbook)
        if len(re.findall(r"unreachable=0 +failed=0", recap)) != len(machines.HOSTS):
            raise WentWrongError(recap)
        if "All is well." not in (said := self._type(check)):
            raise WentWrongError(said)
        (self.office / "dist").mkdir(exist_ok=True)  # `make dist`, once for all devices
        for arch in ("amd64", "arm64"):  # the second is what the card of a Pi is given
            target = TARGETS[f"{debian.RELEASE.name}-{arch}"]
            shutil.copy(self._deb, self.office / "dist" / target.file_name(__version__))
        self._begin("a device, from its card to the end of a technician's walk")
        [make_image], [watches], [commission], [ack] = card, watch, walk, answer
        self._type(make_image)
        self._commission(hosts[WITH_CLAIM], commission, watches, ack)
        if list(hosts[WITH_CLAIM].boot_partition.glob("*.claim")):
            raise WentWrongError("the claim is still on the card")
        self._begin("a device first, let in by a supervisor")
        shutil.copy(self._deb, hosts[FIRST].boot_partition)
        install, enrol = first
        self._type(install, at=FIRST)
        self._enrol(enrol, approve)
        for command in start:
            self._type(command, at=FIRST)
        self._end()
        self._press(hosts[FIRST], watches.replace(WITH_CLAIM, FIRST))

    def _commission(self, device: Host, command: str, watch: str, ack: str) -> None:
        """Put the card in, switch the device on, and walk through it, with somebody at the centre who answers."""
        [key] = (self.office / "provinces/kzn/keys").glob("technician-*.key.json")
        self.reader.answers[r"Paste the technician's key[^\n]*: $"] = json.dumps(json.loads(key.read_text()))
        with self.reader.at_a_terminal(watch) as centre, centre.read_meanwhile():

            def open_test() -> str:
                raised = _RAISED.findall(centre.said)[-1:]
                return "".join(each for each in raised if each not in _CLOSED.findall(centre.said))

            def answer() -> None:
                alarm_id = wait_for(open_test, 60, "the test's alarm at the centre")
                self.reader.types(ack.replace(" ID ", f" {alarm_id} "))

            technician = Walker(SimHands(device), answer, self._say, _WAITS if self._is_short else NOTHING)
            device.use_card()
            self._say("  the card goes into the device, which is switched on")
            device.start()
            technician.waits_for_the_beacon()
            is_done = False
            while not is_done:
                self._note(device.name, command)
                with self.reader.at_a_terminal(command, at=device.name) as terminal:
                    is_done = technician.walks(terminal)
                    if is_done and terminal.ended():
                        raise WentWrongError(terminal.said)
                if not is_done:
                    self._say("  the supply is cut, and is there again")
                    device.start()
                    technician.waits_for_the_beacon()
        for line in re.findall(r"^(?:passed|failed|left-out|Sealed:|The broker) .*", terminal.said, re.MULTILINE):
            self._say(f"  {line}")
        wanted = "(incomplete)" if self._is_short else "(passed)"
        if wanted not in terminal.said or "The broker has it." not in terminal.said:
            raise WentWrongError(terminal.said)
        self._say("the office checks the report of the walk")
        report = device.root / "var/lib/edge-agent/commissioning/report.json"
        self.reader.types(_VERIFY.format(report=report, name=device.name))

    def _enrol(self, command: str, approve: list[str]) -> None:
        poster = (self.office / "provinces/kzn/signage/invitation.html").read_text()
        invitation = re.findall(r"edge-claim1\.[\w-]{50,}", poster)[0]
        with self.reader.at_a_terminal(command.replace("INVITATION", invitation), at=FIRST) as terminal:
            terminal.read_until(_CODE.search, "the code")
            found = _CODE.search(terminal.said)
            assert found
            self._say(f"  reads out {found[0]}")
            for each in approve:
                self._type(each.replace("CODE", found[0]))
            if terminal.ended():
                raise WentWrongError(terminal.said)
        self._note(FIRST, command)

    def _press(self, device: Host, watch: str) -> None:
        with self.reader.at_a_terminal(watch) as terminal:
            terminal.read_until(lambda said: "ONLINE" in said, f"{device.name} online")
            wait_for(lambda: device.machine.run(f"{SIMULATED} press police").returncode == 0, what="a press")
            terminal.read_until(lambda said: "alarm/police" in said, "the press", 30)
        self._say(f"a press of {device.name} has arrived at the centre")

    def _type(self, command: str, *, at: str = "", outside: tuple[str, ...] = ()) -> str:
        self._note(at, command)
        return self.reader.types(command, at=at, outside=outside)

    def _note(self, at: str, command: str) -> None:
        part, line = self.parts[-1], f"{at or 'office'}: {command}"
        part.commands += line not in part.lines
        part.again += line in part.lines
        part.lines.append(line)
        self._say(f"  {at or 'office'}$ {command if len(command) < 100 else command[:97] + '...'}")

    def _begin(self, what: str) -> None:
        self._end()
        self._say(what)
        self._began_s = time.monotonic()
        self.parts.append(Part(what))

    def _end(self) -> None:
        if self.parts:
            part = self.parts[-1]
            part.seconds = time.monotonic() - self._began_s
            opened = self._edited.read_text().splitlines()
            part.edited = sum(not each.endswith("provinces/kzn.toml") for each in opened)  # the one that is filled in
            self._edited.write_text("")


def played(
    directory: Path, deb: Path, internet: tuple[str, ...], say: Callable[[str], object], *, is_short: bool
) -> list[Part]:
    """Play it, and then what the kit promises beyond the guide. Raises WentWrongError, AssertionError."""
    say("three hosts and two devices start")
    with ExitStack() as stack:
        (disks := directory / "disks").mkdir()
        hosts = stack.enter_context(machines.network(disks))
        play = Play(directory, deb, internet, say, is_short=is_short)
        play.before(hosts)
        play.play(hosts)
        afterwards.look(play.reader, hosts, say)
    return play.parts
