"""A registrar of a test's own: its rules with a clock that is turned by hand, or all of it behind a real nginx."""

import base64
import http.client
import io
import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from contextlib import AbstractContextManager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Self, get_args

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import NameOID

from agent.contract.identity import client_id, common_name
from agent.trust.claim import Claim
from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.authority import Authority, Kind, new_key, write_certificates, write_key
from edge_centre.registrar.__main__ import main as registrar_program
from edge_centre.registrar.config import RegistrarConfig, read_config
from edge_centre.registrar.csr import DeviceRequest, read_page_request, read_request
from edge_centre.registrar.devices import Caller, Devices
from edge_centre.registrar.office import Office
from edge_centre.registrar.records import Records
from edge_centre.registrar.refusal import Pending
from edge_centre.registrar.store import Store
from tests.support.mosquitto import free_port, is_listening
from tests.support.nginx import program
from tests.support.wait import wait_for

REPOSITORY = Path(__file__).parents[2]
SERVE = REPOSITORY / "deploy/centre/edge_centre/registrar/serve"
NAME = "kzn/durban-station/kiosk-0001"
HOST = "kiosk-0001.local"
OTHER_NAME = "kzn/durban-station/kiosk-0002"
BOARD = "10000000abcdef01"
OTHER_BOARD = "10000000abcdef02"
ADDRESS = "203.0.113.9"


@cache
def authorities(kind: str) -> Authority:
    """The same for all tests of a process."""
    if kind == "issuing":
        return authorities("device").issuing()
    if kind == "page-issuing":
        return authorities("page").issuing()
    kinds: dict[str, Kind] = {each: each for each in get_args(Kind)}
    return Authority.root(kinds[kind], "kzn")


def write_province(directory: Path, *people: PrivateKey, **changed: Any) -> Path:
    """Write what a registrar of kzn needs; return its registrar.toml. `changed` are lines of it."""
    directory.mkdir(parents=True, exist_ok=True)
    for kind in ("issuing", "page-issuing"):
        authorities(kind).save(directory / kind)
    for kind in ("server", "device", "page"):
        write_certificates(directory / f"{kind}-root.pem", authorities(kind).certificate)
    keys = [key.public().as_jwk() for key in people]
    (directory / "keys.json").write_text(json.dumps({"keys": keys}))
    lines = {
        "province": "kzn",
        "address": "https://localhost",
        "database": "registrar.db",
        "socket": "registrar.sock",
        "issuing_certificate": "issuing/ca.pem",
        "issuing_key": "issuing/ca.key",
        "device_root": "device-root.pem",
        "page_certificate": "page-issuing/ca.pem",
        "page_key": "page-issuing/ca.key",
        "page_root": "page-root.pem",
        "server_root": "server-root.pem",
        "command_keys": "keys.json",
        "brokers": ["mqtts://broker-a.example:8883"],
        "centres": ["durban-centre"],
        **changed,
    }
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items() if value is not None)
    site = '[[site]]\nid = "durban-station"\nname = "Durban station"\nlat = -29.85\nlon = 31.02\ntext = "Concourse"\n'
    path = directory / "registrar.toml"
    path.write_text(text + site)
    return path


@dataclass
class Board:
    """A device as the registrar sees it: a key, a name and a serial."""

    name: str = NAME
    serial: str | None = BOARD
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    @property
    def key_id(self) -> str:
        """The key's fingerprint, as the registrar lists it."""
        spki = self.key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return sha256(spki).hexdigest()

    def body(self, user: str | None = None) -> bytes:
        """The body of simpleenroll for itself, or for another user with its key."""
        return base64.encodebytes(signing_request(self.key, user or self.name, self.serial))

    def asks(self, user: str | None = None) -> DeviceRequest:
        """The same as it was read."""
        return read_request(self.body(user))

    def asks_for_probe(self) -> DeviceRequest:
        """What it asks for its self-test's probe."""
        return self.asks(f"{self.name}/up/alarm")


def signing_request(
    key: ec.EllipticCurvePrivateKey,
    user: str,
    serial: str | None = None,
    *,
    subject: list[x509.NameAttribute[str]] | None = None,
    names: list[x509.GeneralName] | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
) -> bytes:
    """A PKCS#10 request in DER form, right unless other parts are given."""
    if subject is None:
        subject = [x509.NameAttribute(NameOID.COMMON_NAME, common_name(user))]
        subject += [x509.NameAttribute(NameOID.SERIAL_NUMBER, serial)] if serial else []
    names = [x509.DNSName(client_id(user))] if names is None else names
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(subject))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    for each in extensions:
        builder = builder.add_extension(each, critical=False)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)


