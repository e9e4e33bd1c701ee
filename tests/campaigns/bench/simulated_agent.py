"""A real agent in a process of its own, with simulated pins."""

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from agent.bootstrap.specs import sim_socket
from agent.cli.sim import ask
from agent.sim import control_socket
from tests.campaigns.bench.child import ROOT, ChildError, clean_environment

BASE = "edge/v1/gp/bench/kiosk-1"
SOURCE = "/edge/gp/bench/kiosk-1"
BUTTON = "police"
READY_S = 60.0
_END_S = 90.0
_READ_EVERY_S = 0.5
_LOOK_AGAIN_S = 0.1
_SETTINGS = """\
[device]
province = "gp"
site = "bench"
id = "kiosk-1"
location = {{ lat = -26.1972, lon = 28.0415, text = "A bench" }}

[storage]
directory = "{directory}/state"

[mqtt]
brokers = ["mqtt://127.0.0.1:{port}"]
{mqtt}

[[buttons]]
name = "police"
kind = "panic"
pin = 17
debounce_ms = 0
chatter_presses = 0

[lights]
yellow = 22
green = 27
beacon = 23
"""
_KEYS = '\n[commands]\nkeys = "{path}"\n'
_CAMERA = """
[[cameras]]
name = "front"
source = "file:{video}?loop=1"
{speed}

[health]
interval_s = 2
"""


_FASTEST = """\
frames_per_second = 120        # the most that the settings take, and more than this model can look at
model = "movenet-person-float32"
"""
_SLOW = """\
frames_per_second = 5
inferences_per_second = 1
"""


def settings_text(directory: Path, port: int, mqtt: Mapping[str, str] | None = None) -> str:
    """The settings of a bench agent that keeps its state in `directory` and finds its broker on `port`; `mqtt` are
    more settings of its connection."""
    more = "\n".join(f'{name} = "{value}"' for name, value in (mqtt or {}).items())
    return _SETTINGS.format(directory=directory, port=port, mqtt=more)


class SimulatedAgent:
    """Enter to start it and to wait for READY; leaving stops it as systemd would.

    It has one button without debounce time, so that presses may follow each other quickly; with a `video`, also a
    camera whose pictures are looked at without a pause.
    """

    def __init__(
        self,
        directory: Path,
        port: int,
        *,
        keys: Path | None = None,
        video: Path | None = None,
        slow: bool = False,
        mqtt: Mapping[str, str] | None = None,
        more: str = "",
    ) -> None:
        """`slow`: the camera is looked at once a second. `mqtt` are more settings of the connection; `more` is appended
        to the settings."""
        self._directory = directory
        self._config = directory / "edge-agent.toml"
        self._socket = sim_socket(directory / "state")
        self._text = settings_text(directory, port, mqtt)
        if keys is not None:
            self._text += _KEYS.format(path=keys)
        if video is not None:
            self._text += _CAMERA.format(video=video, speed=_SLOW if slow else _FASTEST)
        self._text += more
        self.ready_s = 0.0
        """Seconds from the start of the process to READY."""

    def __enter__(self) -> "SimulatedAgent":
        self._directory.mkdir(parents=True)
        self._config.write_text(self._text, encoding="utf-8")
        command = [sys.executable, "-m", "agent", "run", "--config", str(self._config), "--simulate"]
        with (self._directory / "agent.log").open("wb") as log:
            self._process, self.ready_s = start_until_ready(command, self._directory, log)
        return self

    def __exit__(self, *_: object) -> None:
        end(self._process)

    @property
    def pid(self) -> int:
        """Process number of the core."""
        return self._process.pid

    def press(self, hold_s: float) -> Iterator[dict[str, Any]]:
        """Press the button once; gives what `edge-agent sim press` prints, at once, and ends at the release."""
        yield from ask(self._socket, {"do": "press", "name": BUTTON, "hold_s": hold_s}, config=self._config)

    def presses(self, count: int, interval_s: float, hold_s: float) -> list[int]:
        """Press the button so often; the CLOCK_BOOTTIME (ns) at which its pin was driven each time.

        The answers are read twice a second: to read each as it comes would wake this process just when the agent
        needs the processor, which nothing does at a kiosk.
        """
        request = {"do": "press", "name": BUTTON, "count": count, "interval_s": interval_s, "hold_s": hold_s}
        deadline = time.monotonic() + count * interval_s + READY_S
        read = b""
        with control_socket.connect(self._socket) as sock:
            sock.sendall(json.dumps(request).encode() + b"\n")
            while time.monotonic() < deadline and (piece := sock.recv(1 << 16)):
                read += piece
                time.sleep(_READ_EVERY_S)
        answers = [json.loads(line) for line in read.splitlines()]
        edges = [answer["answer"]["edge_boottime_ns"] for answer in answers if "answer" in answer]
        if len(edges) != count:
            raise ChildError(f"the simulator answered {len(edges)} of {count} presses: {answers[-1:]}")
        return edges

    def outputs(self) -> dict[str, str]:
        """What every light does now."""
        (answer,) = ask(self._socket, {"do": "outputs"}, config=self._config)
        return answer


def start_until_ready(command: list[str], directory: Path, log: Any) -> tuple["subprocess.Popen[bytes]", float]:
    """Start a process as systemd does; returns it, and the seconds until it said READY=1. Raises ChildError."""
    address = str(directory / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.bind(address)
        began = time.monotonic()
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=clean_environment(NOTIFY_SOCKET=address),
        )
        try:
            _wait_for_ready(notify, process, began + READY_S)
            ready_s = time.monotonic() - began
        except BaseException as error:
            end(process)
            if not isinstance(error, TimeoutError):
                raise
            text = Path(log.name).read_text(encoding="utf-8", errors="replace")
            raise ChildError(f"{command[1:4]} did not become ready: {text[-2000:]}") from error
    Path(address).unlink()
    return process, ready_s


def _wait_for_ready(notify: socket.socket, process: "subprocess.Popen[bytes]", deadline: float) -> None:
    """Raises TimeoutError when the process has ended, or is not ready in time."""
    notify.settimeout(_LOOK_AGAIN_S)
    while True:
        try:
            if b"READY=1" in notify.recv(4096):
                return
        except TimeoutError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise


def end(process: "subprocess.Popen[bytes]") -> None:
    """Ask a process to end, and insist when it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
