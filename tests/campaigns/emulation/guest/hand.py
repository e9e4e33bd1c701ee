"""The hand inside the emulated machine: it runs commands as root, closes and opens contacts, and looks at pins.

It speaks over a virtio port: a JSON object a line comes in, one goes out with its number. It is no part of the agent,
and nothing of the agent knows of it.
"""

import glob
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

_PORT = "emulation"
_ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
    "LC_ALL": "C.UTF-8",
    "DEBIAN_FRONTEND": "noninteractive",
}
_LEVELS = (b"pull-up", b"pull-down")
_DARK_S = 5.0
_LOOK_S = 0.005
"""Between two looks at pins that are watched."""
_BUSY_S = 0.002
"""The last part of a pause is spent turning, as a sleep ends late."""


def main() -> None:
    """Serve until the machine goes down."""
    with open_port() as port:
        answer(port, {"hello": os.uname().release, "boottime_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME)})
        for line in port:
            request = json.loads(line)
            number = request.pop("number")
            try:
                reply = ORDERS[request.pop("do")](**request)
            except Exception as error:  # noqa: BLE001 - whoever asked is told
                reply = {"error": f"{type(error).__name__}: {error}"}
            answer(port, {"number": number, **reply})


def open_port() -> BinaryIO:
    """The virtio port of our name, which the kernel has from the start."""
    for path in Path("/sys/class/virtio-ports").iterdir():
        if (path / "name").read_text().strip() == _PORT:
            return open(f"/dev/{path.name}", "r+b", buffering=0)  # noqa: PTH123
    sys.exit("no virtio port emulation")


def answer(port: BinaryIO, reply: dict[str, Any]) -> None:
    """One line."""
    content = json.dumps(reply).encode() + b"\n"
    while content:
        content = content[port.write(content) :]


def run(script: str, limit_s: float) -> dict[str, Any]:
    """Run it in a shell; what it prints comes in one piece, errors among it."""
    try:
        done = subprocess.run(
            ["/bin/sh", "-c", script],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=limit_s,
            env=_ENVIRONMENT,
            cwd="/",
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        return {"code": None, "said": (error.stdout or b"").decode(errors="replace")}
    return {"code": done.returncode, "said": done.stdout.decode(errors="replace")}


def contacts(train: Iterable[tuple[int, bool, float]], lamp: int | None = None) -> dict[str, Any]:
    """Close (true) or open contacts between a pin and ground, each no less than so many ms after the one before.

    For each, CLOCK_BOOTTIME in ns before and after the write to the kernel; and when the pin `lamp` was high after the
    last one, or null when it stays low.
    """
    _be_interrupted()
    steps = [(_pin(pin, "pull"), _LEVELS[closed], pause_ms / 1000) for pin, closed, pause_ms in train]
    times = []
    last_s = time.monotonic()
    for descriptor, level, pause_s in steps:
        _wait_until(last_s + pause_s)
        last_s = time.monotonic()
        before_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        os.pwrite(descriptor, level, 0)
        times.append((before_ns, time.clock_gettime_ns(time.CLOCK_BOOTTIME)))
    return {"times_ns": times, "lit_ns": None if lamp is None else _lit_ns(_pin(lamp, "value"))}


def levels(pins: Iterable[int]) -> dict[str, Any]:
    """Whether each of these pins is high, and CLOCK_BOOTTIME in ns after the last was read."""
    found = [os.pread(_pin(pin, "value"), 1, 0) == b"1" for pin in pins]
    return {"high": found, "boottime_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}


def watch(pins: Iterable[int], for_s: float) -> dict[str, Any]:
    """Look at these pins for so long: whether each was high at first and after each change, with CLOCK_BOOTTIME in ns.

    The last one is from the end, changed or not.
    """
    values = [_pin(pin, "value") for pin in pins]
    seen: list[tuple[int, list[bool]]] = []
    end_s = time.monotonic() + for_s
    while True:
        high = [os.pread(value, 1, 0) == b"1" for value in values]
        over = time.monotonic() >= end_s
        if over or not seen or high != seen[-1][1]:
            seen.append((time.clock_gettime_ns(time.CLOCK_BOOTTIME), high))
        if over:
            return {"seen": seen}
        time.sleep(_LOOK_S)


def rewire(closed: Iterable[int]) -> dict[str, Any]:
    """The chip was away and is back: its pins are other files now. Tie these to ground."""
    for descriptor in _open.values():
        os.close(descriptor)
    _open.clear()
    return contacts([(pin, True, 0) for pin in closed])


def clock() -> dict[str, Any]:
    """What time it is here."""
    return {"boottime_ns": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}


def _be_interrupted() -> None:
    """Run where the threads of the interrupts do, which come first: no contact moves again before the kernel has looked
    at it, as if the processor were a real one. An emulated processor may stand still while another one goes on."""
    for path in Path("/proc").glob("[0-9]*/comm"):
        with suppress(OSError):  # it has ended
            if path.read_text().startswith("irq/"):
                os.sched_setaffinity(int(path.parent.name), {0})
    os.sched_setaffinity(0, {0})


def _lit_ns(lamp: int) -> int | None:
    deadline_s = time.monotonic() + _DARK_S
    while time.monotonic() < deadline_s:
        if os.pread(lamp, 1, 0) == b"1":
            return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        time.sleep(0.001)
    return None


def _wait_until(at_s: float) -> None:
    while (left_s := at_s - time.monotonic()) > 0:
        if left_s > _BUSY_S:
            time.sleep(left_s - _BUSY_S)


_open: dict[tuple[int, str], int] = {}


def _pin(pin: int, attribute: str) -> int:
    """A descriptor of the pin's attribute; kept open, as opening takes a millisecond here."""
    key = (pin, attribute)
    if key not in _open:
        (path,) = glob.glob(f"/sys/devices/platform/*/gpiochip*/sim_gpio{pin}/{attribute}")  # noqa: PTH207
        _open[key] = os.open(path, os.O_RDONLY if attribute == "value" else os.O_WRONLY)
    return _open[key]


ORDERS = {each.__name__: each for each in (run, contacts, levels, watch, rewire, clock)}

if __name__ == "__main__":
    main()
