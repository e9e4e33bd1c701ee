"""The report of a commissioning: what was tried at a device, by whom, and what came of it.

It has no number with a fraction and no null, so that its canonical form is the same in every language.
"""

from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from agent.contract.leaves import base64url, canonical, digest, hashes_of
from agent.contract.messages import Payload
from agent.contract.vocabulary import Conclusion, Count, Label, Time, TimeQuality, Uuid, Words

Verdict = Literal["passed", "failed", "left-out"]
"""What came of a step."""
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
"""Of a file's bytes, in hex."""
ROLES = frozenset({"technician", "admin"})
"""Whose keys may sign a report."""
REPORT = "/report"
"""The JSON pointer of the report in the data of its message, and in its file."""
_Degrees = Annotated[str, Field(pattern=r"^-?[0-9]{1,3}(\.[0-9]{1,8})?$")]
_Base64Url = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$")]


def conclude(verdicts: Iterable[Verdict]) -> Conclusion:
    """Return what came of a commissioning whose steps ended so."""
    found = {*verdicts}
    return "failed" if "failed" in found else "incomplete" if "left-out" in found else "passed"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)


class CommissionedDevice(_Part):
    """The device as it was when it wrote the report."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64}){2}$")]
    """`province/site/id`, as in its certificate."""
    board: Words | None = None
    """Serial number of the board; left out where it has none."""
    model: Words | None = None
    """What the board is, for a person."""
    profile: Words
    """The name of the profile that its settings come from."""
    agent_version: Words
    config_revision: Words
    """As in `up/state`."""
    system: Words | None = None
    """The operating system and its version, for a person."""
    certificate_ends: Time
    """When the certificate of the device's key ends."""


class Place(_Part):
    """Where the device stands, from its settings."""

    text: Words
    """For a person who must find it; may be empty."""
    lat: _Degrees | None = None
    """Latitude, WGS 84, in degrees. Text, so that nobody rounds it."""
    lon: _Degrees | None = None
    """Longitude, as `lat`."""


class Technician(_Part):
    """Who walked."""

    issuer: Words
    """Who holds the key, as in the key set."""
    kid: Words
    """The key that signed the report."""
    name: Words | None = None
    """What the person calls themselves."""


class Wire(_Part):
    """One thing that is wired to the board."""

    name: Label
    what: Words
    """What it is, for a person: `button, panic, two contacts`."""
    pins: Words
    """Where it is wired: `GPIO17 and GPIO27`."""


class Attachment(_Part):
    """A picture of the report: what a camera saw at the end, or the wiring drawing. It lies beside the report, by its
    hash."""

    name: Label
    """The camera's name, or `wiring`."""
    what: Words
    """For a person: what one sees, how many masks are in it."""
    media: Literal["image/jpeg", "image/png", "image/svg+xml"]
    sha256: Sha256
    taken: Time | None = None
    """When the camera saw it; left out for a drawing."""


class Figure(_Part):
    """A figure that a step has measured."""

    name: Words
    value: int
    unit: Words = ""
    limit: int | None = None
    """The most, or least, that is right; left out where there is none."""


class WalkStep(_Part):
    """One step of a walk."""

    name: Label
    """Unique in the report, the same for the same part at each device."""
    title: Words
    """What was tried, for a person."""
    verdict: Verdict
    said: Words
    """What came of it, for a person; why it failed or was left out. One that has passed says who has seen it: a step
    that is "heard by the device" was heard by the device itself, whatever the technician's program says."""
    figures: tuple[Figure, ...] = ()
    """What the settings say of it, and what the device has heard of one that has passed."""
    tries: Count = 1
    """How often it was begun until this verdict, as the walk has it."""
    ended: Time
    """When that came, as the walk has it."""

    @model_validator(mode="after")
    def _has_a_reason(self) -> Self:
        if self.verdict != "passed" and not self.said.strip():
            raise ValueError("a step that failed or was left out has a reason")
        return self


class InEarnest(_Part):
    """An alarm in earnest during the walk, which waited until it was over."""

    alarm_id: Uuid
    input: Label
    step: Label
    """The step in which it came, as the walk has it; `none` if it came in none."""
    raised_at: Time


class Report(_Part):
    """What was tried at a device, by whom, and what came of it."""

    form: Literal[1] = 1
    """Version of the report's form."""
    id: Uuid
    """UUID version 7."""
    follows: Uuid | None = None
    """The report before this one of the same device; left out in its first."""
    walk: Uuid
    """The walk that it ends; one that was taken up again keeps its own."""
    device: CommissionedDevice
    place: Place
    by: Technician
    began: Time
    """When the device obeyed the first order of the walk, by its clock."""
    ended: Time
    """When the device wrote this report, by its clock."""
    timeq: TimeQuality
    """How far that clock could be trusted then."""
    verdict: Conclusion
    """`failed` when a step has, else `incomplete` when one was left out: `passed` is all that this device has."""
    wiring: tuple[Wire, ...] = ()
    pictures: tuple[Attachment, ...] = ()
    steps: Annotated[tuple[WalkStep, ...], Field(min_length=1)]
    """In the order of the walk; one that was left out has its place too."""
    in_earnest: tuple[InEarnest, ...] = ()
    """The alarms in earnest that came meanwhile."""
    note: Words = ""
    """What the technician wants the office to know."""

    @model_validator(mode="after")
    def _agrees_with_its_steps(self) -> Self:
        if self.verdict != conclude(step.verdict for step in self.steps):
            raise ValueError(f"the report says {self.verdict}, and its steps say otherwise")
        names = [step.name for step in self.steps]
        if len(set(names)) < len(names):
            raise ValueError("two steps have one name")
        return self

    def count(self, verdict: Verdict) -> int:
        """Return how many steps have this verdict."""
        return sum(step.verdict == verdict for step in self.steps)


class JwsSignature(_Part):
    """One signature (RFC 7515, 7.2.1)."""

    protected: _Base64Url
    """The header. Of the device: `alg` ES256 and its certificates in `x5c`. Of the technician: `alg` EdDSA and the
    `kid`."""
    signature: _Base64Url


class Signed(_Part):
    """A JWS in its JSON form (RFC 7515, 7.2.1) with two signatures over one payload."""

    payload: _Base64Url
    """`{"commissioning": the report's id, "device": its name, "hashes": SHA-256 of the list of hashes}`, canonical."""
    signatures: Annotated[tuple[JwsSignature, ...], Field(min_length=2, max_length=2)]
    """First the device's, then the technician's."""


class CommissioningData(Payload):
    """`up/commissioning`: the signed report of a commissioning, without its pictures."""

    model_config = ConfigDict(defer_build=True)

    report: Report
    hashes: dict[str, str]
    """SHA-256, in hex, of the canonical form of every leaf of `report`, by its JSON pointer: `/report/steps/0/verdict`.
    An empty list is a leaf."""
    signed: Signed


def statement(report: Report, hashes: dict[str, str]) -> dict[str, str]:
    """Return what device and technician sign."""
    return {"commissioning": report.id, "device": report.device.name, "hashes": digest(hashes)}


def listed(report: Report) -> dict[str, str]:
    """Return the list of hashes of a report."""
    return hashes_of(report.model_dump(mode="json", exclude_none=True), REPORT)


def payload_of(report: Report) -> str:
    """Return what device and technician sign of a report, as it stands in a JWS."""
    return base64url(canonical(statement(report, listed(report))))
