"""Keys, requests and certificates by the `openssl` command: a key in a file, in a TPM or behind PKCS#11, in one way.

A provider makes the difference: OPENSSL_CONF names the configuration that loads it (`configuration`), and whoever
uses OpenSSL, Python's `ssl` too, then takes the key from what its file says. Secrets go by pipes and files: a command
line is shown to everybody on this machine.
"""

import base64
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal, get_args

from agent.contract.errors import EdgeAgentError, UsageError
from agent.contract.identity import client_id, common_name
from agent.trust.whole_file import read_file
from agent.trust.x509_files import PROVIDERS

KeyKind = Literal["file", "tpm", "pkcs11"]
_PATIENCE_S = 60.0
"""A TPM may take seconds for a key."""
_MOST_CERTIFICATES = 20
_CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----\n?", re.DOTALL)
_KEY = re.compile(r"-----BEGIN (?!CERTIFICATE)([A-Z0-9#. ]+)-----.*?-----END \1-----\n?", re.DOTALL)
_PUBLIC = re.compile(r"-----BEGIN PUBLIC KEY-----(.*?)-----END PUBLIC KEY-----", re.DOTALL)


_ECDSA_NULL = bytes.fromhex("300c06082a8648ce3d0403020500")
_ECDSA = bytes.fromhex("300a06082a8648ce3d040302")
"""The algorithm `ecdsa-with-SHA256`, as DER."""
ISSUERS = "issuers.pem"
"""Beside the certificate and not in its file, all of which goes to every broker. A report brings them along, for who
knows the root alone."""


class OpensslError(EdgeAgentError):
    """The command is missing, or it failed; the text has its reason."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What matters of a certificate."""

    pem: str
    common_name: str
    issuer: str
    """The common name of whoever has signed it."""
    serial: str
    """In hex, small letters, without a zero in front."""
    begins: datetime
    ends: datetime
    public_key: bytes
    """SubjectPublicKeyInfo in DER form."""
    is_root: bool


def key_kind(key: str) -> KeyKind:
    """Return the kind of a key as a person names it: `file`, `tpm`, or `pkcs11:` and the rest of its URI.

    Raises UsageError.
    """
    if key.startswith("pkcs11:"):
        if "pin-value" in key:
            raise UsageError("a PIN does not belong on a command line: put it into /etc/edge-agent/pkcs11-pin")
        return "pkcs11"
    if key not in get_args(KeyKind)[:2]:
        raise UsageError(f"--key {key}: a key is kept by file, by tpm, or by pkcs11:token=TOKEN;object=NAME")
    return "tpm" if key == "tpm" else "file"


def configuration(kind: KeyKind) -> Path | None:
    """Return the file that OPENSSL_CONF must name before a process uses such a key; None for a key in a file."""
    return None if kind == "file" else Path(f"{PROVIDERS}/openssl-{kind}.cnf")


def new_key(key: str) -> bytes:
    """Make a P-256 key where `key_kind` says, and return the content of its file: the key itself, what its TPM alone
    can unwrap, or where it is. A key that is behind that PKCS#11 URI already is taken. Raises OpensslError."""
    match key_kind(key):
        case "file":
            return _openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        case "tpm":
            return _openssl("genpkey", "-propquery", "provider=tpm2", "-algorithm", "EC", "-pkeyopt", "group:P-256")
        case "pkcs11":
            try:
                return _openssl("pkey", "-in", f"{key};type=private")
            except OpensslError:
                made = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", f"pkcs11_uri:{key}")
                return _openssl("genpkey", "-propquery", "provider=pkcs11", *made)


def page_request(host: str) -> tuple[bytes, bytes]:
    """Return a new P-256 key in PEM form, which is in no file yet, and a certificate request (PKCS#10, DER) for a
    server of this name. Raises OpensslError."""
    key = new_key("file")
    lines = ["[req]", "prompt = no", "distinguished_name = name", "req_extensions = extensions", "[name]"]
    lines += [f"CN = {host}", "[extensions]", f"subjectAltName = DNS:{host}", "extendedKeyUsage = serverAuth", ""]
    with in_memory(key) as its:
        options = ("-key", its[1], "-config", "/dev/stdin", "-outform", "DER")
        return key, _openssl("req", "-new", *options, stdin="\n".join(lines).encode(), keep=(its[0],))


def key_alone(content: bytes) -> bytes:
    """Return a key file's key without the certificates behind it. Raises OpensslError."""
    found = _KEY.search(content.decode("ascii", "replace"))
    if found is None:
        raise OpensslError("the key's file holds no key in PEM form")
    return found[0].encode()


