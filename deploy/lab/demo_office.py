"""The demo's office: it has the evidence key, keeps the heads of the camera's chain, and opens what was recorded."""

import json
import os
import shutil
import sys
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from agent.contract.identity import common_name
from agent.core.errors import EdgeAgentError
from agent.models.cache import cache_directory
from agent.trust.evidence.chain import read_heads
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.cli.evidence_case import media_of
from edge_centre.evidence.case import found, judged
from edge_centre.evidence.export import export
from edge_centre.evidence.signer import Trust

BEFORE_S, AFTER_S = 10, 10
RECORDS = find_spec("av") is not None
"""Whether there is what encodes pictures."""
PROGRAM = shutil.which("edge-centre") or str(Path(sys.executable).with_name("edge-centre"))
"""The command for a person to type, with its path."""
_SETTINGS = """
[evidence]
recipient = "{recipient}"
before_s = {before}
after_s = {after}
keep_free_bytes = 0
"""


class DemoOffice:
    """The authority of devices, the evidence key, and the heads of the chain. One thread."""

    def __init__(self, directory: Path, device: str) -> None:
        """Make the device's certificate in `directory`, which is the demo's own."""
        self._device = device
        self._clips = directory / "state" / "evidence" / "front"
        self._heads: list[str] = []
        self._begun: dict[str, dict[str, Any]] = {}
        self._authority = ""
        self.mqtt_settings = self.settings = ""
        if RECORDS:
            self._key = EvidenceKey.generate("evidence-1")
            self._authority = _certify(directory, device)
            self.mqtt_settings = f'cert_file = "{directory}/device.pem"\nkey_file = "{directory}/device.key"\n'
            self.settings = _SETTINGS.format(recipient=self._key.public(), before=BEFORE_S, after=AFTER_S)

    def hear(self, topic: str, data: dict[str, Any]) -> str | None:
        """Take a message; return the name of the clip that is complete now, if it says that of one."""
        if not topic.endswith("/up/evidence"):
            return None
        if "chain" in data:
            now = datetime.now(UTC).isoformat()
            self._heads.append(
                json.dumps({"device": self._device, "camera": data["camera"], **data["chain"], "at": now})
            )
        if "before_s" in data:
            self._begun[data["clip"]] = data
        return str(data["clip"]) if "ends" in data and data["clip"] in self._begun else None

    def open(self, clip: str) -> list[str]:
        """Export a clip, in place of the demo's last one, and verify it; return lines for a person.

        Raises EdgeAgentError for one that is not authentic.
        """
        trust = Trust(self._authority, "", self._device, tuple(read_heads("\n".join(self._heads))))
        case, authority = cache_directory() / "demo-case", cache_directory() / "demo-device-ca.pem"
        new = case.with_name(f"demo-case.{os.getpid()}")  # another demo may be at work
        [sealed] = found(self._clips / f"{clip}.clip") or []
        by = {"name": "the demo", "why": "to show it"}
        export(sealed, trust, self._key, new, by, datetime.now(UTC), media_of(trust))
        authority.write_text(self._authority, encoding="ascii")
        [opened] = found(new) or []
        verdict = judged(opened, trust, None, media_of(trust))
        if not verdict.is_authentic:
            raise EdgeAgentError(f"the recording is {verdict.word}: {verdict.findings[0] if verdict.findings else ''}")
        shutil.rmtree(case, ignore_errors=True)
        new.rename(case)
        return [
            f"The {int(self._begun[clip]['before_s'])} seconds before the press: verified. The case folder: {case}",
            f"  a film that any player opens: {case / clip}-plain.mp4",
            f"  check it yourself: {PROGRAM} evidence verify {case} --ca {authority}",
        ]


def _certify(directory: Path, device: str) -> str:
    """Write `device.key` and `device.pem`; return their authority, whose key nobody keeps."""
    from cryptography import x509  # noqa: PLC0415 - a demo without recordings needs none
    from cryptography.hazmat.primitives import hashes, serialization  # noqa: PLC0415
    from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415

    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.oid.NameOID.COMMON_NAME, text)])

    def signed(name: str, key: ec.EllipticCurvePrivateKey, *, ca: bool) -> bytes:
        builder = x509.CertificateBuilder(issuer, named(name), key.public_key(), x509.random_serial_number(), *life)
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        return builder.sign(own, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    now = datetime.now(UTC)
    life = (now - timedelta(hours=1), now + timedelta(days=7))
    own, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    issuer = named("make run")
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (directory / "device.key").touch(mode=0o600)
    (directory / "device.key").write_bytes(private)
    (directory / "device.pem").write_bytes(signed(common_name(device), key, ca=False))
    return signed("make run", own, ca=True).decode("ascii")
