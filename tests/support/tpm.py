"""A TPM 2.0 in software, and keys that only it can use."""

import os
import signal
import socket
import struct
import subprocess
from contextlib import AbstractContextManager
from pathlib import Path

from tests.support.mosquitto import free_port, is_listening
from tests.support.wait import PATIENCE_S, wait_for

CONFIGURATION = """\
openssl_conf = openssl_init
[openssl_init]
providers = providers
[providers]
default = active
tpm2 = active
[active]
activate = 1
"""


class Tpm(AbstractContextManager["Tpm"]):
    """One swtpm, which whoever has `environ` in the environment finds; its state lies in `directory`."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir()
        self._directory = directory
        self._configuration = directory / "openssl.cnf"
        self._configuration.write_text(CONFIGURATION)
        port = next(each for each in iter(free_port, None) if not is_listening(each + 1))
        self._port, self._control = port, port + 1  # where TSS looks for it
        self.environ = {"TPM2OPENSSL_TCTI": f"swtpm:port={port}"}
        self.start()

    def start(self) -> None:
        """Start it, with what it has kept."""
        command = [
            "swtpm",
            "socket",
            "--tpm2",
            "--flags",
            "not-need-init,startup-clear",
            "--tpmstate",
            f"dir={self._directory}",
        ]
        ends = [f"type=tcp,port={each},bindaddr=127.0.0.1" for each in (self._port, self._control)]
        environ = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}  # it is no TPM's user
        self._process = subprocess.Popen([*command, "--server", ends[0], "--ctrl", ends[1]], env=environ)
        try:
            # Connecting to the other port would be a command's.
            wait_for(lambda: is_listening(self._control), what="swtpm")
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Take the TPM away."""
        self._process.kill()
        self._process.wait(10)

    def send(self, number: signal.Signals) -> None:
        """Send its process a signal: a stopped one takes a command, and does not answer."""
        self._process.send_signal(number)

    def allow(self, wrong_passwords: int) -> None:
        """Say after how many wrong passwords it locks itself; with 0 it is locked at once."""
        password = struct.pack(">IIHBH", 9, 0x40000009, 0, 0, 0)  # that of whoever may unlock it: an empty one
        body = struct.pack(">II", 0x13A, 0x4000000A) + password + struct.pack(">III", wrong_passwords, 1000, 1000)
        with socket.create_connection(("127.0.0.1", self._port), timeout=PATIENCE_S) as sock:
            sock.sendall(struct.pack(">HI", 0x8002, 6 + len(body)) + body)
            assert struct.unpack(">HII", sock.recv(4096)[:10])[2] == 0

    def make_key(self, path: Path) -> Path:
        """Make a P-256 key and write to `path` what only this TPM can use; returns `path`."""
        done = self._openssl("genpkey", "-propquery", "provider=tpm2", "-algorithm", "EC", "-pkeyopt", "group:P-256")
        path.write_bytes(done)
        return path

    def public_key(self, key: Path) -> bytes:
        """The public half of a key, in DER form."""
        return self._openssl("pkey", "-in", str(key), "-pubout", "-outform", "DER")

    def _openssl(self, *words: str) -> bytes:
        environ = {**os.environ, **self.environ, "OPENSSL_CONF": str(self._configuration)}
        return subprocess.run(["openssl", *words], env=environ, capture_output=True, check=True, timeout=60).stdout
