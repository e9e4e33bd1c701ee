"""A province as the kit makes it, with its broker and its registrar running on free loopback ports."""

import os
import re
import shutil
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Self

from agent.trust.claim import Claim, read
from agent.trust.jose_keys import PrivateKey
from edge_centre.kit.__main__ import main
from edge_centre.kit.workshop import filled
from tests.support.certificates import CertificateFiles
from tests.support.mosquitto import Mosquitto, free_port
from tests.support.registrar import Board, ServedRegistrar

SITE, CENTRE, PERSON = "durban-station", "durban-centre", "nomvula"
EST = "/.well-known/est"
_HOSTS = re.compile(r'\[\[broker\]\].*?host = "registrar[^\n]*\n', re.DOTALL)


class KitBroker(Mosquitto):
    """The broker that a folder of the kit describes."""

    def __init__(self, folder: Path, directory: Path, ports: tuple[int, int, int]) -> None:
        super().__init__(directory)
        self._folder = folder
        self.files = directory / "edge-agent"
        self.port, self.centre_port, self.web_port = ports

    def _write_configuration(self) -> None:
        self.files.mkdir()
        for path in self._folder.iterdir():
            shutil.copy(path, self.files)
        shutil.copy(self.files / "first.crl", self.files / "device-ca.crl")
        (self.files / "logins").touch(mode=0o600)
        names = ("edge-agent-control-room.conf", "edge-agent.conf")
        text = "\n".join((self.files / name).read_text() for name in names)
        text = text.replace("/etc/mosquitto/edge-agent", str(self.files))
        text = re.sub(r"^(listener \d+)$", r"\1 127.0.0.1", text, flags=re.MULTILINE)
        (self._directory / "database").mkdir()
        first = "user root\n" if os.geteuid() == 0 else ""
        first += f"persistence_location {self._directory}/database/\nlog_dest file {self._log}\n"
        (self._directory / "mosquitto.conf").write_text(first + text)


class KitRegistrar(ServedRegistrar):
    """The registrar that a folder of the kit describes."""

    def __init__(self, folder: Path, directory: Path) -> None:
        self.port = free_port()
        self.directory = directory
        shutil.copytree(folder, directory)
        self.config = directory / "registrar.toml"
        self.socket = directory / "registrar.sock"
        self._rate = "1000r/s"
        self._processes = []
        text = self.config.read_text()
        address = f"https://localhost:{self.port}"
        for key, ours in (("database", "registrar.db"), ("socket", "registrar.sock"), ("address", address)):
            text = re.sub(rf'^{key} = ".*"$', f'{key} = "{ours}"', text, flags=re.MULTILINE)
        self.config.write_text(re.sub(r"^socket_group.*\n", "", text, flags=re.MULTILINE))


class RunningProvince(AbstractContextManager["RunningProvince"]):
    """One province: what the kit has made of the example, with all its hosts on this machine."""

    def __init__(self, out: Path, code: str) -> None:
        self.code, self.root = code, out / code
        self._out = out
        self._ids = iter(range(2, 1000))

    def __enter__(self) -> Self:
        self._out.mkdir(exist_ok=True)
        ports = (free_port(), free_port(), free_port())
        hosts = (
            f'[[broker]]\nname = "a"\nhost = "localhost"\naddresses = ["127.0.0.1"]\ndevice_port = {ports[0]}\n'
            f'centre_port = {ports[1]}\nweb_port = {ports[2]}\n\n[registrar]\nhost = "localhost"\n'
        )
        text = _HOSTS.sub(hosts, filled("example.toml", code=self.code))
        (self._out / f"{self.code}.toml").write_text(text)
        assert main(["new", self.code, "--out", str(self._out)]) == 0
        run = self._out / f"{self.code}-running"
        run.mkdir()
        with ExitStack() as stack:
            self.broker = KitBroker(self.root / "brokers/a", run / "broker", ports)
            self.registrar = KitRegistrar(self.root / "registrar", run / "registrar")
            stack.enter_context(self.broker)
            stack.enter_context(self.registrar)
            self.login = ("thandi", f"correct horse of {self.code}")
            done = self.broker.set_login("add", self.login[0], password=self.login[1])
            assert done.returncode == 0, done.stderr
            self.broker.reload()
            self.board = Board(f"{self.code}/{SITE}/kiosk-0001")
            self.device = self.enrolled(self.board)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def base(self) -> str:
        """The topics of its device."""
        return f"edge/v1/{self.board.name}"

    @property
    def centre(self) -> CertificateFiles:
        """The files of its command centre."""
        folder = self.root / "centres" / CENTRE
        return CertificateFiles(folder / "ca.pem", folder / f"{CENTRE}.pem", folder / f"{CENTRE}.key")

    @property
    def person(self) -> PrivateKey:
        """The key of its admin."""
        [path] = (self.root / "keys").glob("admin-*.key.json")
        return PrivateKey.load(path)

    def new_board(self, code: str | None = None) -> Board:
        """A board for a name that is free."""
        return Board(f"{code or self.code}/{SITE}/kiosk-{next(self._ids):04}")

    def claim(self, board: Board, *options: str) -> Claim:
        """A claim for it, with these options of the command."""
        _, site, device = board.name.split("/")
        claim = read(self.registrar.run("claim", site, device, *options).stdout)
        assert isinstance(claim, Claim)
        return claim

    def enrolled(self, board: Board, *options: str) -> CertificateFiles:
        """Enrol it here, by a claim with these options; return its files."""
        answer = self.registrar.ask("POST", f"{EST}/simpleenroll", board.body(), claim=self.claim(board, *options))
        [certificate] = answer.certificates
        return CertificateFiles(self.root / "pki/server-root.pem", *self.registrar.files(board, certificate))