class Rules:
    """The registrar without its web, at `now`, which a test turns."""

    def __init__(self, directory: Path) -> None:
        self.now = time.time()
        self.config: RegistrarConfig = read_config(write_province(directory))
        self.store = Store(self.config.database)
        self.records = Records(self.config, authorities("issuing"), authorities("page-issuing"), self.store, self.clock)
        self.devices = Devices(self.records)
        self.office = Office(self.records)

    def clock(self) -> float:
        """What its clock says."""
        return self.now

    def claim(self, name: str = NAME, **options: Any) -> Claim:
        """A claim that the office has made."""
        root = authorities("server").certificate.public_bytes(Encoding.DER)
        return self.office.make_claim(name, root, who="thandi", **options)

    def enrol(self, asked: DeviceRequest, claim: Claim | None = None, address: str = ADDRESS) -> x509.Certificate:
        """What the device is given; it must not have to wait."""
        given = self.devices.enrol(asked, Caller(address, (claim.name, claim.secret) if claim else None))
        assert not isinstance(given, Pending), given
        return x509.load_der_x509_certificate(given)

    def waits(self, asked: DeviceRequest, address: str = ADDRESS, place: str | None = None) -> Pending:
        """What a device without a claim is told; it must have to wait."""
        given = self.devices.enrol(asked, Caller(address, None, place))
        assert isinstance(given, Pending)
        return given

    def renew(self, asked: DeviceRequest, shown: x509.Certificate) -> x509.Certificate:
        """What a device that shows its certificate is given."""
        return x509.load_der_x509_certificate(self.devices.renew(asked, shown))

    def page(
        self, shown: x509.Certificate, host: str = HOST, key: ec.EllipticCurvePrivateKey | None = None
    ) -> x509.Certificate:
        """What a device that shows its certificate is given for its service page."""
        asked = read_page_request(base64.encodebytes(signing_request(key or new_key(), host)))
        return x509.load_der_x509_certificate(self.devices.page(asked, shown))

    def told(self, what: str) -> list[tuple[str, str | None, str | None]]:
        """Who, which name, and detail of the journal's lines of this kind."""
        with self.store.transaction() as tx:
            return [(who, name, detail) for _, who, kind, name, _, detail in tx.journal() if kind == what]


