"""`edge-centre`: what an office or an operator types."""

import gc
import importlib
import sys
from collections.abc import Sequence

from agent.contract.command_line import Program

COMMANDS = {
    "watch": "show what a device publishes",
    "ack": "answer an alarm, as the command centre would",
    "command": "send a device a command and wait for its result",
    "keys": "enrol the key of an operator's page; list a key set",
    "keygen": "make a key that may sign acks and commands",
    "report": "check the signed report of a commissioning, and make a page of it",
    "evidence": "check whether a recording is as the camera signed it",
    "conform": "grade a subscriber or a device against the contract",
    "schema": "write the contract as AsyncAPI, JSON Schema, TypeScript and a page",
}
_PROGRAMS = {
    "kit": "make everything that a province needs from one file, and look after it",
    "registrar": "the host that gives devices their certificates",
}
"""What has commands of its own, in `edge_centre.NAME.__main__`."""
_EXAMPLE = """\
Examples:
  edge-centre watch --device gp/jhb-park-station/kiosk-0042 --broker mqtts://broker.example:8884 ...
  edge-centre COMMAND --help              every option of a command, with an example
"""


def _elsewhere(arguments: Sequence[str]) -> int | None:
    name, *words = arguments
    if name not in _PROGRAMS:
        return None
    program = importlib.import_module(f"edge_centre.{name}.__main__")
    gc.enable()  # it is loaded, and a registrar serves for months
    return int(program.main(words, f"edge-centre {name}"))


PROGRAM = Program(
    "edge-centre",
    "The office of edge-agent: watches devices, answers alarms, checks evidence, enrols.",
    _EXAMPLE,
    COMMANDS,
    "edge_centre.cli",
    _elsewhere,
    _PROGRAMS,
)
main = PROGRAM.main

if __name__ == "__main__":
    sys.exit(main())
