"""Runs a check in a process of its own. It may crash or hang without harm, and is killed first when memory is short:
people rely on the agent beside it."""

import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress

from agent.core.diagnosis.finding import Finding, Report, State, fail, unknown
from agent.core.errors import EdgeAgentError
from agent.doctor.check import Check

_TICK_S = 0.2
_REAP_S = 1.0
_NICE = 10


def run_bounded(check: Check, tick: Callable[[str, float], None], limit_s: float | None = None) -> Report:
    """Run a check until it ends or its time is up. The calling process must have one thread only, as this forks.

    Calls `tick` several times a second with what the check is doing, and for how many seconds it has run. `limit_s`
    shortens the check's own limit.
    """
    began_s = time.monotonic()
    limit_s = min(check.limit_s, limit_s or check.limit_s)
    reader, writer = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _be_the_child(check, writer)
    os.close(writer)
    said = _Said()
    ended = False
    try:
        while not ended and (left_s := began_s + limit_s - time.monotonic()) > 0:
            tick(said.note, time.monotonic() - began_s)
            if select.select([reader], [], [], min(_TICK_S, left_s))[0]:
                piece = os.read(reader, 65536)
                ended = not piece
                said.hear(piece)
    finally:
        os.close(reader)
        signal_number = _end(pid, hangs=not ended)
    if not ended:
        doing = f" (while {said.note})" if said.note else ""
        said.findings.append(
            fail(f"no answer within {limit_s:g} s{doing}", "something hangs: a driver, a disk or the network")
        )
    elif signal_number:
        doing = f" while {said.note}" if said.note else ""
        name = signal.Signals(signal_number).name
        said.findings.append(
            fail(f"the check was killed by {name}{doing}", "a crash in a driver or library: see `dmesg`")
        )
    elif not said.findings and not check.heeds:
        said.findings.append(unknown("the check ended without a result", "tell the makers of edge-agent"))
    return Report(check.name, tuple(said.findings), round((time.monotonic() - began_s) * 1000))


class _Said:
    """What the child has said: one JSON value per line, a note or a finding."""

    def __init__(self) -> None:
        self.note = ""
        self.findings: list[Finding] = []
        self._rest = b""

    def hear(self, piece: bytes) -> None:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        for line in lines:
            words = json.loads(line)
            if isinstance(words, str):
                self.note = words
            else:
                self.findings.append(Finding(State(words[0]), words[1], words[2]))


def _be_the_child(check: Check, writer: int) -> None:
    """Run the check in the forked child. Never returns."""
    try:
        os.setsid()
        with suppress(OSError):
            os.nice(_NICE)
            with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:  # noqa: PTH123
                file.write("1000")
        # What libraries print would garble the table.
        null = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(null, stream)
        _run_check(check, writer)
    finally:
        os._exit(0)


def _run_check(check: Check, writer: int) -> None:
    def say(words: str | list[str]) -> None:
        os.write(writer, json.dumps(words).encode() + b"\n")

    try:
        for finding in check.run(say):
            say([finding.state, finding.what, finding.do])
    except EdgeAgentError as error:
        say([State.FAIL, str(error), ""])
    except Exception as error:  # noqa: BLE001 - a failing check must not take the others down
        say([State.FAIL, f"the check itself failed: {type(error).__name__}: {error}", "tell the makers of edge-agent"])


def _end(pid: int, *, hangs: bool) -> int:
    """Kill the child and what it has started, and reap it; return the signal that had already ended it, or 0.

    A child that hangs in the kernel is left behind: it ends when the kernel lets it go.
    """
    handle = os.pidfd_open(pid)
    try:
        exited = not hangs and bool(select.select([handle], [], [], _REAP_S)[0])
        for kill in (os.killpg, os.kill):  # it may not have its own group yet
            with suppress(ProcessLookupError):
                kill(pid, signal.SIGKILL)
        select.select([handle], [], [], _REAP_S)
    finally:
        os.close(handle)
    reaped, status = os.waitpid(pid, os.WNOHANG)
    return os.WTERMSIG(status) if exited and reaped and os.WIFSIGNALED(status) else 0