@dataclass(frozen=True)
class Answer:
    """An answer over HTTP."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """Its sentence."""
        return self.body.decode().strip()

    @property
    def certificates(self) -> list[x509.Certificate]:
        """The certificates of an answer of EST."""
        assert self.status == 200, (self.status, self.text)
        return pkcs7.load_der_pkcs7_certificates(base64.b64decode(self.body))


class ServedRegistrar(AbstractContextManager["ServedRegistrar"]):
    """`python -m edge_centre.registrar serve` behind nginx with deploy's own configuration, on a free loopback port."""

    page = "https://broker-a.example"
    """The page that may ask it from a browser."""

    def __init__(self, directory: Path, *people: PrivateKey, rate: str = "1000r/s", **changed: Any) -> None:
        self.port = free_port()
        self.directory = directory
        self.config = write_province(directory, *people, **{"address": f"https://localhost:{self.port}", **changed})
        self.socket = directory / "registrar.sock"
        self._rate = rate
        self._processes: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        if not (self.directory / "server.key").exists():
            key = new_key()
            write_key(self.directory / "server.key", key)
            server = authorities("server").server(key.public_key(), ["localhost", "127.0.0.1"])
            write_certificates(self.directory / "server.pem", server)
        (self.directory / "nginx.conf").write_text(self._nginx())
        try:
            self.start()
            self._begin(program(), "-e", self.directory / "error.log", "-c", self.directory / "nginx.conf")
            wait_for(lambda: is_listening(self.port), what=f"nginx on port {self.port}")
            self.ask("GET", "/")  # it listens before its worker runs, which answers
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(10)
        for name in ("output.txt", "error.log"):
            if (self.directory / name).exists():
                print(f"--- {name}\n{(self.directory / name).read_text(errors='replace')}")

    def start(self) -> None:
        """Start the registrar itself, and return when it takes connections."""
        self._begin(sys.executable, "-m", "edge_centre.registrar", "--config", self.config, "serve")
        self._own = process = self._processes[-1]

        def answers() -> bool:
            assert process.poll() is None, (self.directory / "output.txt").read_text()
            try:
                return self.over_socket("GET", "/").status == 404
            except (FileNotFoundError, ConnectionRefusedError):
                return False

        wait_for(answers, what="the registrar")

    def kill(self) -> None:
        """End the registrar itself, as a power cut would."""
        self._processes.remove(self._own)
        self._own.kill()
        self._own.wait(10)
        self.socket.unlink()

    def ask(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        claim: Claim | None = None,
        shown: tuple[Path, Path] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        """Ask over TLS. `shown` are the files of a client certificate and its key."""
        context = ssl.create_default_context(cafile=str(self.directory / "server-root.pem"))
        if shown is not None:
            context.load_cert_chain(*shown)
        headers = (headers or {}) | (basic(claim) if claim else {})
        return _exchange(
            http.client.HTTPSConnection("localhost", self.port, timeout=20, context=context),
            method,
            path,
            body,
            headers,
        )

    def over_socket(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> Answer:
        """Ask past nginx."""
        connection = http.client.HTTPConnection("localhost", timeout=20)
        connection.sock = _unix(self.socket)
        return _exchange(connection, method, path, body, headers or {})

    def signed(self, key: PrivateKey, method: str, path: str, body: bytes = b"", **claims: Any) -> Answer:
        """Ask with a token of this key."""
        return self.ask(method, path, body, headers={"Authorization": bearer(key, method, path, body, **claims)})

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command of the registrar."""
        return run_registrar(self.config, *words)

    def files(self, board: Board, certificate: x509.Certificate) -> tuple[Path, Path]:
        """Files of a certificate and its key."""
        stem = self.directory / f"{certificate.serial_number:x}"
        cert, key = stem.with_suffix(".pem"), stem.with_suffix(".key")
        if not cert.exists():
            write_certificates(cert, certificate)
            write_key(key, board.key)
        return cert, key

    def _begin(self, *command: object) -> None:
        with (self.directory / "output.txt").open("ab") as output:
            self._processes.append(
                subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    cwd=REPOSITORY,
                )
            )

    def _nginx(self) -> str:
        site = (SERVE / "nginx.conf").read_text()
        for pattern, ours in (
            (r"^  listen \[::\]:443 ssl;\n", ""),
            (r"^  listen 443 ssl;", f"  listen 127.0.0.1:{self.port} ssl;"),
            (r"server_name registrar\.example;", "server_name localhost;"),
            (r"/etc/edge-agent-registrar/", f"{self.directory}/"),
            (r"https://broker-a\.example", self.page),
            (r"rate=5r/s", f"rate={self._rate}"),
            (r"unix:/run/edge-agent-registrar/registrar\.sock:", f"unix:{self.socket}:"),
        ):
            site, count = re.subn(pattern, ours, site, flags=re.MULTILINE)
            assert count, f"deploy's site has no {pattern}"
        user = "user root;" if os.geteuid() == 0 else ""
        temporary = "".join(
            f"{each}_temp_path {self.directory}/{each};\n"
            for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        return (
            f"{user}\ndaemon off;\nworker_processes 1;\npid {self.directory}/nginx.pid;\nevents {{}}\n"
            f"http {{\naccess_log off;\n{temporary}{site}\n}}\n"
        )


def basic(claim: Claim) -> dict[str, str]:
    """The header of a request with this claim."""
    return {"Authorization": "Basic " + base64.b64encode(f"{claim.name}:{claim.secret}".encode()).decode()}


def bearer(key: PrivateKey, method: str, path: str, content: bytes = b"", **changed: Any) -> str:
    """The header Authorization of a request that is signed with this key, right unless claims are changed."""
    now = int(time.time())
    digest = base64.urlsafe_b64encode(sha256(content).digest()).rstrip(b"=").decode()
    claims = {
        "iss": key.issuer,
        "aud": "registrar/kzn",
        "iat": now,
        "exp": now + 60,
        "jti": os.urandom(12).hex(),
        "do": f"{method} {path}",
        "body": digest,
    }
    return (
        "Bearer " + sign({name: value for name, value in (claims | changed).items() if value is not None}, key).decode()
    )


def run_registrar(config: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run a command of the registrar that ends, in this process."""
    said, errors = io.StringIO(), io.StringIO()
    with redirect_stdout(said), redirect_stderr(errors):
        try:
            code: Any = registrar_program(["--config", str(config), *words])
        except SystemExit as ended:
            code = ended.code
    return subprocess.CompletedProcess(words, code, said.getvalue(), errors.getvalue())


def _unix(path: Path) -> socket.socket:
    connected = socket.socket(socket.AF_UNIX)
    connected.settimeout(20)
    try:
        connected.connect(str(path))
    except BaseException:
        connected.close()
        raise
    return connected


def _exchange(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: dict[str, str]
) -> Answer:
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()
