"""`edge-agent sim`: presses the buttons of a simulated agent and reads its lights."""

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.adapters.rights import give_up_root
from agent.bootstrap.specs import sim_socket
from agent.contract.command_line import add_config
from agent.core.errors import EdgeAgentError
from agent.settings import load
from agent.sim import control_socket

_EXAMPLE = """\
Example (the agent was started with `edge-agent run --simulate --config F`, the same F):
  edge-agent sim --config firmware_configs/simulated/edge-agent.toml press police
  edge-agent sim --config firmware_configs/simulated/edge-agent.toml outputs
"""
_EXAMPLES = {
    "press": "press police --hold 0.2 --count 10 --interval 1",
    "hold": "hold police",
    "release": "release police",
    "outputs": "outputs",
    "inputs": "inputs",
    "fault": "fault input-open:police",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add this command."""
    parser = subparsers.add_parser(
        "sim",
        help="press the buttons of a simulated agent and read its lights",
        description="Drive a simulated agent through its pins, as a hand would.",
        epilog=_EXAMPLE,
    )
    add_config(parser, of=" of the agent")
    actions = parser.add_subparsers(dest="do", metavar="ACTION", required=True)

    def action(name: str, text: str) -> argparse.ArgumentParser:
        return actions.add_parser(
            name,
            help=text,
            description=text[0].upper() + text[1:] + ".",
            epilog=f"Example:\n  edge-agent sim --config edge-agent.toml {_EXAMPLES[name]}",
        )

    press = action("press", "press a button and release it; prints one JSON line per press")
    press.add_argument("name", metavar="NAME", help="name of the button in the settings")
    press.add_argument("--hold", dest="hold_s", type=float, metavar="S", help="seconds (default 0.1)")
    press.add_argument("--count", type=int, default=1, metavar="N", help="number of presses (default 1)")
    press.add_argument("--interval", dest="interval_s", type=float, metavar="S", help="seconds from press to press")
    hold = action("hold", "press a button and keep it pressed, or start a condition; it lasts when the agent restarts")
    release = action("release", "release a held button, or end a condition")
    for each in (hold, release):
        each.add_argument("name", metavar="NAME", help="name of the button or the input in the settings")
    action("outputs", "print what every light does, as JSON; `fault` where the pin says otherwise")
    action("inputs", "print which buttons are pressed and which conditions are active, as JSON")
    fault = action("fault", "simulate a fault; an unknown kind lists the known ones")
    fault.add_argument("kind", metavar="KIND")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Do one thing to the agent and print its answers; return 0 when it was done."""
    directory = load(args.config).storage.directory
    give_up_root(directory)
    path = sim_socket(directory)
    keys = ("do", "name", "hold_s", "count", "interval_s", "kind")
    request = {key: value for key in keys if (value := getattr(args, key, None)) is not None}
    for answer in ask(path, request, config=args.config):
        print(json.dumps(answer), flush=True)
    return 0


def ask(path: Path, request: Mapping[str, Any], *, config: Path) -> Iterator[dict[str, Any]]:
    """Send one request and yield the answers as they come. Raises EdgeAgentError."""
    start = f"start `edge-agent run --simulate --config {config}`"
    try:
        sock = control_socket.connect(path)
    except PermissionError as error:
        raise EdgeAgentError(f"the agent belongs to another user: {path} can't be opened") from error
    except OSError as error:
        raise EdgeAgentError(f"no simulated agent runs with these settings: {start}") from error
    with sock, sock.makefile("r", encoding="utf-8") as answers:
        sock.sendall(json.dumps(request).encode() + b"\n")
        for line in answers:
            answer = json.loads(line)
            if "error" in answer:
                raise EdgeAgentError(answer["error"])
            if "done" in answer:
                return
            yield answer["answer"]
    raise EdgeAgentError(f"the agent has ended: {start} again")
