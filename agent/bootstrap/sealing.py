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
from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from agent.adapters.binding import Serials
from agent.bootstrap import commissioning, specs
from agent.contract.commissioning import ROLES, Attachment, CommissioningData, Report, Technician, payload_of
from agent.contract.device import CommissionedData
from agent.contract.envelope import rfc3339
from agent.contract.leaves import DocumentError, parse
from agent.contract.mistakes import mistake
from agent.core.commissioning.plan import plan
from agent.core.commissioning.record import Kept
from agent.core.commissioning.report import Around, differs, report_of
from agent.core.commissioning.witness import Seen
from agent.core.errors import EdgeAgentError
from agent.core.plain import plain
from agent.outbox.outbox import Outbox
from agent.runtime.cameras.cameras import Cameras
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.announcer import COMMISSIONED_KEY, Announcer
from agent.settings import Settings
from agent.trust.jose_keys import KeyRing

FILE = Path("commissioning", "report.json")
"""In the state directory. Nobody but the agent's user may write there: what lies there and was never told is told."""
_COMMAND = (sys.executable, *(["-I"] if sys.flags.isolated else []), "-m", "agent.provisioning.sealing")
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


class _Drafted(NamedTuple):
    report: Report
    pictures: tuple[bytes, ...]


class Sealing:
    """Answers the lines `draft` and `report` of the tap. `ask` on the tap's thread."""

    def __init__(
        self,
        in_force: Callable[[], Settings],
        context: Context,
        outbox: Outbox,
        keys: KeyRing,
        cameras: Cameras,
        announcer: Announcer,
        serials: Serials,
        seen: Callable[[], Seen],
    ) -> None:
        """`in_force` returns the settings that count now, `seen` what the device itself has heard of the walk. Any
        thread calls them."""
        self._in_force = in_force
        self._clock = context.clock
        self._reporter = context.reporter
        self._outbox = outbox
        self._keys = keys
        self._cameras = cameras
        self._announcer = announcer
        self._serials = serials
        self._seen_of_walk = seen
        self._file = in_force().storage.directory / FILE
        self._draft: _Drafted | None = None
        self._is_busy = False

    @property
    def _settings(self) -> Settings:
        return self._in_force()

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
        key = self._keys.keys.get(asked.kid)
        if key is None:
            raise Refused(f"the key {plain(asked.kid)} is not in the key set: revoked, or a stranger's")
        if key.role not in ROLES:
            raise Refused(f"the role of {key.issuer} is {key.role}: a walk takes a technician's key, or an admin's")
        serial = next(iter(self._serials()), "")
        before = self._newest()
        profile, drawing = commissioning.profile_of(commissioning.model())
        around = Around(
            id=self._outbox.new_id(),
            follows=None if before is None else before.report.id,
            device=commissioning.described(self._settings, serial, self._certificate_ends(), profile),
            place=commissioning.place(self._settings),
            by=Technician(issuer=key.issuer, kid=key.kid, name=plain(asked.name) or None),
            now=rfc3339(self._clock.wall()),
            timeq=self._clock.quality(),
            wiring=tuple(commissioning.wires(self._settings)),
            note=asked.note,
        )
        steps = plan(commissioning.equipment(self._settings, serial))
        seen = self._seen_of_walk()
        report = report_of(asked.kept, seen, steps, around)  # before a camera is asked
        if before is not None and before.report.walk == report.walk:
            if differs(before.report, asked.kept) is None:
                return {"sealed": self._told(before.report)}
            raise Refused("this walk has its report already, and was walked on since: begin another one with --new")
        attached = [*self._seen(around.now)]
        if drawing is not None:
            what = f"wiring of the profile {profile}, as it was delivered"
            attached.append((drawing.read_bytes(), {"name": "wiring", "what": what, "media": "image/svg+xml"}))
        pictures = tuple(Attachment(**about, sha256=sha256(content).hexdigest()) for content, about in attached)
        report = report_of(asked.kept, seen, steps, replace(around, pictures=pictures))
        self._draft = _Drafted(report=report, pictures=tuple(content for content, _ in attached))
        told = report.model_dump(mode="json", exclude_none=True)
        return {"draft": {"report": told, "payload": payload_of(report)}}

    def _sealed(self, asked: SealRequest) -> Mapping[str, Any]:
        draft, mqtt = self._draft, self._settings.mqtt
        before = self._newest()
        if before is not None and before.report.id == asked.report:
            return {"sealed": self._told(before.report)}
        if draft is None or draft.report.id != asked.report:
            raise Refused("the device has no such draft any more: ask for one again")
        request = {
            "report": draft.report.model_dump(mode="json", exclude_none=True),
            "technician": {"protected": asked.protected, "signature": asked.signature},
            "keys": [key.as_jwk() for key in self._keys.keys.values()],
            "key": str(mqtt.key_file or mqtt.cert_file),
            "certificate": str(mqtt.cert_file),
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
        if data.report.device.name != self._settings.identity.user:
            return None
        is_of_this_board = data.report.device.board == next(iter(self._serials()), None)
        known = self._announcer.commissioned()
        if is_of_this_board and (known is None or known.report != data.report.id):
            self._publish(data)
        return data

    def _certificate_ends(self) -> str:
        from agent.trust.x509_files import own_and_first_end  # noqa: PLC0415 - the start must not load it

        cert, key = self._settings.mqtt.cert_file, self._settings.mqtt.key_file
        if cert is None:
            raise Refused("this device has no certificate, so it can't sign a report: enrol it first")
        own, _ = own_and_first_end(cert, key or cert, "")
        return rfc3339(own.not_after)

    def _seen(self, now: str) -> list[tuple[bytes, dict[str, Any]]]:
        """Return what each camera that works sees now, with its masks."""
        found = []
        for camera in self._settings.cameras:
            jpeg = self._cameras.view(camera.name).jpeg
            if jpeg is not None:
                masks = len(specs.masks(camera))
                word = "mask" if masks == 1 else "masks"
                what = f"what the camera {camera.name} sees, with {masks} {word}"
                found.append((jpeg, {"name": camera.name, "what": what, "media": "image/jpeg", "taken": now}))
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
