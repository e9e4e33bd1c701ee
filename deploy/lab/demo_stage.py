"""The demo's own small world: a broker, a key, settings and an agent with simulated pins, in a new directory."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

from agent.bootstrap.specs import sim_socket
from agent.cli.sim import ask
from agent.core.errors import BrokerError, EdgeAgentError
from agent.settings import Settings, load
from agent.trust.jose_keys import PrivateKey
from deploy.lab.demo_office import DemoOffice
from edge_centre.key_files import make_key

_BROKER = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence false
set_tcp_nodelay true
log_dest file {log}

listener {web_port} 127.0.0.1
protocol websockets
"""
_SETTINGS = """\
# Written by `make run`; works with every other command of edge-agent while the demo runs.
[device]
province = "gp"
site = "demo"
id = "kiosk-demo"
location = {{ lat = -26.2041, lon = 28.0473, text = "This machine" }}

[storage]
directory = "{directory}/state"

[mqtt]
brokers = ["mqtt://127.0.0.1:{port}"]
keepalive_s = 10
{credentials}
[commands]
keys = "{directory}/keys/keys.json"

[centre]
required = true

[[buttons]]
name = "police"
kind = "panic"
pin = 17

[[buttons]]
name = "medical"
kind = "medical"
pin = 24

[lights]
yellow = 22
green = 27
beacon = 23
tone = 18

[[cameras]]
name = "front"
source = "file:{video}?loop=1"
event_snapshots = true

[health]
interval_s = 2
{evidence}"""
_PATIENCE_S = 15.0


class Stage:
    """A context manager: entering starts the broker; leaving ends every process and removes the directory."""

    def __init__(self, video: Path) -> None:
        self._video = video
        self._stack = ExitStack()
        self.directory = Path()
        self.config = Path()
        self._agent: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Stage":
        with ExitStack() as stack:
            self.directory = Path(tempfile.mkdtemp(prefix="edge-agent-demo-"))
            stack.callback(shutil.rmtree, self.directory, ignore_errors=True)
            self.port, self.web_port = _free_port(), _free_port()
            stack.callback(_end, self._start_broker())
            self.key: PrivateKey = make_key("operator", self.directory / "keys", "the-demo")
            self.config = self.directory / "edge-agent.toml"
            self.office = DemoOffice(self.directory, "gp/demo/kiosk-demo")
            text = _SETTINGS.format(
                directory=self.directory,
                port=self.port,
                video=self._video,
                credentials=self.office.mqtt_settings,
                evidence=self.office.settings,
            )
            self.config.write_text(text, encoding="utf-8")
            self.settings: Settings = load(self.config, environ={})
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def log(self) -> Path:
        """The agent's log file."""
        return self.directory / "agent.log"

    def start_agent(self) -> None:
        """Start the agent and wait until its buttons are live. Raises EdgeAgentError."""
        command = [sys.executable, "-m", "agent", "run", "--config", str(self.config), "--simulate"]
        with self.log.open("wb") as log:
            self._agent = _start(command, log)
        self._stack.callback(_end, self._agent)
        self._wait_for_agent()

    def press(self, button: str) -> None:
        """Press a button and release it. Raises EdgeAgentError."""
        self._sim(do="press", name=button)

    def lights(self) -> dict[str, str]:
        """Return what every light does now. Raises EdgeAgentError."""
        return dict(self._sim(do="outputs")[0])

    def check_agent(self) -> None:
        """Raise EdgeAgentError, with the end of its log, if the agent has ended."""
        if self._agent is not None and self._agent.poll() is not None:
            tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
            raise EdgeAgentError(f"the agent has ended with code {self._agent.returncode}:\n{tail}")

    def _sim(self, **request: Any) -> list[dict[str, Any]]:
        return list(ask(sim_socket(self.settings.storage.directory), request, config=self.config))

    def _start_broker(self) -> "subprocess.Popen[bytes]":
        program = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
        if program is None:
            raise EdgeAgentError("mosquitto is not installed: sudo apt-get install mosquitto, or use `make run`")
        log = self.directory / "broker.log"
        config = self.directory / "mosquitto.conf"
        config.write_text(_BROKER.format(port=self.port, web_port=self.web_port, log=log), encoding="utf-8")
        # Started as root, Mosquitto becomes another user, who may not look into a private directory.
        log.touch()
        log.chmod(0o666)
        self.directory.chmod(0o711)
        broker = _start([program, "-c", str(config)], subprocess.DEVNULL)
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline and broker.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return broker
            time.sleep(0.02)
        _end(broker)
        raise BrokerError(f"the broker did not start: {log.read_text(encoding='utf-8')[-500:]}")

    def _wait_for_agent(self) -> None:
        """Wait until the buttons are live. Raises EdgeAgentError if that does not happen."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            self.check_agent()
            try:
                self.lights()
            except EdgeAgentError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return


def _start(command: list[str], output: Any) -> "subprocess.Popen[bytes]":
    """Start a process in a session of its own: Ctrl-C is for us, and we end everything in order."""
    return subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
    )


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
