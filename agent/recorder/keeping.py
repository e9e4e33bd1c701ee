"""Puts together what a recorder keeps its clips with: the device's key, the province's, and the card."""

import fcntl
import os
import time
from datetime import timedelta
from pathlib import Path

from agent.adapters.evidence_keys import DeviceKey, Recipient
from agent.adapters.system_clock import SystemClock
from agent.core.camera.recorder_link import KeepingSpec, RecorderSpec
from agent.core.errors import EdgeAgentError
from agent.evidence.clips import Budget, Clips
from agent.evidence.media_signing.sign import Facts, GopSigner

_MANUFACTURER = "edge-agent"
_CLAIM_S = 15.0


def clips_of(spec: RecorderSpec) -> Clips:
    """Return the clips of a camera. Raises EdgeAgentError."""
    keeping, clock = spec.keeping, SystemClock()
    directory = Path(keeping.directory)
    _claim(directory)
    return Clips(
        directory,
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
    return GopSigner(key, about)


def _key(keeping: KeepingSpec) -> DeviceKey:
    return DeviceKey.load(Path(keeping.key), Path(keeping.certificate))


def _claim(directory: Path) -> None:
    """Make sure that this is the only recorder that writes here, until the process ends. One whose agent was killed
    may still be closing its clips. Raises EdgeAgentError."""
    directory.mkdir(mode=0o750, parents=True, exist_ok=True)
    file = os.open(directory, os.O_RDONLY | os.O_CLOEXEC)  # a card that has become read-only can be claimed too
    until = time.monotonic() + _CLAIM_S
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() > until:
                raise EdgeAgentError(f"another recorder writes to {directory}") from error
            time.sleep(0.1)
        else:
            return
