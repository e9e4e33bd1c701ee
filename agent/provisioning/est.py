"""A client of EST (RFC 7030), which is how a certificate is asked for, and of what a registrar has besides.

Nothing that a server does can hold it: an exchange has a time for all of it, and an answer a size. The server is always
verified.
"""

import base64
import binascii
import http.client
import json
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from agent.core.errors import EdgeAgentError
from agent.trust.openssl import in_memory
from agent.trust.whole_file import read_file

EST = "/.well-known/est/"
PAGES = "page/"
"""The label (RFC 7030, 3.2.2) of the authority that vouches for service pages."""
PLACE = "Edge-Place"
"""The header that says where the device is, percent-encoded."""
_CONNECT_S = 10.0
_EXCHANGE_S = 30.0
_LARGEST = 256 * 1024
_LONGEST_SENTENCE = 400
_LONGEST_WAIT_S = 60.0
_USUAL_WAIT_S = 5.0
_TRY_LATER = frozenset({408, 425, 429})


class RegistrarError(EdgeAgentError):
    """The registrar can't be reached, or its answer can't be used. It may pass: try again, after `wait_s` if given."""

    def __init__(self, text: str, wait_s: float | None = None) -> None:
        super().__init__(text)
        self.wait_s = wait_s


class RefusedError(EdgeAgentError):
    """The registrar has said no, or what it says must not be believed. Trying again does not help."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nobody has approved yet; ask again after so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Login:
    """HTTP Basic; the password is in no repr."""

    user: str
    password: str

    def __repr__(self) -> str:
        return f"Login({self.user!r})"

    @property
    def header(self) -> str:
        """The value of `Authorization`."""
        return f"Basic {base64.b64encode(f'{self.user}:{self.password}'.encode()).decode()}"


@dataclass(frozen=True, slots=True)
class Shown:
    """The certificate and the key that a client shows."""

    certificate: Path
    key: Path


class Registrar:
    """One server. `trust` are the only authorities that its certificate may come from, in PEM form."""

    def __init__(self, url: str, trust: str, *, exchange_s: float = _EXCHANGE_S, connect_s: float = _CONNECT_S) -> None:
        parts = urlsplit(url)
        self._host = parts.hostname or ""
        self._port = parts.port or 443
        self._where = self._host if self._port == 443 else f"{self._host}:{self._port}"
        self._trust = trust
        self._exchange_s = exchange_s
        self._connect_s = connect_s
        self.certificate = b""
        """The server's certificate in the last exchange, in DER form."""

    def authorities(self, label: str = "") -> bytes:
        """Return all authorities that a device needs, or those of a `label`, as PKCS#7 (DER). Raises RegistrarError,
        RefusedError."""
        return self._pkcs7(self._exchange("GET", f"{EST}{label}cacerts"))

    def enrol(self, request: bytes, login: Login | None, place: str = "") -> bytes | Wait:
        """Ask for a certificate with a request (PKCS#10, DER); return it as PKCS#7 (DER), or when to ask again.

        `place` is shown to whoever approves. Raises RegistrarError, RefusedError.
        """
        headers = {"Authorization": login.header} if login else {}
        return self._ask("simpleenroll", request, headers | ({PLACE: quote(place)} if place else {}), None)

    def renew(self, request: bytes, shown: Shown) -> bytes | Wait:
        """Ask for a certificate of the same name as the one that is shown. Like `enrol`."""
        return self._ask("simplereenroll", request, {}, shown)

    def enrol_page(self, request: bytes, shown: Shown) -> bytes | Wait:
        """Ask for the certificate of the service page of the device whose certificate is shown. Like `enrol`."""
        return self._ask(f"{PAGES}simpleenroll", request, {}, shown)

    def read(self, path: str, shown: Shown) -> dict[str, Any]:
        """Return the JSON object below a path. Raises RegistrarError, RefusedError."""
        answer = self._exchange("GET", path, shown=shown)
        try:
            content = json.loads(answer.body)
        except ValueError:
            content = None
        if not isinstance(content, dict):
            raise RegistrarError(f"{self._where} answers {path} with something else than JSON: {_OTHER}")
        return content

    def decommission(self, shown: Shown) -> str:
        """Have all certificates of whoever shows this one revoked; return what the registrar says. Twice does no harm.

        Raises RegistrarError, RefusedError.
        """
        return self._exchange("POST", "/registrar/decommission", shown=shown).sentence

    def _ask(self, operation: str, request: bytes, more: dict[str, str], shown: Shown | None) -> bytes | Wait:
        headers = {"Content-Type": "application/pkcs10", "Content-Transfer-Encoding": "base64", **more}
        answer = self._exchange("POST", EST + operation, base64.encodebytes(request), headers, shown)
        return Wait(answer.retry_after_s or _USUAL_WAIT_S) if answer.status == 202 else self._pkcs7(answer)

    def _pkcs7(self, answer: "_Answer") -> bytes:
        try:
            found = base64.b64decode(b"".join(answer.body.split()), validate=True)
        except binascii.Error:
            found = b""
        if not found.startswith(b"\x30"):
            raise RegistrarError(f"{self._where} answers with something that is no certificate: {_OTHER}")
        return found

    def _exchange(
        self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = {}, shown: Shown | None = None
    ) -> "_Answer":
        try:
            with self._connection(shown) as connection:
                all_headers = {"Connection": "close", "Accept": "*/*", **headers}
                connection.request(method, path, body or None, all_headers)
                with connection.getresponse() as response:
                    answer = _Answer.read(response)
        except RegistrarError:
            raise
        except ssl.SSLError as error:
            raise RegistrarError(_of_tls(error, self._where)) from error
        except TimeoutError as error:
            raise RegistrarError(f"{self._where} does not answer in time: {_NETWORK}") from error
        except socket.gaierror as error:
            raise RegistrarError(f"the name {self._host} can't be resolved: {_NAMES}") from error
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise RegistrarError(f"{self._where} can't be reached ({reason}): {_NETWORK}") from error
        except (http.client.HTTPException, ValueError) as error:
            raise RegistrarError(f"{self._where} answers with something that is not HTTP: {_OTHER}") from error
        if answer.status in {200, 202}:
            return answer
        if answer.status >= 500 or answer.status in _TRY_LATER:
            said = answer.sentence or f"it has trouble of its own (HTTP {answer.status}): tell the office if it lasts"
            raise RegistrarError(f"{self._where}: {said}", answer.retry_after_s)
        if 300 <= answer.status < 400:
            raise RegistrarError(f"{self._where} sends us elsewhere, where we do not go: {_OTHER}")
        said = answer.sentence or f"it refuses without a reason (HTTP {answer.status}): ask the office"
        raise RefusedError(f"{self._where}: {said}")

    @contextmanager
    def _connection(self, shown: Shown | None) -> Iterator[http.client.HTTPConnection]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # checks certificate and host name
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_verify_locations(cadata=self._trust)
        if shown is not None:
            try:
                # Of a copy: a file may become a FIFO before OpenSSL opens it, which would then wait.
                with in_memory(read_file(shown.certificate)) as own, in_memory(read_file(shown.key)) as key:
                    context.load_cert_chain(own[1], key[1], password="")
            except OSError as error:
                raise EdgeAgentError(
                    f"{shown.certificate} with {shown.key} can't be used ({error}): enrol this device again"
                ) from error
        plain = socket.create_connection((self._host, self._port), timeout=self._connect_s)
        with context.wrap_socket(plain, server_hostname=self._host, do_handshake_on_connect=False) as secured:
            late = threading.Event()

            def hang_up() -> None:
                late.set()
                with suppress(OSError):
                    socket.socket.shutdown(
                        secured, socket.SHUT_RDWR
                    )  # SSLSocket's own takes objects away that are in use

            alarm = threading.Timer(self._exchange_s, hang_up)
            alarm.daemon = True
            alarm.start()
            try:
                secured.settimeout(self._exchange_s)
                secured.do_handshake()
                self.certificate = secured.getpeercert(binary_form=True) or b""
                connection = http.client.HTTPConnection(self._host, self._port)
                connection.sock = secured
                yield connection
                if late.is_set():  # what has come so far looks like all of it
                    raise TimeoutError
            except (OSError, http.client.HTTPException, ValueError) as error:
                if late.is_set():
                    raise RegistrarError(
                        f"{self._where} did not end its answer within {self._exchange_s:g} s: {_NETWORK}"
                    ) from error
                raise
            finally:
                alarm.cancel()
                alarm.join()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    body: bytes
    sentence: str
    """What it says to a person; empty if it says nothing."""
    retry_after_s: float | None

    @classmethod
    def read(cls, response: http.client.HTTPResponse) -> "_Answer":
        body = response.read(_LARGEST + 1)
        if len(body) > _LARGEST:
            raise ValueError("an answer without an end")
        is_text = response.headers.get_content_type() == "text/plain"
        words = " ".join(body[: 4 * _LONGEST_SENTENCE].decode("utf-8", "replace").split()) if is_text else ""
        sentence = "".join(each for each in words if each.isprintable())[:_LONGEST_SENTENCE]
        return cls(response.status, body, sentence, _seconds(response.headers.get("Retry-After", "")))


