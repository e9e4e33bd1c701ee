"""A device that enrols or renews in a process of its own, and loses its power at a step: see `run`.

    python -m tests.support.cut_enrolment enrol STATE URL TRUST STEP

It prints each step that is safe on the disk, and kills itself after step number STEP (0: never).
"""

import os
import signal
import sys
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
from tests.support.run import ran

ROOT = Path(__file__).parents[2]


def run(what: str, state: Path, url: str, trust: Path, step: int) -> list[str]:
    """Run it to its end, or to the cut; return its steps."""
    done = ran(sys.executable, "-m", "tests.support.cut_enrolment", what, state, url, trust, step, cwd=ROOT)
    assert done.returncode in {0, -signal.SIGKILL}, done.stderr
    return done.stdout.splitlines()


def _main(what: str, state: Path, url: str, trust: str, last: int) -> None:
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
    _main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4]).read_text(), int(sys.argv[5]))
