"""A registrar that issues from real authorities and misbehaves as a test wants."""

import base64
import json
import ssl
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, pkcs7
from cryptography.x509.oid import NameOID

from agent.contract.leaves import base64url
from agent.trust.claim import Claim
from edge_centre.authority import Authority, new_key, write_certificates, write_key

NAME = "kzn/durban-station/kiosk-0001"
SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"
BOARD = "10000000abcdef12"


class Handler(BaseHTTPRequestHandler):
    """One exchange; `answer` ends it."""

    protocol_version = "HTTP/1.1"
    registrar: "FakeRegistrar"

    def do_GET(self) -> None:
        self.body = b""
        self.registrar.handle(self)

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.registrar.handle(self)

    def answer(self, status: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class FakeRegistrar(AbstractContextManager["FakeRegistrar"]):
    """Issues to whoever has `secret`, and by `approved` to whoever has none.

    `hook` sees each exchange first, and returns whether it has answered. `alter` may change what is signed.
    """

    def __init__(self, directory: Path, *, hosts: tuple[str, ...] = ("localhost", "127.0.0.1")) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.server_root = Authority.root("server", "kzn")
        self.device_root = Authority.root("device", "kzn")
        self.issuing = self.device_root.issuing()
        self.page_root = Authority.root("page", "kzn")
        self.page_issuing: Authority | None = None
        """None: an older registrar, which knows nothing of pages. Else `page_root.issuing()`."""
        self.secret = SECRET
        self.approved = True
        self.days: float = 90
        self.keys: dict[str, bytes] = {}
        """The public key that each user's certificate was first issued for: a claim is bound to it."""
        self.issued: list[x509.Certificate] = []
        self.asked: list[str] = []
        self.hook: Callable[[Handler], bool] = lambda _: False
        self.signed_by: Callable[[], Authority] = lambda: self.issuing
        self.alter: Callable[[x509.CertificateSigningRequest, str], tuple[Any, str]] = lambda csr, user: (
            csr.public_key(),
            user,
        )
        self.settings: dict[str, Any] = {"settings": "", "command_keys": {"keys": []}}
        key = new_key()
        write_key(directory / "server.key", key)
        write_certificates(directory / "server.pem", self.server_root.server(key.public_key(), hosts))
        write_certificates(directory / "devices.pem", self.device_root.certificate, self.issuing.certificate)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(directory / "server.pem", directory / "server.key")
        context.load_verify_locations(directory / "devices.pem")
        context.verify_mode = ssl.CERT_OPTIONAL
        handler = type("Bound", (Handler,), {"registrar": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def trust(self) -> str:
        """The root of servers, in PEM form."""
        return self.server_root.certificate.public_bytes(Encoding.PEM).decode()

    def claim(
        self, name: str = NAME, *, secret: str = SECRET, board: str | None = BOARD, until: int = 4102444800
    ) -> Claim:
        root = base64url(self.server_root.certificate.public_bytes(Encoding.DER))
        return Claim(registrar=self.url, root=root, name=name, secret=secret, until=until, board=board)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.stop()

    def stop(self) -> None:
        """Take no more connections."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def handle(self, exchange: Handler) -> None:
        self.asked.append(exchange.path)
        if self.hook(exchange):
            return
        with suppress(ssl.SSLError, ConnectionError):
            match exchange.path.removeprefix("/.well-known/est/"):
                case "cacerts":
                    known = [self.server_root, self.device_root, self.issuing]
                    self._certificates(exchange, [each.certificate for each in known])
                case "simpleenroll":
                    self._enrol(exchange)
                case "page/cacerts" if self.page_issuing is not None:
                    known = [self.page_root, self.page_issuing]
                    self._certificates(exchange, [each.certificate for each in known])
                case "page/simpleenroll" if self.page_issuing is not None:
                    self._page(exchange, self.page_issuing)
                case "simplereenroll":
                    self._renew(exchange)
                case "/registrar/settings" if self._shown(exchange):
                    exchange.answer(200, json.dumps(self.settings).encode(), "application/json")
                case _:
                    exchange.answer(404, b"there is no such page")

    def _enrol(self, exchange: Handler) -> None:
        csr, user = self._csr(exchange)
        login = exchange.headers.get("Authorization")
        if login is None and not self.approved:
            exchange.answer(202, Retry_After="1")
            return
        name = user.removesuffix("/up/alarm")
        right = f"Basic {base64.b64encode(f'{name}:{self.secret}'.encode()).decode()}"
        spki = csr.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        if login is not None and login != right:
            exchange.answer(403, b"There is no such claim: ask the office for a new one.")
        elif self.keys.setdefault(user, spki) != spki:
            exchange.answer(403, b"This claim was used already: ask the office for a new one.")
        else:
            self._issue(exchange, csr, user)

    def _renew(self, exchange: Handler) -> None:
        csr, user = self._csr(exchange)
        shown = self._shown(exchange)
        if shown is None or not user.startswith(shown):
            exchange.answer(403, b"This certificate may not renew that: ask the office for a claim.")
        else:
            self._issue(exchange, csr, user)

    def _page(self, exchange: Handler, issuing: Authority) -> None:
        csr, host = self._csr(exchange)
        if self._shown(exchange) is None:
            exchange.answer(403, b"Show the device's certificate.")
        else:
            key, host = self.alter(csr, host)
            self._certificates(exchange, [issuing.page(key, host, days=self.days)])

    def _issue(self, exchange: Handler, csr: x509.CertificateSigningRequest, user: str) -> None:
        key, user = self.alter(csr, user)
        certificate = self.signed_by().device(key, user, BOARD, days=self.days)
        self.issued.append(certificate)
        self._certificates(exchange, [certificate])

    def _certificates(self, exchange: Handler, certificates: list[x509.Certificate]) -> None:
        der = pkcs7.serialize_certificates(certificates, Encoding.DER)
        exchange.answer(200, base64.encodebytes(der), "application/pkcs7-mime")

    def _shown(self, exchange: Handler) -> str | None:
        shown = exchange.connection.getpeercert(binary_form=True)
        return None if shown is None else _common_name(x509.load_der_x509_certificate(shown).subject)

    def _csr(self, exchange: Handler) -> tuple[x509.CertificateSigningRequest, str]:
        csr = x509.load_der_x509_csr(base64.b64decode(exchange.body))
        assert csr.is_signature_valid
        return csr, _common_name(csr.subject)


def _common_name(subject: x509.Name) -> str:
    return str(subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value)
