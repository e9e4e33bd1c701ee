"""Devices that enrol or renew in processes of their own, and lose their power at a step: see `Cuts`."""

import json
import os
import signal
import subprocess
import sys
import traceback
from contextlib import AbstractContextManager
from pathlib import Path
from threading import Event

from agent.adapters.system_clock import SystemClock
from agent.contract.vocabulary import TimeQuality
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Store
from agent.provisioning.enrol import Order, enrol
from agent.provisioning.est import Login, Registrar
from agent.provisioning.renew import renew
from tests.support.fake_registrar import BOARD, NAME, SECRET

ROOT = Path(__file__).parents[2]


class Cuts(AbstractContextManager["Cuts"]):
    """Runs against one registrar. What they need is loaded once, by a process that forks for each of them."""

    def __init__(self, url: str, trust: Path) -> None:
        program = (sys.executable, "-m", "tests.support.cut_enrolment", url, trust)
        self._process = subprocess.Popen(program, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._asked, self._told = self._process.stdin, self._process.stdout

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, what: str, state: Path, step: int = 0) -> list[str]:
        """Enrol or renew; return each step that is safe on the disk. The device is killed after step number `step`, if
        it comes so far and that is not 0."""
        self._asked.write(f"{json.dumps([what, str(state), step])}\n")
        self._asked.flush()
        steps = []
        while not (line := self._told.readline().rstrip("\n")).startswith("ended "):
            assert line, "the process that forks has ended"
            steps.append(line)
        assert int(line.removeprefix("ended ")) in {0, -signal.SIGKILL}, "its traceback is on stderr"
        return steps


def _main(url: str, trust: str) -> None:
    for line in sys.stdin:
        what, state, last = json.loads(line)
        if (pid := os.fork()) == 0:
            code = 1
            try:
                _live(what, Path(state), url, trust, last)
                code = 0
            except BaseException:  # noqa: BLE001 - it is told, and this is the end of the process
                traceback.print_exc()
            os._exit(code)
        print(f"ended {os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])}", flush=True)


def _live(what: str, state: Path, url: str, trust: str, last: int) -> None:
    steps = 0

    def reached(step: str) -> None:
        nonlocal steps
        steps += 1
        print(step, flush=True)
        if steps == last:
            os.kill(os.getpid(), signal.SIGKILL)

    store = Store(state, reached)
    clock = SystemClock()
    clock.quality = lambda: TimeQuality.SYNCED  # type: ignore[method-assign]
    tools = Tools(clock, Event().wait, lambda _: None)
    with store.locked():
        if what == "enrol":
            order = Order(NAME, url, trust, BOARD, Login(NAME, SECRET), claim="the claim")
            enrol(order, store, Registrar(url, trust), tools)
        else:
            current = store.current()
            assert current is not None
            renew(store, current, Registrar, lambda _: None, tools, serials=[BOARD], now=True)


if __name__ == "__main__":
    _main(sys.argv[1], Path(sys.argv[2]).read_text())
