"""Makes the report of a walk and has it sealed: drafted from what the device knows, then signed by two keys.

The work is done on a thread that lives as long as one request, because a disk, a camera or a TPM may take seconds; the
signature is made in a process of its own. No press waits for any of it.
"""

import base64
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from agent.contract.commissioning import (
    ROLES,
    Attachment,
    CommissionedDevice,
    CommissioningData,
    Place,
    Report,
    Technician,
    Wire,
    payload_of,
)
from agent.contract.device import CommissionedData
from agent.contract.envelope import rfc3339
from agent.contract.leaves import DocumentError, parse
from agent.contract.mistakes import mistake
from agent.core.commissioning.plan import Step
from agent.core.commissioning.record import Kept
from agent.core.commissioning.report import Around, differs, report_of
from agent.core.commissioning.witness import Seen
from agent.core.errors import EdgeAgentError
from agent.core.plain import plain
from agent.outbox.outbox import Outbox
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import COMMISSIONED_KEY, Announcer

FILE = Path("commissioning", "report.json")
"""In the state directory. Nobody but the agent's user may write there: what lies there and was never told is told."""
_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.provisioning.sealing")
_PATIENCE_S = 150.0
"""For the process that signs: a TPM takes seconds, a small board too."""
_DISK_S = 10.0

Tells = Callable[[Mapping[str, Any]], None]
log = logging.getLogger(__name__)


class Refused(EdgeAgentError):  # noqa: N818 - a verdict
    """There is no report, and the text says to a technician why."""


class DraftRequest(BaseModel):
    """What a `draft` line of the tap says."""

    kept: Kept
    """The walk, whose every step has its verdict."""
    kid: str
    """The key that will sign."""
    name: str = ""
    """What the technician calls themselves."""
    note: str = ""


class SealRequest(BaseModel):
    """What a `report` line of the tap says: the technician's signature, as a JWS has it, over the payload of the
    draft."""

    report: str
    """The draft's id."""
    protected: str
    signature: str


class OfDevice(NamedTuple):
    """What a report says of the device, as its settings are now."""

    described: CommissionedDevice
    place: Place
    wiring: tuple[Wire, ...]
    steps: Sequence[Step]
    """Those of a walk."""
    masks: Mapping[str, Callable[[], int]]
    """Returns how many masks each camera has, by its name; raises MaskError."""
    drawing: Path | None
    """The wiring drawing of its profile."""


class Files(NamedTuple):
    """Where the device's key and certificate are now."""

    key: Path | None
    certificate: Path | None


class _Drafted(NamedTuple):
    report: Report
    pictures: tuple[bytes, ...]


