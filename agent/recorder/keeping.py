"""Puts together what a recorder keeps its clips with: the device's key, the province's, and the card."""

import fcntl
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from agent.adapters.system_clock import SystemClock
from agent.core.camera.recorder_link import RecorderSpec
from agent.core.errors import EdgeAgentError
from agent.evidence.clips import Budget, Clips
from agent.evidence.media_sign import Facts, GopSigner
from agent.recorder.pieces import Signer
from agent.recorder.recording import Clips as Keeper
from agent.trust.evidence_keys import DeviceKey, Recipient

_MANUFACTURER = "edge-agent"
_CLAIM_S = 15.0


class Keeping(NamedTuple):
    """What clips are made with."""

    clips: Keeper
    signer: Signer
    """Signs the camera's stream."""
    look: Callable[[], object]
    """Looks whether the device's key was renewed, and takes it. While nothing is recorded. Raises EdgeAgentError."""
    claim: int = -1
    """The directory, as a file that is open: while it is, no other recorder writes there."""


def keeping_of(spec: RecorderSpec) -> Keeping:
    """Return what a camera's clips are made with. Raises EdgeAgentError."""
    keeping, clock = spec.keeping, SystemClock()
    directory, facts = Path(keeping.directory), keeping.facts
    claim = _claim(directory)
    key = DeviceKey(Path(keeping.key), Path(keeping.certificate))
    budget = Budget(keeping.bytes, timedelta(days=keeping.days), keeping.free_bytes)
    to = Recipient.parse(keeping.recipient)
    clips = Clips(directory, facts, to, key, budget, lambda: (clock.wall(), clock.quality().value))
    about = Facts(str(facts.get("software", "")), str(facts.get("device", "")), _MANUFACTURER)
    return Keeping(clips, GopSigner(key, about), key.look, claim)


def _claim(directory: Path) -> int:
    """Make sure that this is the only recorder that writes here, until what is returned is closed or the process ends.
    One whose agent was killed may still be closing its clips. Raises EdgeAgentError."""
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
            return file
