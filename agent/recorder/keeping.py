"""Puts together what a recorder keeps its clips with: the device's key, the province's, and the card."""

from datetime import timedelta
from pathlib import Path

from agent.adapters.evidence_keys import DeviceKey, Recipient
from agent.adapters.system_clock import SystemClock
from agent.core.camera.recorder_link import KeepingSpec, RecorderSpec
from agent.evidence.clips import Budget, Clips
from agent.evidence.media_signing.sign import Facts, GopSigner

_MANUFACTURER = "edge-agent"


def clips_of(spec: RecorderSpec) -> Clips:
    """Return the clips of a camera. Raises EdgeAgentError."""
    keeping, clock = spec.keeping, SystemClock()
    return Clips(
        Path(keeping.directory),
        keeping.facts,
        Recipient.parse(keeping.recipient),
        _key(keeping),
        Budget(keeping.bytes, timedelta(days=keeping.days), keeping.free_bytes),
        lambda: (clock.wall(), clock.quality().value),
    )


def signer_of(spec: RecorderSpec) -> GopSigner:
    """Return what signs the camera's stream. Raises EdgeAgentError."""
    key, facts = _key(spec.keeping), spec.keeping.facts
    about = Facts(str(facts.get("software", "")), str(facts.get("device", "")), _MANUFACTURER)
    return GopSigner(key, key.x5c, about)


def _key(keeping: KeepingSpec) -> DeviceKey:
    return DeviceKey.load(Path(keeping.key), Path(keeping.certificate))