class Sealing:
    """Answers the lines `draft` and `report` of the tap. `ask` on the tap's thread."""

    def __init__(
        self,
        of_device: Callable[[], OfDevice],
        files: Callable[[], Files],
        directory: Path,
        device: str,
        context: Context,
        outbox: Outbox,
        keys: Callable[[], Sequence[Mapping[str, str]]],
        cameras: Cameras,
        announcer: Announcer,
        serial: Callable[[], str],
        seen: Callable[[], Seen],
    ) -> None:
        """`of_device` raises Refused for one that can't sign; `directory` is the state's, and `device` the name;
        `keys` returns the key set, as JWKs; `serial` that of the board, or nothing; `seen` what the device itself has
        heard of the walk. Any thread calls them."""
        self._of_device = of_device
        self._files = files
        self._device = device
        self._clock = context.clock
        self._reporter = context.reporter
        self._outbox = outbox
        self._keys = keys
        self._cameras = cameras
        self._announcer = announcer
        self._serial = serial
        self._seen_of_walk = seen
        self._file = directory / FILE
        self._draft: _Drafted | None = None
        self._is_busy = False

    def ask(self, word: str, body: bytes, tell: Tells) -> None:
        """Begin to answer a line; `tell` gets the answer, on another thread. Never blocks."""
        if self._is_busy:
            tell({"refused": "the device is still busy with a report: wait, and try again"})
            return
        self._is_busy = True
        try:
            threading.Thread(target=self._run, args=(word, body, tell), name="sealing", daemon=True).start()
        except RuntimeError as error:
            self._is_busy = False
            tell({"refused": f"the device is short of memory: {error}"})

    def _run(self, word: str, body: bytes, tell: Tells) -> None:
        try:
            request = parse(body)
            if word == "draft":
                answer = self._drafted(DraftRequest.model_validate(request))
            else:
                answer = self._sealed(SealRequest.model_validate(request))
        except ValidationError as error:
            answer = {"refused": f"that is no request of this version: {mistake(error)}"}
        except (EdgeAgentError, OSError) as error:
            answer = {"refused": str(error)}
        except Exception:
            log.exception("a report of a commissioning has failed")
            answer = {"refused": "the device has failed at it; its log says how"}
        if "refused" in answer:
            log.warning("no report of the commissioning: %s", answer["refused"])
        self._is_busy = False  # before the answer, which may bring the next line at once
        tell(answer)

    def _drafted(self, asked: DraftRequest) -> Mapping[str, Any]:
        key = next((each for each in self._keys() if each["kid"] == asked.kid), None)
        if key is None:
            raise Refused(f"the key {plain(asked.kid)} is not in the key set: revoked, or a stranger's")
        issuer, role = key["iss"], key["role"]
        if role not in ROLES:
            raise Refused(f"the role of {issuer} is {role}: a walk takes a technician's key, or an admin's")
        before, device = self._newest(), self._of_device()
        around = Around(
            id=self._outbox.new_id(),
            follows=None if before is None else before.report.id,
            device=device.described,
            place=device.place,
            by=Technician(issuer=issuer, kid=asked.kid, name=plain(asked.name) or None),
            now=rfc3339(self._clock.wall()),
            timeq=self._clock.quality(),
            wiring=device.wiring,
            note=asked.note,
        )
        seen = self._seen_of_walk()
        report = report_of(asked.kept, seen, device.steps, around)  # before a camera is asked
        if before is not None and before.report.walk == report.walk:
            if differs(before.report, asked.kept) is None:
                return {"sealed": self._told(before.report)}
            raise Refused("this walk has its report already, and was walked on since: begin another one with --new")
        attached = self._seen(device.masks, around.now)
        if device.drawing is not None:
            what = f"wiring of the profile {device.described.profile}, as it was delivered"
            attached.append((device.drawing.read_bytes(), {"name": "wiring", "what": what, "media": "image/svg+xml"}))
        pictures = tuple(Attachment(**about, sha256=sha256(content).hexdigest()) for content, about in attached)
        report = report_of(asked.kept, seen, device.steps, replace(around, pictures=pictures))
        self._draft = _Drafted(report=report, pictures=tuple(content for content, _ in attached))
        told = report.model_dump(mode="json", exclude_none=True)
        return {"draft": {"report": told, "payload": payload_of(report)}}

    def _sealed(self, asked: SealRequest) -> Mapping[str, Any]:
        draft, files = self._draft, self._files()
        before = self._newest()
        if before is not None and before.report.id == asked.report:
            return {"sealed": self._told(before.report)}
        if draft is None or draft.report.id != asked.report:
            raise Refused("the device has no such draft any more: ask for one again")
        request = {
            "report": draft.report.model_dump(mode="json", exclude_none=True),
            "technician": {"protected": asked.protected, "signature": asked.signature},
            "keys": [*self._keys()],
            "key": str(files.key or files.certificate),
            "certificate": str(files.certificate),
            "file": str(self._file),
            "pictures": [base64.b64encode(each).decode() for each in draft.pictures],
        }
        answer = in_a_process(request)
        if "refused" in answer:
            raise Refused(answer["refused"])
        self._draft = None
        return {"sealed": self._publish(CommissioningData.model_validate(answer["data"]))}

    def _publish(self, data: CommissioningData) -> Mapping[str, Any]:
        report = data.report
        told = CommissionedData(
            report=report.id,
            at=report.ended,
            by=report.by.name or report.by.issuer,
            verdict=report.verdict,
            failed=tuple(step.name for step in report.steps if step.verdict == "failed"),
            left_out=tuple(step.name for step in report.steps if step.verdict == "left-out"),
        )
        where = {"device": report.device.name, "board": self._outbox.board}
        kept = json.dumps({**where, **told.model_dump(mode="json")})
        self._reporter.publish(self._reporter.make.commissioning(data), {COMMISSIONED_KEY: kept})
        self._announcer.describe()
        # Written no earlier than the message.
        self._outbox.keep(COMMISSIONED_KEY, kept).wait(0 if self._outbox.writer.fault else _DISK_S)
        log.info("commissioned: report %s, %s", report.id, report.verdict)
        return self._told(report)

    def _told(self, report: Report) -> Mapping[str, Any]:
        return {"report": report.id, "verdict": report.verdict, "file": str(self._file)}

    def _newest(self) -> CommissioningData | None:
        """Return the newest report of this device. One that was written before a power cut, and never told, is told
        now."""
        try:
            whole = parse(self._file.read_bytes())
            data = CommissioningData.model_validate({key: whole[key] for key in ("report", "hashes", "signed")})
        except FileNotFoundError:
            return None
        except (DocumentError, ValidationError, KeyError, TypeError) as error:
            log.warning("%s is no report, and is replaced by the next: %s", self._file, error)
            return None
        if data.report.device.name != self._device:
            return None
        is_of_this_board = data.report.device.board == (self._serial() or None)
        known = self._announcer.commissioned()
        if is_of_this_board and (known is None or known.report != data.report.id):
            self._publish(data)
        return data

    def _seen(self, masks: Mapping[str, Callable[[], int]], now: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Return what each camera that works sees now, with its masks."""
        found = []
        for camera, counted in masks.items():
            jpeg = self._cameras.view(camera).jpeg
            if jpeg is not None:
                count = counted()
                word = "mask" if count == 1 else "masks"
                what = f"what the camera {camera} sees, with {count} {word}"
                found.append((jpeg, {"name": camera, "what": what, "media": "image/jpeg", "taken": now}))
        return found


def in_a_process(request: Mapping[str, Any]) -> Mapping[str, Any]:
    """Have `agent.provisioning.sealing` answer a request. Raises Refused."""
    try:
        done = subprocess.run(
            _COMMAND, input=json.dumps(request).encode(), capture_output=True, timeout=_PATIENCE_S, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(f"the device's key has signed nothing within {_PATIENCE_S:g} s") from error
    except subprocess.CalledProcessError as error:
        log.error("%s", error.stderr.decode("utf-8", "replace")[-2000:])  # noqa: TRY400 - what the process says
        raise Refused("the device's key could not sign; the device's log says why") from error
    answer: Mapping[str, Any] = json.loads(done.stdout)
    return answer