def _seconds(retry_after: str) -> float | None:
    """Return how long to wait, between 1 and 60 s; None when the header says nothing that we know."""
    return min(max(float(retry_after), 1.0), _LONGEST_WAIT_S) if re.fullmatch(r"[0-9]{1,9}", retry_after) else None


_NETWORK = "check the network cable and `ip route`, then ask the office whether the registrar runs"
_NAMES = "check the network cable, then whether this network has a name server (DNS), which `resolvectl status` names"
_OTHER = "is this really the registrar? Ask the office for its address"


def _of_tls(error: ssl.SSLError, where: str) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        return f"the certificate of {where} " + _VERIFICATION.get(error.verify_code, _FOREIGN).format(
            now=now, reason=error.verify_message
        )
    reason = (error.reason or str(error)).upper()
    said = reason.lower().replace("_", " ")
    if "EXPIRED" in reason:
        return f"{where} says that this device's certificate has expired: ask the office for a claim"
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return f"{where} does not accept this device's certificate ({said}): ask the office"
    return f"{where} does not speak TLS as we do ({said}): {_OTHER}"


_CLOCK = (
    ": this device's clock says {now}. If that is wrong, let the network set it (`timedatectl`); if it is right, tell "
    "the office that the registrar's certificate has to be renewed"
)
_WRONG_HOST = "is for another name: ask the office for the registrar's right address"
_FOREIGN = (
    "does not come from the authority that this device trusts ({reason}): somebody else may be answering. Ask the "
    "office for a new claim"
)
# X509_V_ERR_* of <openssl/x509_vfy.h>
_VERIFICATION = {9: "is not valid yet" + _CLOCK, 10: "has expired" + _CLOCK, 62: _WRONG_HOST, 64: _WRONG_HOST}