def public_key(key: Path | bytes) -> bytes:
    """Return the public half of the key in a file, or of one in PEM form, in DER form. Raises OpensslError."""
    content = key if isinstance(key, bytes) else _read(key)
    return _openssl("pkey", "-in", "/dev/stdin", "-pubout", "-outform", "DER", stdin=content)


def request(key: Path, user: str, board: str | None) -> bytes:
    """Return a certificate request (PKCS#10, DER) for `user`, signed by the key. Raises OpensslError.

    The name with dots is an alternative name, the board's serial is in the subject.
    """
    lines = [
        "[req]",
        "prompt = no",
        "distinguished_name = name",
        "req_extensions = extensions",
        "string_mask = utf8only",
    ]
    lines += ["[name]", f"CN = {common_name(user)}", *([f"serialNumber = {board}"] if board else [])]
    lines += ["[extensions]", f"subjectAltName = DNS:{client_id(user)}"]
    text = "\n".join([*lines, ""]).encode()
    try:
        with in_memory(_read(key)) as its:
            options = ("-key", its[1], "-config", "/dev/stdin", "-outform", "DER")
            made = _openssl("req", "-new", *options, stdin=text, keep=(its[0],))
    except OpensslError as error:
        # tpm2-openssl 1.1 gives OpenSSL 3.0 the public half for the whole key.
        if "missing private key" not in str(error):
            raise
        raise OpensslError(
            "this system's OpenSSL can't sign with a key in a TPM: that of Debian 12 can't, that of Debian 13 can. "
            "Enrol with --key file, or with a card that has Debian 13"
        ) from error
    return _strict(made)


def _strict(made: bytes) -> bytes:
    """Return a request without the NULL that tpm2-openssl 1.3 puts behind `ecdsa-with-SHA256`: RFC 5758 forbids it, and
    who reads strictly refuses it. It stands outside of what is signed."""
    at = made.rfind(_ECDSA_NULL)
    if at < 0:
        return made
    header = 2 + (made[1] & 0x7F if made[1] & 0x80 else 0)
    content = made[header:at] + _ECDSA + made[at + len(_ECDSA_NULL) :]
    return b"\x30\x82" + len(content).to_bytes(2, "big") + content


def certificates(pkcs7: bytes) -> list[Certificate]:
    """Return the certificates of a PKCS#7 structure (DER), 20 at most. Raises OpensslError when it is none."""
    text = _openssl("pkcs7", "-inform", "DER", "-print_certs", stdin=pkcs7).decode("ascii", "replace")
    found = _CERTIFICATE.findall(text)
    if not found or len(found) > _MOST_CERTIFICATES:
        raise OpensslError(f"a list of {len(found)} certificates")
    return [describe(pem) for pem in found]


def pem_certificates(text: str) -> list[Certificate]:
    """Return the certificates in PEM form in a text. Raises OpensslError."""
    return [describe(pem) for pem in _CERTIFICATE.findall(text)]


def describe(pem: str) -> Certificate:
    """Return what a certificate says. Raises OpensslError."""
    options = ("-subject", "-issuer", "-serial", "-startdate", "-enddate", "-dateopt", "iso_8601", "-pubkey")
    form = ("-nameopt", "sep_multiline,utf8,esc_ctrl,sname", "-ext", "basicConstraints")
    text = _openssl("x509", "-noout", *options, *form, stdin=pem.encode()).decode("utf-8", "replace")
    subject, issuer = (_name(text, which) for which in ("subject", "issuer"))
    names = [re.search(r"^\s+CN=(.*)$", each, re.MULTILINE) for each in (subject, issuer)]
    own, signer = (found[1] if found else "" for found in names)
    number = re.search(r"^serial=([0-9A-F]+)$", text, re.MULTILINE)
    public = _PUBLIC.search(text)
    if public is None:
        raise OpensslError("a certificate without a key")
    return Certificate(
        pem=pem,
        common_name=own,
        issuer=signer,
        serial=number[1].lower().lstrip("0") if number else "",
        begins=_date(text, "notBefore"),
        ends=_date(text, "notAfter"),
        public_key=base64.b64decode(public[1]),
        is_root=subject == issuer and "CA:TRUE" in text,
    )


def why_not_issued(
    pem: str, roots: Iterable[str], between: Iterable[str], purpose: str, *, at: datetime | None = None
) -> str | None:
    """Return why a certificate does not come from one of the roots, in OpenSSL's words; None if it does.

    `purpose` is `sslclient` or `sslserver`; `between` are authorities that may stand between; `at` is when it must be
    valid, now if left out. Raises OpensslError.
    """
    when = [] if at is None else ["-attime", str(int(at.timestamp()))]
    return _why_not(pem, roots, between, "-purpose", purpose, *when)


