"""`edge-agent`: what runs on a device, and what a technician types at one."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from agent.contract.command_line import FAILED, Program

COMMANDS = {
    "run": "run the agent",
    "check-config": "check a settings file and print what it means",
    "config-reset": "discard remote settings",
    "enrol": "get this device its name, its certificate and its settings",
    "enrol-lamps": "show the state of enrolment on the lamps",
    "renew": "get this device a new certificate before the old one ends",
    "decommission": "take this device out of use and erase what it knows of its province",
    "doctor": "check every part of a device, and say what to do",
    "commission": "try everything that this device has, step by step",
    "service-page": "serve a technician's phone while somebody asks for it",
    "sim": "press the buttons of a simulated agent and read its lights",
    "model": "fetch, try, list and verify models",
}
_MOVED = ("watch", "ack", "command", "conform", "report", "evidence", "keygen", "keys", "schema")
"""Commands of the office, which this program had until 0.1. They are handed on for one version."""
_LAB = {
    "demo": "make run",
    "bench": "python -m deploy.lab bench",
    "model build": "make model",
    "model demo-video": "make demo-video",
}
_EXAMPLE = """\
Examples:
  sudo edge-agent doctor                  what is wrong with this device, and what to do
  edge-agent COMMAND --help               every option of a command, with an example

On a device the agent is a service, with its settings in /etc/edge-agent/edge-agent.toml:
  systemctl status edge-agent             is it running?
  journalctl -u edge-agent -f             follow its log
  man edge-agent                          all of this in one page
What an office types (watch, ack, command, keys, evidence and more) is in `edge-centre`.
"""


def _elsewhere(arguments: Sequence[str]) -> int | None:
    """Hand a moved command to the office's program, or say where it went."""
    called = arguments[0]
    if (lab := next((words for words in (called, " ".join(arguments[:2])) if words in _LAB), None)) is not None:
        print(f"edge-agent: {lab} is a developer's command now, in a checkout: {_LAB[lab]}", file=sys.stderr)
        return FAILED
    if called not in _MOVED:
        return None
    # Never by PATH: root may call us with the PATH of somebody else.
    places = (Path(sys.executable).parent, Path("/usr/bin"))
    office = next((path for place in places if os.access(path := place / "edge-centre", os.X_OK)), None)
    if office is None:
        print(
            f"edge-agent: {called} is a command of the office now. Run it there: edge-centre {called} (package "
            "edge-centre; a kiosk does not need it)",
            file=sys.stderr,
        )
        return FAILED
    print(f"edge-agent: {called} has moved, call it as: edge-centre {called}", file=sys.stderr)
    sys.stderr.flush()
    return os.execv(office, [str(office), *arguments])  # noqa: S606 - no shell


PROGRAM = Program(
    "edge-agent",
    "Edge agent for street panic kiosks and CCTV cameras.",
    _EXAMPLE,
    COMMANDS,
    "agent.cli",
    _elsewhere,
)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
