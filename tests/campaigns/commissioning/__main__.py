"""`python -m tests.campaigns.commissioning`: people press in earnest at every step of a walk, and the power goes."""

import argparse
import itertools
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agent.bootstrap.commissioning import equipment
from agent.core.commissioning.plan import Step, plan
from agent.settings import load
from edge_centre.key_files import make_key
from tests.campaigns import measured
from tests.support.agent_process import BUTTON, IN_EARNEST, LIGHTS, REPOSITORY, USER, AgentProcess, run_cli
from tests.support.centre import Centre, Message
from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.technician import Technician
from tests.support.wait import PATIENCE_S

_BUTTONS = [
    {**BUTTON, "pin_nc": 5, "chatter_presses": 0},
    {**BUTTON, "name": "hidden", "kind": "duress", "pin": 6, "silent": True},
    {**BUTTON, "name": "fire", "kind": "fire", "pin": 13},
    {**BUTTON, "name": "medical", "kind": "medical", "pin": 19},
]
_INPUTS = [
    {"name": name, "kind": kind, "pin": pin}
    for name, kind, pin in (("door", "tamper", 12), ("mains", "mains", 16), ("battery", "battery", 20))
]
_CAMERA = {"name": "front", "source": "picamera2:0", "model": "none-such"}
"""It costs no processor time: without its model no picture is looked at."""
_EXAMPLE = """\
Examples:
  make walk
  make walk WALK="--presses 1000"

Exit codes: 0 all were told as actual and each cut was taken up again, 1 something went wrong.
"""


class Walked:
    """One walk of a kiosk whose presses are in earnest."""

    def __init__(self, directory: Path, broker: Mosquitto, authorities: BrokerAuthorities) -> None:
        files = authorities.device(USER)
        self._authorities = authorities
        self._broker = broker
        self.agent = AgentProcess(
            directory / "kiosk",
            broker.url,
            program=IN_EARNEST,
            mqtt=files.mqtt,
            buttons=_BUTTONS,
            inputs=_INPUTS,
            cameras=[_CAMERA],
            lights=LIGHTS,
        )
        keys = self.agent.directory / "keys"
        self._key = keys / f"{make_key('technician', keys).kid}.key.json"
        self.steps = plan(equipment(load(self.agent.config, environ={})))
        self._heard: set[str] = set()
        self.told: dict[str, list[str]] = {}
        """The status of each press, by the step in which it was made."""
        self.cuts: dict[str, float] = {}
        """How long after the power came back the step was under way again, in seconds."""
        self._technician: Technician
        self._centre: Centre

    def walk(self, presses: int, cuts: int) -> str:
        """Walk to the end; return what is wrong with the report, empty if nothing is."""
        centre = Centre(self._broker.centre_port, host="localhost", files=self._authorities.centre(CENTRE))
        counts = itertools.cycle(range(len(self.steps)))
        wanted = [0] * len(self.steps)
        for _ in range(max(presses, len(self.steps))):
            wanted[next(counts)] += 1
        with centre as self._centre, self.agent:
            self._begin()
            for number, step in enumerate(self.steps):
                self._await(step)
                for _ in range(wanted[number]):
                    self._press_in_earnest(step)
                if number < cuts:
                    self._cut_power(step)
                self._do(step)
            self._technician.sees("Sealed: report")
            self._technician.sees("The broker has it.")
            self._technician.process.wait(PATIENCE_S)
            return self._trouble()

    def _begin(self) -> None:
        self._technician = Technician(self.agent, self._key)
        self._technician.__enter__()

    def _await(self, step: Step) -> None:
        """Wait until the step's first act is asked for."""
        self._technician.sees(f"] {step.id}: {step.acts[0].say}")

    def _press_in_earnest(self, step: Step) -> None:
        button = next(each["name"] for each in reversed(_BUTTONS) if each["name"] not in step.inputs)
        self.agent.press(str(button))
        alarm = self._new_alarm(str(button))
        self.told.setdefault(step.id, []).append(alarm.data["status"])
        self._technician.sees(f"] {step.id}: An alarm in earnest is open")
        self._centre.result(self._centre.acknowledge(alarm.data["alarm_id"], self.agent.key, "closed"))
        self._await(step)

    def _new_alarm(self, button: str) -> Message:
        def is_new(message: Message) -> bool:
            data = message.data
            return (
                message.type == "edge.alarm.raised.v1"
                and data["input"] == button
                and data["alarm_id"] not in self._heard
            )

        found = self._centre.wait_for("alarm/", is_new)
        self._heard.add(found.data["alarm_id"])
        return found

    def _cut_power(self, step: Step) -> None:
        """Everything on the device dies at once."""
        self._technician.__exit__(None, None, None)
        self.agent.kill()
        self.agent.start()
        began_s = time.monotonic()
        self._begin()
        self._await(step)
        self.cuts[step.id] = round(time.monotonic() - began_s, 1)

    def _do(self, step: Step) -> None:
        if step.id == "label":
            self._technician.types("y")
        elif step.id.startswith("button-"):
            self.agent.press(step.inputs[0])
            self._heard.add(self._test_of(step.inputs[0]))
            self._technician.sees(f"] {step.id}: ", "[y/n]")
            self._technician.types("y")
        elif step.id != "self-test":
            self._technician.types("l nobody tries this in the campaign")

    def _test_of(self, button: str) -> str:
        alarm = self._new_alarm(button)
        assert alarm.data["status"] == "test", alarm
        return str(alarm.data["alarm_id"])

    def _trouble(self) -> str:
        file = self.agent.storage / "commissioning" / "report.json"
        keys = self.agent.directory / "keys" / "keys.json"
        done = run_cli("report", "verify", file, "--device-ca", self._authorities.devices.ca, "--keys", keys)
        if done.returncode != 0:
            return done.stdout
        noted = json.loads(file.read_text())["report"]["in_earnest"]
        pressed = sorted(step for step, told in self.told.items() for _ in told)
        return "" if sorted(each["step"] for each in noted) == pressed else "the report misses an alarm in earnest"