def why_revoked(pem: str, roots: Iterable[str], between: Iterable[str], revoked: str) -> str | None:
    """Return why a certificate is on a list of revoked ones (PEM), or why the list is not one of its authority; None if
    neither. Nobody asks how old list or certificate are. Raises OpensslError."""
    with in_memory(revoked) as lists:
        options = ("-no_check_time", "-crl_check", "-CRLfile", lists[1])
        return _why_not(pem, roots, between, *options, keep=(lists[0],))


def sign(key: Path, content: bytes) -> bytes:
    """Return the signature of a P-256 key over `content` with SHA-256: 64 bytes, as JWS has it (ES256, RFC 7518, 3.4).

    OPENSSL_CONF must name what loads the key (`configuration`). Raises OpensslError.
    """
    der = _openssl("dgst", "-sha256", "-sign", str(key), stdin=content)
    # SEQUENCE { INTEGER r, INTEGER s }, of at most 72 bytes: each length is one byte.
    r, s = der[4 : 4 + der[3]], der[6 + der[3] :]
    try:
        return b"".join(int.from_bytes(each).to_bytes(32) for each in (r, s))
    except OverflowError as error:
        raise OpensslError("the device's key is not of the curve P-256") from error


def is_signature(signature: bytes, content: bytes, public_key: bytes) -> bool:
    """Return whether a signature, as `sign` returns it, over `content` is that of a public key in DER form."""
    if len(signature) != 64:
        return False
    numbers = [int.from_bytes(each).to_bytes(33).lstrip(b"\0") for each in (signature[:32], signature[32:])]
    numbers = [b"\0" * (not each or each[0] > 127) + each for each in numbers]
    body = b"".join(b"\x02" + bytes([len(each)]) + each for each in numbers)
    pem = f"-----BEGIN PUBLIC KEY-----\n{base64.b64encode(public_key).decode()}\n-----END PUBLIC KEY-----\n"
    with in_memory(pem) as key, in_memory(b"\x30" + bytes([len(body)]) + body) as der:
        try:
            _openssl("dgst", "-sha256", "-verify", key[1], "-signature", der[1], stdin=content, keep=(key[0], der[0]))
        except OpensslError:
            return False
    return True


def _why_not(
    pem: str, roots: Iterable[str], between: Iterable[str], *options: str, keep: Sequence[int] = ()
) -> str | None:
    with in_memory("".join(roots)) as trusted, in_memory("".join(between)) as chain:
        try:
            files = ["-no-CApath", "-no-CAstore", "-CAfile", trusted[1]]
            files += ["-untrusted", chain[1]] if chain[2] else []  # openssl wants no empty file
            _openssl("verify", *files, *options, stdin=pem.encode(), keep=(trusted[0], chain[0], *keep))
        except OpensslError as error:
            found = re.search(r"depth lookup: ([^;]*)", str(error))
            if found is None:
                raise
            return found[1]
    return None


def to_pem(der: bytes) -> str:
    """Return a certificate in PEM form. Raises OpensslError when it is none."""
    return _openssl("x509", "-inform", "DER", stdin=der).decode("ascii")


def _read(key: Path) -> bytes:
    try:
        return read_file(key)
    except OSError as error:
        raise OpensslError(f"{key}: {(error.strerror or str(error)).lower()}") from error


def _openssl(*words: str, stdin: bytes = b"", keep: Sequence[int] = ()) -> bytes:
    try:
        done = subprocess.run(
            ["openssl", *words], input=stdin, capture_output=True, timeout=_PATIENCE_S, check=False, pass_fds=keep
        )
    except FileNotFoundError as error:
        raise OpensslError("openssl is missing: sudo apt-get install openssl") from error
    except subprocess.TimeoutExpired as error:
        raise OpensslError(f"openssl {words[0]} did not end within {_PATIENCE_S:g} s") from error
    if done.returncode != 0:
        said = [line for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise OpensslError(f"openssl {words[0]} failed: {'; '.join(said[:3])[:400] or 'it says nothing'}")
    return done.stdout


@contextmanager
def in_memory(content: str | bytes) -> Iterator[tuple[int, str, int]]:
    """Provide a file that is on no disk: its number, its path here and in a child that keeps it, and its length."""
    with os.fdopen(os.memfd_create("pem"), "wb") as file:
        file.write(content.encode() if isinstance(content, str) else content)
        file.flush()
        yield file.fileno(), f"/proc/self/fd/{file.fileno()}", len(content)


def _name(text: str, which: str) -> str:
    found = re.search(rf"^{which}=\n((?:    .*\n)+)", text, re.MULTILINE)
    return found[1] if found else ""


def _date(text: str, which: str) -> datetime:
    found = re.search(rf"^{which}=(\S+ \S+)Z$", text, re.MULTILINE)
    if found is None:
        raise OpensslError("a certificate without dates")
    return datetime.fromisoformat(found[1]).replace(tzinfo=UTC)
