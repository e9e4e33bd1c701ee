"""A real Mosquitto on free loopback ports, that a test can stop, kill, freeze and start again."""

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Self

from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.run import ran
from tests.support.wait import wait_for

DEPLOYED = Path(__file__).parents[2] / "deploy" / "mosquitto"
"""The configuration that a site installs; the tests run it, with other paths and ports."""

SERVING = Path(__file__).parents[2] / "deploy" / "control-room" / "serve"
"""What a site with a control room installs beside it."""

CENTRE = "jhb-centre"
"""The command centre that the access list of the tests knows."""

RELOADED = "Reloading config."
"""In its log, once for each signal to read its files again."""

_PLAIN = """\
listener {port} 127.0.0.1
allow_anonymous true
persistence true
autosave_interval 1
max_queued_messages 100000
max_packet_size 135168
set_tcp_nodelay true
log_type all
"""


_CLAIMS: deque[socket.socket] = deque(maxlen=64)
"""The ports that this process got last, each as an abstract address, which no other process can bind meanwhile."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on, and that no other process of tests gets.

    The kernel gives ports from 32768 on to connections, so that one of those might be taken before anybody listens.
    """
    for _ in range(1000):
        port = 10_000 + secrets.randbelow(22_768)
        claim = socket.socket(socket.AF_UNIX)
        try:
            claim.bind(f"\0edge-agent-tests-port-{port}")  # the kernel forgets it with the process
            with socket.socket() as probe:
                probe.bind(("127.0.0.1", port))
        except OSError:
            claim.close()
            continue
        if len(_CLAIMS) == _CLAIMS.maxlen:
            _CLAIMS.popleft().close()
        _CLAIMS.append(claim)
        return port
    raise AssertionError("of 1000 ports none was free")


