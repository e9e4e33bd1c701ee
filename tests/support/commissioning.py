"""A commissioning of a kiosk with a camera, its report, and an office that can check it."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent.contract.commissioning import (
    Attachment,
    CommissionedDevice,
    CommissioningData,
    Figure,
    JwsSignature,
    Place,
    Report,
    Signed,
    Technician,
    Verdict,
    WalkStep,
    Wire,
    conclude,
    listed,
    payload_of,
    statement,
)
from agent.contract.envelope import rfc3339
from agent.contract.vocabulary import TimeQuality
from agent.trust.commissioning_report import Finding, ReportFile, Trust, check, seal
from agent.trust.jose_keys import KeyRing, PrivateKey, sign
from tests.support.certificates import Authority, CertificateFiles

USER = "gp/jhb-park-station/kiosk-0042"
VIEW = b"\xff\xd8 a street, its faces covered \xff\xd9"
WIRING = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
FIRST, SECOND = "01a21ac6-1e90-75c1-8f60-a8f2ab6e1694", "01a21ac6-20c1-749b-a36a-313f56ef2117"
ENDED = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
NOW = ENDED + timedelta(minutes=30)


def step(name: str, title: str, said: str = "as it should", verdict: Verdict = "passed", **more: Any) -> WalkStep:
    return WalkStep(name=name, title=title, said=said, verdict=verdict, ended=rfc3339(ENDED), **more)


SENT = Figure(name="until sent", value=23, unit="ms")
STEPS = (
    step("label", "The label's name and serial number are this device's"),
    step("button-police", "Button police, pressed in test mode", figures=(SENT,)),
    step("mains", "Mains switched off and on", "the technician can't reach the switch", "left-out", tries=0),
    step("answer", "A person at the centre answers", "Thandi M. took it", tries=2),
)  # fmt: skip


def report(
    user: str = USER,
    technician: tuple[str, str] = ("sipho", "technician-5c01d2ee"),
    view: bytes = VIEW,
    drawing: bytes = WIRING,
    **more: Any,
) -> Report:
    """The report of a walk that ended half an hour ago."""
    attached = (
        ("front", "what the camera front sees, 2 masks", "image/jpeg", view),
        ("wiring", "the wiring of profile kiosk-camera-pi5", "image/svg+xml", drawing),
    )
    fields: dict[str, Any] = {
        "id": FIRST,
        "walk": SECOND,
        "device": CommissionedDevice(
            name=user,
            board="10000000abcdef01",
            model="Raspberry Pi 5 Model B Rev 1.0",
            profile="kiosk-camera-pi5",
            agent_version="0.1.0",
            config_revision="5b1f0c2a",
            system="Debian 13 (trixie)",
            certificate_ends="2027-02-25T09:00:00.000Z",
        ),
        "place": Place(text="Park Station, concourse, pillar 7", lat="-26.1972", lon="28.0415"),
        "by": Technician(issuer=technician[0], kid=technician[1], name="Sipho Nkosi"),
        "began": rfc3339(ENDED - timedelta(minutes=41)),
        "ended": rfc3339(ENDED),
        "timeq": TimeQuality.SYNCED,
        "wiring": (Wire(name="police", what="button, panic, two contacts", pins="GPIO17 and GPIO27"),),
        "pictures": tuple(
            Attachment(name=name, what=what, media=media, sha256=sha256(content).hexdigest())
            for name, what, media, content in attached
        ),
        "steps": STEPS,
    }
    fields |= more
    return Report(**{"verdict": conclude(each.verdict for each in fields["steps"])} | fields)


def unsigned() -> CommissioningData:
    """The data of a message, with signatures of nobody."""
    made, nobody = report(), JwsSignature(protected="e30", signature="AA")
    return CommissioningData(
        report=made, hashes=listed(made), signed=Signed(payload="e30", signatures=(nobody, nobody))
    )


def signature(report: Report, technician: PrivateKey) -> JwsSignature:
    """The technician's half."""
    protected, payload, signed = sign(statement(report, listed(report)), technician).decode().split(".")
    assert payload == payload_of(report)
    return JwsSignature(protected=protected, signature=signed)


@dataclass(frozen=True)
class Office:
    """The authority of the devices, and the key set."""

    devices: Authority
    technician: PrivateKey
    keys: Path
    files: CertificateFiles
    """Those of the device that is commissioned."""

    @classmethod
    def create(cls, directory: Path) -> "Office":
        devices = Authority(directory / "devices", "devices")
        technician = PrivateKey.generate("technician", "sipho")
        office = cls(devices, technician, directory / "keys.json", devices.client(USER, f"{USER}/up/alarm"))
        office.knows(technician)
        return office

    def knows(self, *keys: PrivateKey) -> None:
        """These alone may sign from now on."""
        from edge_centre.key_files import write_key_set  # noqa: PLC0415

        write_key_set(self.keys, [key.public() for key in keys])

    def report(self, **more: Any) -> Report:
        return report(technician=(self.technician.issuer, self.technician.kid), **more)

    def sealed(self, made: Report | None = None, files: CertificateFiles | None = None) -> ReportFile:
        files = files or self.files
        made = made or self.report()
        return seal(made, (VIEW, WIRING), files.key, files.cert, signature(made, self.technician))

    def trust(self, **more: Any) -> Trust:
        return Trust(self.devices.ca.read_text(), KeyRing.load(self.keys), **more)

    def faults(self, content: bytes, **more: Any) -> list[str]:
        """What a check says that does not hold."""
        failed = [each for each in self.check(content, **more) if not each.holds]
        assert all(each.do for each in failed), "an office that is told what fails is told what to do"
        return [each.text for each in failed]

    def check(self, content: bytes, **more: Any) -> list[Finding]:
        return check(content, self.trust(**more), NOW)[1]