def main(argv: Sequence[str] | None = None) -> int:
    """Walk, print the figures, and return the exit code."""
    args = _parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        authorities = BrokerAuthorities.create(directory / "authorities")
        with Mosquitto(directory / "broker", authorities=authorities) as broker:
            walked = Walked(directory, broker, authorities)
            trouble = walked.walk(args.presses, args.cuts)
    statuses = [status for told in walked.told.values() for status in told]
    actual = statuses.count("actual")
    for step in walked.steps:
        told = walked.told.get(step.id, [])
        again = f", power cut, and on after {walked.cuts[step.id]} s" if step.id in walked.cuts else ""
        print(f"{step.id:24} {told.count('actual')} of {len(told)} told as actual{again}")
    print(f"{actual} of {len(statuses)} presses in earnest were told as actual, at {len(walked.told)} steps")
    print(f"{len(walked.cuts)} power cuts, each taken up at its step")
    print(trouble or "the report holds, and names each alarm")
    record: dict[str, Any] = {"told": walked.told, "cuts": walked.cuts, "trouble": trouble}
    measured.write_record(args.json, record)
    return 1 if trouble or actual < len(statuses) or len(walked.told) < len(walked.steps) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.campaigns.commissioning",
        description="Walk a simulated kiosk whose presses are in earnest, with the real agent, broker and terminal. At "
        "each step somebody presses another button, which must be told as actual and make the walk wait, and the power "
        "is cut, after which the walk must go on at that step. The report must hold, and name each alarm.",
        epilog=_EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--presses", type=int, default=100, metavar="N", help="in earnest (default 100), one a step at least"
    )
    parser.add_argument(
        "--cuts", type=int, default=1000, metavar="N", help="at the first N steps only (default: at each)"
    )
    parser.add_argument("--json", type=Path, default=REPOSITORY / "build/walk.json", help="default: build/walk.json")
    return parser


if __name__ == "__main__":
    sys.exit(main())
