"""The secrets of a province: roots, the issuing authority, certificates of hosts and centres, and people's keys.

Nothing here is ever replaced, but a certificate whose key stays: when its names change, or its end is near. A root that
lies in the safe is known by its certificate in `pki`, so that no second one is made.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Literal, get_args

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from agent.contract.errors import EdgeAgentError, SettingsError
from agent.trust.evidence_keys import EvidenceKey, Recipient
from agent.trust.jose_keys import PrivateKey, PublicKey, read_key_set
from edge_centre.authority import Authority, Kind, new_key, write_certificates, write_key
from edge_centre.key_files import make_key, write_key_set, write_private
from edge_centre.kit.province import Province
from edge_centre.kit.workshop import Workshop

RENEWED_BEFORE = timedelta(days=60)
"""So long before its end a certificate of a host or a centre is made anew."""

ISSUING_RENEWED_BEFORE = timedelta(days=365)
"""And that of the issuing authority, which the certificates of devices must not outlive."""


class KitError(EdgeAgentError):
    """The kit can't go on. The text says why, and what to do."""


class Keys:
    """Those of one province, below the workshop's root."""

    def __init__(self, shop: Workshop, province: Province) -> None:
        self._shop, self._province = shop, province
        self._roots: dict[Kind, Authority] = {}
        self.evidence: Recipient | None = None
        """To whom devices seal what they record; None where nothing is recorded."""
        self.first_list: Path
        """The revocation list that brokers begin with: nobody is on it."""

    def make(self) -> None:
        """Make what is missing. Raises KitError and AuthorityError."""
        for kind in get_args(Kind):
            self._root(kind)
        issuing = self._issuing("device", "registrar/issuing", "pki/issuing.pem")
        # One list for each issuing authority of devices: brokers begin with it.
        number = f"{issuing.certificate.serial_number:x}"[:16]
        self.first_list = self._shop.once(
            f"pki/device-{number}.crl", lambda new: _write(new, issuing.revocation_list([], 0))
        )
        self._issuing("page", "registrar/page-issuing", "pki/page-issuing.pem")
        for broker in self._province.brokers:
            self._certificate(f"brokers/{broker.name}/server", "server", broker.names)
        self._certificate("registrar/server", "server", self._province.registrar.names)
        for centre in self._province.centres:
            self._certificate(f"centres/{centre.id}/{centre.id}", "centre", [centre.id])
            self._shop.derive(f"centres/{centre.id}/ca.pem", self.root_pem("server"))
        self._people()
        if self._province.evidence is not None:
            self.evidence = self._recipient()

    def root_pem(self, kind: Kind) -> bytes:
        """The certificate of a root."""
        return (self._shop.root / f"pki/{kind}-root.pem").read_bytes()

    @cached_property
    def device_chain(self) -> bytes:
        """The authorities that verify a device which sends its certificate alone: the issuing one, and its root."""
        return (self._shop.root / "registrar/issuing/ca.pem").read_bytes() + self.root_pem("device")

    def _root(self, kind: Kind) -> None:
        directory, public = self._shop.root / f"pki/offline/{kind}", self._shop.root / f"pki/{kind}-root.pem"
        if not directory.exists() and public.exists():
            self._shop.done[f"pki/{kind}-root.pem"] = "kept"
            return  # it is in the safe
        if not directory.exists():
            Authority.root(kind, self._province.code).save(directory)
            self._shop.done[f"pki/offline/{kind}"] = "made"
        self._shop.done.setdefault(f"pki/offline/{kind}", "kept")
        root = Authority.load(directory)
        self._shop.once(f"pki/{kind}-root.pem", lambda new: write_certificates(new, root.certificate))
        if x509.load_pem_x509_certificate(public.read_bytes()) != root.certificate:
            raise KitError(f"{directory} is another root than the one that this province was made with, {public}")
        self._roots[kind] = root

    def _signer(self, kind: Kind, what: str) -> Authority:
        if kind not in self._roots:
            raise KitError(
                f"{what} must be signed, and the root of its kind is not on this machine: bring "
                f"{self._shop.root / 'pki/offline' / kind} back from the safe, and run this again"
            )
        return self._roots[kind]

    def _issuing(self, kind: Literal["device", "page"], folder: str, certificate: str) -> Authority:
        """Make the online authority below a root, and its certificate's copy in `pki`, or keep them."""
        directory, public = self._shop.root / folder, self._shop.root / certificate
        if not directory.exists():
            if public.exists():
                raise KitError(
                    f"{directory} is gone, and devices depend on it: bring it back from the registrar's host. "
                    f"Only when it is compromised, and as the runbook says, remove {public}, and run this again"
                )
            directory.parent.mkdir(parents=True, exist_ok=True)
            self._signer(kind, f"the issuing authority of {kind}s").issuing().save(directory)
            self._shop.done[folder] = "made"
        self._shop.done.setdefault(folder, "kept")
        issuing = Authority.load(directory)
        if issuing.end - datetime.now(UTC) < ISSUING_RENEWED_BEFORE:
            if kind in self._roots:
                issuing = self._roots[kind].issuing(key=issuing.key)
                self._shop.derive(f"{folder}/ca.pem", issuing.certificate.public_bytes(Encoding.PEM))
            else:
                self._shop.done[folder] = "due"
        self._shop.derive(certificate, issuing.certificate.public_bytes(Encoding.PEM))
        return issuing

    def _certificate(self, name: str, kind: Literal["server", "centre"], names: list[str]) -> None:
        """Make NAME.key once, and NAME.pem for it whenever it is missing or no longer fits."""
        key_file = self._shop.once(f"{name}.key", lambda new: write_key(new, new_key()))
        key = load_pem_private_key(key_file.read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        path = self._shop.root / f"{name}.pem"
        fits, until = _judge(path, key, x509.load_pem_x509_certificate(self.root_pem(kind)), names)
        due = until - datetime.now(UTC) < RENEWED_BEFORE
        if fits and (not due or (kind not in self._roots and until > datetime.now(UTC))):
            self._shop.done[f"{name}.pem"] = "due" if due else "kept"
            return
        root, public = self._signer(kind, f"{name}.pem"), key.public_key()
        signed = root.server(public, names) if kind == "server" else root.centre(public, names[0])
        self._shop.derive(f"{name}.pem", signed.public_bytes(Encoding.PEM))

    def _recipient(self) -> Recipient:
        """The newest evidence key's public half, which stays when the private one is in the safe."""
        directory = self._shop.root / "keys"
        if not any(path.suffix != ".new" for path in directory.glob("evidence-*")):  # which a cut has left
            key = EvidenceKey.generate("evidence-1")
            self._shop.once("keys/evidence-1.key.json", lambda new: write_private(new, key.as_jwk()))
        for path in directory.glob("evidence-*.key.json"):
            public = EvidenceKey.load(path).public()
            self._shop.derive(f"keys/{public.kid}.pub", f"{public}\n")
        newest = max(directory.glob("evidence-*.pub"), key=lambda path: int(path.stem.removeprefix("evidence-")))
        return Recipient.parse(newest.read_text(encoding="ascii").strip())

    def _people(self) -> None:
        directory = self._shop.root / "keys"
        directory.mkdir(exist_ok=True)
        key_set = directory / "keys.json"
        known = read_key_set(key_set) if key_set.exists() else []
        # A run that was cut off after it had written a key, and before its public half.
        cut: list[PublicKey] = []
        for path in sorted(directory.glob("*.key.json")):
            with suppress(SettingsError):  # half a file, of a key that nobody knows
                cut.append(PrivateKey.load(path).public())
        if missing := [key for key in cut if key.kid not in {each.kid for each in known}]:
            known += missing
            write_key_set(key_set, known)
        for person, role in self._province.people.items():
            there = next((key.kid for key in known if (key.issuer, key.role) == (person, role)), None)
            kid = there or make_key(role, directory, person).kid
            self._shop.done[f"keys/{kid}.key.json"] = "kept" if there else "made"
        if not key_set.exists():
            write_key_set(key_set, [])
        self._shop.done["keys/keys.json"] = "kept"


def _judge(
    path: Path, key: ec.EllipticCurvePrivateKey, root: x509.Certificate, names: list[str]
) -> tuple[bool, datetime]:
    """Whether this is the root's certificate for this key and these names, and until when."""
    if not path.exists():
        return False, datetime.now(UTC)
    found = x509.load_pem_x509_certificate(path.read_bytes())
    try:
        found.verify_directly_issued_by(root)
    except (InvalidSignature, ValueError):
        return False, found.not_valid_after_utc
    said = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    fits = {str(each.value) for each in said} == set(names) and found.public_key() == key.public_key()
    return fits, found.not_valid_after_utc


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)