def is_listening(port: int) -> bool:
    """Whether somebody takes connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Mosquitto(AbstractContextManager["Mosquitto"]):
    """One broker; its ports, sessions and queues survive `stop`, `kill` and `restart`.

    Without `authorities` it takes anybody on `port`. With them it runs deploy's own configuration: devices on
    `port`, command centres on `centre_port`, by certificate; and with `logins` (name and password, or none yet) also
    operators' pages on `web_port`, as of deploy/control-room. `extra` lines go at the end of the configuration,
    so that they apply to the last listener (or to the whole), and `access` at the end of the access list.
    """

    def __init__(
        self,
        directory: Path,
        *,
        authorities: BrokerAuthorities | None = None,
        server_hosts: Sequence[str] = ("localhost", "127.0.0.1"),
        extra: Sequence[str] = (),
        device_crl: Path | None = None,
        access: str = "",
        logins: Mapping[str, str] | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.authorities = authorities
        self.port = free_port()
        self.centre_port = free_port() if authorities else self.port
        self.web_port = self.port if logins is None else free_port()
        self._directory = directory
        self._server_hosts = server_hosts
        self._extra = extra
        self._device_crl = device_crl
        self._access = access
        self._logins = logins
        self._environ = {**os.environ, **(environ or {})}
        self._log = directory / "mosquitto.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address that a device's settings name."""
        return f"mqtts://localhost:{self.port}" if self.authorities else f"mqtt://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """Process number of the running broker."""
        assert self._process is not None, "the broker is not running"
        return self._process.pid

    def __enter__(self) -> Self:
        self._directory.mkdir(parents=True, exist_ok=True)
        self._write_configuration()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        # pytest shows it only when the test fails.
        print(f"--- log of the broker on port {self.port}\n{self.log()}")

    def start(self) -> None:
        """Start it and return when it takes connections."""
        assert self._process is None, "the broker is running"
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        assert Path(program).exists(), "no mosquitto: run `sudo apt-get install mosquitto`"
        with (self._directory / "output.txt").open("ab") as output:
            process = subprocess.Popen(
                [program, "-c", str(self._directory / "mosquitto.conf")],
                env=self._environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self._process = process
        try:
            wait_for(self._answers, what=f"mosquitto on ports {self.port}, {self.centre_port} and {self.web_port}")
        except BaseException:
            print(f"--- log of the broker\n{self.log()}")
            self.kill()
            raise

    def stop(self) -> None:
        """End it in an orderly way: it saves its database and says goodbye. Nothing if it is not running."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a power cut would. Nothing if it is not running."""
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same ports, with the same sessions and queues."""
        self.stop()
        self.start()

    def use_certificate(self, files: CertificateFiles) -> None:
        """Show this certificate from the next start on; only with `authorities`."""
        shutil.copy(files.cert, self._directory / "edge-agent" / "server.pem")
        shutil.copy(files.key, self._directory / "edge-agent" / "server.key")

    def set_login(self, *words: str, password: str = "") -> "subprocess.CompletedProcess[str]":
        """Run deploy's login.sh with these words; what it has changed counts after `reload` or a start."""
        environ = {**os.environ, "FILES": str(self._directory / "edge-agent")}
        return ran(SERVING / "login.sh", *words, env=environ, input=f"{password}\n")

    def reload(self) -> None:
        """Read the access list and the logins again, as `systemctl reload mosquitto` does."""
        seen = self.log().count(RELOADED)
        os.kill(self.pid, signal.SIGHUP)
        wait_for(lambda: self.log().count(RELOADED) > seen, what="a broker that has read its files again")

    def freeze(self) -> None:
        """Stop answering with the connections open, until `thaw`."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on after `freeze`."""
        os.kill(self.pid, signal.SIGCONT)

    def log(self) -> str:
        """What it has written so far."""
        parts = (self._directory / "output.txt", self._log)
        return "".join(part.read_text(errors="replace") for part in parts if part.exists())

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        # One that arrives after its port listens and before it waits for clients is forgotten by Mosquitto.
        for _ in range(10):
            process.send_signal(number)
            process.send_signal(signal.SIGCONT)
            with suppress(subprocess.TimeoutExpired):
                process.wait(1)
                return
        process.kill()
        process.wait()
        raise AssertionError(f"mosquitto goes on after {number.name}")

    def _answers(self) -> bool:
        assert self._process is not None
        code = self._process.poll()
        assert code is None, f"mosquitto ended with code {code}"
        return all(map(is_listening, {self.port, self.centre_port, self.web_port}))

    def _write_configuration(self) -> None:
        database = self._directory / "database"
        database.mkdir(exist_ok=True)
        main = [f"persistence_location {database}/", f"log_dest file {self._log}"]
        if os.geteuid() == 0:
            main.append("user root")  # else it can't read a test's directory
        own = self._deployed() if self.authorities else _PLAIN.format(port=self.port)
        web = [] if self._logins is None else [self._web()]  # conf.d is read by the alphabet
        text = "\n".join([*main, *web, own, *self._extra, ""])
        (self._directory / "mosquitto.conf").write_text(text)

    def _web(self) -> str:
        """What deploy/control-room adds to the configuration, and the logins."""
        assert self._logins is not None
        files = self._directory / "edge-agent"
        (files / "logins").touch(mode=0o600)
        for name, password in self._logins.items():
            done = self.set_login("add", name, password=password)
            assert done.returncode == 0, done.stderr
        text = (SERVING / "mosquitto.conf").read_text().replace("/etc/mosquitto/edge-agent", str(files))
        text, count = re.subn("^listener 9001 127", f"listener {self.web_port} 127", text, flags=re.MULTILINE)
        assert count == 1, "deploy's configuration has no listener 9001 on loopback"
        return text

    def _deployed(self) -> str:
        """deploy's configuration with the paths and ports of this test, and nothing else changed."""
        assert self.authorities is not None
        files = self._directory / "edge-agent"
        files.mkdir(exist_ok=True)
        access = (DEPLOYED / "edge-agent.acl").read_text().replace("example-centre", CENTRE)
        (files / "edge-agent.acl").write_text(f"{access}\n{self._access}\n")
        (files / "edge-agent.acl").chmod(0o600)
        server = self.authorities.server.server(self._server_hosts)
        shutil.copy(server.cert, files / "server.pem")
        shutil.copy(server.key, files / "server.key")
        shutil.copy(self.authorities.devices.ca, files / "device-ca.pem")
        shutil.copy(self.authorities.centres.ca, files / "centre-ca.pem")
        text = (DEPLOYED / "edge-agent.conf").read_text()
        if self._device_crl is not None:
            shutil.copy(self._device_crl, files / "device-ca.crl")
            text = text.replace("#crlfile /etc/mosquitto/edge-agent/device-ca.crl", f"crlfile {files}/device-ca.crl")
        text = text.replace("/etc/mosquitto/edge-agent", str(files))
        for deployed, port in ((8883, self.port), (8884, self.centre_port)):
            text, count = re.subn(rf"^listener {deployed}$", f"listener {port} 127.0.0.1", text, flags=re.MULTILINE)
            assert count == 1, f"deploy's configuration has no listener {deployed}"
        return text
