"""What holds for every test: shared fixtures, the mark of system tests, and nothing left behind."""

import itertools
import re
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from hypothesis import Phase, settings

from tests.support.fixtures import authorities, broker, office, opened, registrar, tls_broker
from tests.support.wait import wait_for

__all__ = ["authorities", "broker", "nothing_left_behind", "office", "opened", "registrar", "tls_broker"]

settings.register_profile("tests", deadline=None)  # a busy machine is no failure
settings.load_profile("tests")
settings.register_profile("mutants", deadline=None, phases=[Phase.explicit, Phase.generate], database=None)
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # So a shell starts what it leaves in the background, and then nothing that a test starts would hear a Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
_SYSTEM = Path(__file__).parent / "system"
_LONGEST = Path(__file__).parent / "deploy" / "package"
"""The life of a package takes minutes, most of them on one processor: it begins before all others."""
_PROMISED = tuple(
    re.findall(r"`(tests/[^`]*)`", Path(__file__).parents[1].joinpath("docs/promise.md").read_text(encoding="utf-8"))
)
"""Where the tests begin that docs/promise.md names."""
_GRACE_S = 10.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith(_PROMISED):
            item.add_marker(pytest.mark.promised)
    waiting = [item for item in items if _SYSTEM in item.path.parents]
    for item in waiting:
        item.add_marker(pytest.mark.system)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _LONGEST not in item.path.parents)
        long = [item for item in items if item.get_closest_marker("long")]
        waiting = [item for item in waiting if item not in long]
        items[:] = _mixed(waiting, [item for item in items if _SYSTEM not in item.path.parents and item not in long])
        _begin_early(items, long, config.workerinput["workercount"])


def _mixed(waiting: list[pytest.Item], working: list[pytest.Item]) -> list[pytest.Item]:
    """Spread the tests that mostly wait evenly over those that mostly work: side by side they use all cores.

    Modules stay whole, as what is set up for a module is taken down at the first test of another one.
    """
    mixed: list[pytest.Item] = []
    used = done = 0
    for _, module in itertools.groupby(working, key=lambda item: item.path):
        tests = list(module)
        done += len(tests)
        due = len(waiting) * done // len(working)
        mixed += [*tests, *waiting[used:due]]
        used = due
    return mixed + waiting[used:]


def _begin_early(items: list[pytest.Item], long: list[pytest.Item], workers: int) -> None:
    """Put what takes long near the beginning of each worker's share: a run waits in the end for whoever began last."""
    share = len(items) // workers
    for number, item in reversed([*enumerate(long, start=1)]):
        items.insert(number % workers * share + 2 * len(long), item)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A thread or a child process that outlives its test fails it."""
    threads, children = set(threading.enumerate()), _children()
    yield

    def left() -> list[str]:
        names = [f"thread {thread.name}" for thread in threading.enumerate() if thread not in threads]
        return names + [f"process {child}" for child in _children() - children]

    try:
        wait_for(lambda: not left(), _GRACE_S)
    except AssertionError:
        remains = left()
        for child in _children() - children:
            psutil.Process(child).kill()
        pytest.fail(f"left behind: {', '.join(remains)}")


def _children() -> set[int]:
    """Ours, as the kernel lists them: to look at every process of the machine, twice a test, takes half a minute."""
    while True:
        try:
            lists = [task / "children" for task in Path("/proc/self/task").iterdir()]
            return {int(child) for each in lists for child in each.read_text().split()}
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread has ended meanwhile
