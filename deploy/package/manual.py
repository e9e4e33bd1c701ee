"""edge-agent(1) and edge-centre(1), from what `--help` of each command knows."""

import argparse
import re
from collections.abc import Iterator
from datetime import UTC, datetime

from agent.contract.command_line import Program
from deploy.package.completion import parsers

_HEAD = """\
.TH {title} 1 "{date}" "{name} {version}"
.SH NAME
{name} \\- {does}
.SH SYNOPSIS
.B {name}
.I COMMAND
[\\fIoption\\fR ...]
.SH DESCRIPTION
{about}
.SH COMMANDS
"""
_ABOUT = {
    "edge-agent": (
        "panic buttons and person detection for street kiosks",
        """\
The agent of a street panic kiosk or a CCTV camera, and the tools around it. As a service it runs as
.BR edge\\-agent.service ,
with the settings in /etc/edge\\-agent/edge\\-agent.toml.""",
    ),
    "edge-centre": (
        "the office of street kiosks: alarms, evidence, keys, enrolment",
        """\
What an operator, an officer or an office types: it watches devices and answers their alarms, checks recordings and
reports, makes keys, and makes and keeps what a province needs.""",
    ),
}
_FILES = """\
.SH FILES
.TP
.I /etc/edge\\-agent/edge\\-agent.toml
Settings. A variable of the environment that begins with EDGE_AGENT_ overrides one of them (__ between levels).
.TP
.I /usr/share/edge\\-agent/profiles
Settings, pins and boot configuration for each kind of device, to begin with.
.TP
.I /usr/share/edge\\-agent/models
The person model, with its description.
.TP
.I /var/lib/edge\\-agent
State: the alarms and messages that are not sent yet.
"""
_TAIL = """\
.SH SEE ALSO
.BR systemctl (1),
.BR journalctl (1)
"""
_STATUS = """\
.SH EXIT STATUS
0 done, 1 failed, 2 bad usage or settings, 130 interrupted.
"""


def page(program: Program, version: str, time_s: int) -> str:
    """The source of the manual page, with the day of `time_s` (since 1970)."""
    date = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%d")
    does, about = _ABOUT[program.name]
    name = plain(program.name)
    lines = [_HEAD.format(title=name.upper(), name=name, does=plain(does), about=about, date=date, version=version)]
    _, *commands = parsers(program.whole_parser())
    for each in commands:
        lines += (line + "\n" for line in _command(each))
    return "".join((*lines, _STATUS, *([_FILES] if program.name == "edge-agent" else []), _TAIL))


def _command(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield f".SS {plain(parser.prog)}"
    if parser.description:
        yield plain(parser.description)
    usage = parser.format_usage().removeprefix("usage: ").rstrip()
    yield from _as_it_is(re.sub(r"\s+", " ", usage))
    for action in parser._actions:  # argparse tells of its parts nowhere else
        if action.help not in {None, argparse.SUPPRESS} and "-h" not in action.option_strings:
            yield ".TP"
            yield ".B " + plain(" ".join(filter(None, (", ".join(action.option_strings), _value(action)))))
            yield plain(str(action.help) % {**vars(action), "prog": parser.prog})
    if parser.epilog:
        yield ".PP"
        yield from _as_it_is(parser.epilog.rstrip())


def _value(action: argparse.Action) -> str:
    if action.nargs == 0:
        return ""
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    return action.dest.upper()


def _as_it_is(text: str) -> Iterator[str]:
    yield from (".nf", plain(text), ".fi")


def plain(text: str) -> str:
    """Text in which roff sees no command of its own."""
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^(?=[.'])", r"\\&", text, flags=re.MULTILINE)
