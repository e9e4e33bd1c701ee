"""A simulated kiosk whose camera is recorded, its broker and centre, and the office with the evidence key."""

import json
import subprocess
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

from agent.trust.evidence_keys import EvidenceKey
from agent.trust.jose_keys import sign
from edge_centre.key_files import make_key
from tests.support.agent_process import USER, AgentProcess, run_cli
from tests.support.centre import Centre, Message
from tests.support.certificates import Authority
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import demo_video

TRUSTED = {"PYTHONPATH": str(Path(__file__).with_name("trusted_clock"))}
"""Nobody may have set this machine's clock."""
BEFORE_S, AFTER_S = 10.0, 10.0


class Office:
    """What the province keeps of its devices: the authority, the evidence key, and what it has heard of chains."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True)
        self.directory = directory
        self.authority = Authority(directory / "ca")
        self.key = EvidenceKey.generate("evidence-1")
        self.key_file = directory / "evidence-1.key.json"
        self.key_file.write_text(json.dumps(self.key.as_jwk()))
        self.heads = directory / "heads.jsonl"

    def file_heads(self, messages: list[Message]) -> None:
        """Keep the heads of all chains that were heard."""
        found = [m.data for m in messages if "chain" in m.data]
        lines = [{"device": USER, "camera": data["camera"], **data["chain"]} for data in found]
        now = datetime.now().astimezone().isoformat()
        self.heads.write_text("".join(json.dumps({**line, "at": now}) + "\n" for line in lines))

    def run(self, action: str, path: Path, *more: str | Path) -> "subprocess.CompletedProcess[str]":
        """Run `edge-centre evidence ACTION`, with what the office has."""
        trust = ("--ca", self.authority.ca, *(("--heads", self.heads) if self.heads.exists() else ()))
        return run_cli("evidence", action, path, *trust, *more)

    def verify(self, path: Path) -> "subprocess.CompletedProcess[str]":
        """Verify a clip, and open it."""
        return self.run("verify", path, "--key", self.key_file)


class RecordedKiosk(AgentProcess):
    """Looks at the demo video and keeps 10 s of it; `evidence` are more settings."""

    def __init__(
        self,
        directory: Path,
        office: Office,
        *brokers: str,
        evidence: Mapping[str, Any] | None = None,
        environ: Mapping[str, str] | None = None,
        **sections: Any,
    ) -> None:
        files = office.authority.client(USER)
        source = f"file:{demo_video()}?loop=1"
        recorded = {
            "recipient": str(office.key.public()),
            "before_s": BEFORE_S,
            "after_s": AFTER_S,
            "keep_free_bytes": 0,
            **(evidence or {}),
        }
        super().__init__(
            directory,
            *brokers,
            environ={**TRUSTED, **(environ or {})},
            mqtt={"cert_file": str(files.cert), "key_file": str(files.key)},
            **{
                "cameras": [{"name": "front", "source": source}],
                "evidence": {name: value for name, value in recorded.items() if value is not None},
                **sections,
            },
        )
        self.key = make_key("supervisor", directory / "keys")
        self.clips = self.storage / "evidence" / "front"

    def recorders(self) -> list[int]:
        """The processes of recorders."""
        return self._processes("agent.recorder")

    def cameras(self) -> list[int]:
        """The processes of cameras."""
        return self._processes("agent.vision")

    def _processes(self, module: str) -> list[int]:
        found = []
        for each in self.children():
            with suppress(psutil.Error):  # it may be ending
                if module in each.cmdline():
                    found.append(each.pid)
        return found


class Site:
    """One kiosk with all that belongs to it, until the stack ends."""

    def __init__(self, stack: ExitStack, directory: Path, **options: Any) -> None:
        self.broker = stack.enter_context(Mosquitto(directory / "broker"))
        self.office = Office(directory / "office")
        self.centre = stack.enter_context(Centre(self.broker.port))
        self.kiosk = RecordedKiosk(directory / "kiosk", self.office, self.broker.url, **options)
        stack.enter_context(self.kiosk)

    def wait_for_ring(self, seconds: float = BEFORE_S, timeout_s: float = 60) -> None:
        """Wait until so much of the past is in memory."""
        self.centre.wait_for(
            "health",
            lambda m: m.data["cameras"].get("front", {}).get("recording", {}).get("before_s", 0) >= seconds,
            timeout_s=timeout_s,
        )

    def wait_for(self, change: str, timeout_s: float = 30, **data: Any) -> Message:
        """The first `edge.evidence.CHANGE.v1` with this data."""
        wanted = f"edge.evidence.{change}.v1"
        return self.centre.wait_for(
            "evidence", lambda m: m.type == wanted and data.items() <= m.data.items(), timeout_s=timeout_s
        )

    def evidence(self, change: str) -> list[Message]:
        """All of a kind so far."""
        return [m for m in self.centre.messages("evidence") if m.type == f"edge.evidence.{change}.v1"]

    def order(self, name: str, **args: Any) -> str:
        """Send a signed command; returns its id."""
        claims = self.centre.ack_claims("none", self.kiosk.key)
        claims |= {"name": name, "args": args}
        self.centre.send(f"command/{name}", sign(claims, self.kiosk.key))
        return str(claims["cmd_id"])
