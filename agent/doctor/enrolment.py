"""Checks whether this device is enrolled, and if not, why: much else follows from it."""

from collections.abc import Iterator

from agent.adapters.binding import CURRENT
from agent.core.diagnosis.finding import Finding, fail, failure, ok
from agent.doctor.check import Device, Note
from agent.provisioning import progress
from agent.provisioning.progress import Step

_CALL = " Call them."
"""The end of the registrar's message when a person at the office has refused the device."""
_CLAIM = "edge-agent.claim"


def enrolment(device: Device, note: Note) -> Iterator[Finding]:
    """Say why this device has no identity yet, by the enrolment's last message."""
    note("asking how the enrolment went")
    told = device.told
    if not device.lacks:
        by_hand = "" if (device.directory / CURRENT).exists() else ", by hand"
        yield ok(f"this device has an identity{by_hand}: {device.settings.identity.user}")
    elif told is not None and told.step is Step.REFUSED:
        asks = told.says.endswith(_CALL)
        yield (
            fail(f"not enrolled: {told.says.removesuffix(_CALL)}", "call the office")
            if asks
            else failure(f"not enrolled: {told.says}")
        )
    elif told is not None and told.step is Step.WAITING:
        yield failure(f"not enrolled yet: {told.says}")
    elif (device.directory / CURRENT).exists():
        yield fail(
            "the enrolment was cut off before it had written the settings",
            "run `sudo edge-agent enrol` again with the same claim to continue",
        )
    elif (progress.CARD / _CLAIM).exists():
        yield fail(
            "not enrolled: the claim on the card has not been used yet",
            f"`sudo systemctl start edge-agent-enrol`, then read the last line of {progress.CARD / progress.LOG}",
        )
    else:
        yield fail(
            "not enrolled: this device has no certificate, and there is no claim on the card",
            "run `sudo edge-agent enrol` with a claim from the office, or with the invitation on its poster",
        )
