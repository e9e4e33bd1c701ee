"""The recorder as a process, and the card and the office that it works for."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from agent.contract.uuid7 import Uuid7Source
from agent.core.camera.recorder_link import (
    BeginClip,
    ChainHead,
    ClipBegun,
    FromRecorder,
    KeepingSpec,
    RecorderSpec,
    RecorderState,
    StartRecorder,
    StopRecorder,
    decode_for_core,
)
from agent.core.link_lines import encode
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.__main__ import main
from tests.support.certificates import Authority

ROOT = Path(__file__).parents[2]
DEVICE = "gp/jhb-park-station/kiosk-0042"


class Process:
    """`python -m agent.recorder`, and the core's end of its link."""

    def __init__(self, spec: RecorderSpec, *, trusted: bool = True) -> None:
        """`trusted` lets its clock count as set, since nobody may have set this machine's."""
        self.heads: list[dict[str, object]] = []
        """What the centre hears of the chain, as `edge-centre evidence verify --heads` wants it."""
        self.link, theirs = socket.socketpair()
        self.link.settimeout(30)
        self._lines = self.link.makefile("rb")
        with theirs:
            command = [sys.executable, "-m", "agent.recorder", "--fd", str(theirs.fileno())]
            path = {"PYTHONPATH": str(Path(__file__).with_name("trusted_clock"))} if trusted else {}
            environ = {**os.environ, **path}
            self.process = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=environ, cwd=ROOT)
        self.link.sendall(encode(StartRecorder(spec=spec)))

    def wait_for(self, good: Callable[[FromRecorder], bool]) -> FromRecorder:
        """Read until a message is good."""
        for line in self._lines:
            message = decode_for_core(line)
            if isinstance(message, ChainHead):
                at = str(datetime.now(UTC))
                self.heads.append(
                    {"device": DEVICE, "camera": "yard", "seq": message.seq, "head": message.digest, "at": at}
                )
            if good(message):
                return message
        raise AssertionError("the recorder has ended")

    def begin(self, seconds: float, ring_s: float = 2) -> str:
        """Begin a clip when so much is in the ring, and return it when that is on the card."""
        clip = Uuid7Source().next(time.time_ns() // 1_000_000)
        if ring_s:
            self.wait_for(lambda said: isinstance(said, RecorderState) and said.ring_s >= ring_s)
        self.link.sendall(encode(BeginClip(clip=clip, seconds=seconds, facts={"alarm": "a-1"})))
        self.wait_for(lambda said: isinstance(said, ClipBegun))
        return clip

    def end(self) -> int:
        """Stop it, and return its exit code."""
        with suppress(OSError):  # the link may have its end already
            self.link.sendall(encode(StopRecorder()))
        with suppress(AssertionError):
            self.wait_for(lambda _: False)
        return self.process.wait(20)

    def close(self) -> None:
        """Kill it, if it still runs."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._lines.close()
        self.link.close()


class Hears(Protocol):
    """Keeps the heads that a recorder tells."""

    heads: list[dict[str, object]]


class Card:
    """What a device and its office have."""

    def __init__(self, directory: Path, keep_in: Path | None = None, **changes: Any) -> None:
        directory.mkdir(exist_ok=True)
        self.authority = Authority(directory / "ca")
        self._certificate = self.authority.client(DEVICE)
        self.key_file = directory / "evidence-1.json"
        key = EvidenceKey.generate("evidence-1")
        self.key_file.write_text(json.dumps(key.as_jwk()))
        self.directory = keep_in or directory / "evidence" / "yard"
        keeping = KeepingSpec(
            directory=str(self.directory),
            facts={"device": DEVICE, "camera": "yard", "software": "0.1.0"},
            key=str(self._certificate.key),
            certificate=str(self._certificate.cert),
            recipient=str(key.public()),
            bytes=10**9,
            days=30,
            free_bytes=0,
        )
        values = {"camera": "yard", "socket": str(directory / "yard.sock"), "keeping": keeping}
        self.spec = RecorderSpec(**{**values, **changes})

    def verify(self, clip: str, *recorders: Hears, directory: Path | None = None) -> int:
        """What `edge-centre evidence verify` returns, if the centre has heard these. `directory` has a copy."""
        heads = self.key_file.with_name("heads.jsonl")
        heads.write_text("".join(json.dumps(head) + "\n" for each in recorders for head in each.heads))
        command = [
            "evidence",
            "verify",
            str((directory or self.directory) / f"{clip}.clip"),
            "--ca",
            str(self.authority.ca),
        ]
        return main([*command, "--key", str(self.key_file), "--heads", str(heads)])
