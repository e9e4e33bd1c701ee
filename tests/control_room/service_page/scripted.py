"""A device that serves the page to a phone, and says what a test has written for it. It verifies what is signed."""

import io
import json
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from PIL import Image, ImageDraw

from agent.contract import layers
from agent.contract.commissioning import Report, payload_of
from agent.settings import afar
from agent.settings.form import form
from agent.trust.jose_keys import KeyRing, PrivateKey, VerifiedClaims

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
CODE = "40281937"
NONCE = "0-13b556541e8906c1"
AHEAD_S = 7200
"""How far the device's clock is ahead of the phone's."""
REVISION = 7
PROFILE = Path(__file__).parents[3] / "firmware_configs" / "simulated" / "edge-agent.toml"
SOURCE = "rtsp://viewer:hunter2@10.0.0.5/stream"
NAME = "gp/jhb-park-station/kiosk-0042"
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
_POLL_S = 20.0

VERDICTS = [
    {"step": "label", "outcome": "passed", "reason": "", "seconds": 8.2, "tries": 1, "figures": []},
    {"step": "self-test", "outcome": "passed", "reason": "", "seconds": 21.0, "tries": 1, "figures": []},
    {
        "step": "siren",
        "outcome": "left-out",
        "reason": "it is night, and people sleep here",
        "seconds": 0,
        "tries": 1,
        "figures": [],
    },
    {"step": "button-police", "outcome": "passed", "reason": "", "seconds": 14.5, "tries": 2, "figures": []},
]
WALKS: Mapping[str, dict[str, Any]] = {
    "label": {
        "state": "acting",
        "step": "label",
        "number": 1,
        "say": f"This is {NAME}, board 10000000a3f2c1d4, Park Station, concourse, pillar 7. Do the lamps in front of "
        "you flash fast, and does the label say the same?",
        "asks": True,
        "seconds_left": 600.0,
    },
    "preparing": {
        "state": "preparing",
        "step": "button-medical",
        "number": 5,
        "say": "The device is getting ready.",
        "seconds_left": 30.0,
    },
    "press": {
        "state": "acting",
        "step": "button-medical",
        "number": 5,
        "say": "The button 'medical': press it once, and let go.",
        "heard": 1,
        "expected": 2,
        "seconds_left": 107.0,
    },
    "yellow": {
        "state": "acting",
        "step": "button-medical",
        "number": 5,
        "say": "Is yellow lit?",
        "asks": True,
        "seconds_left": 598.0,
    },
    "failed": {
        "state": "failed",
        "step": "button-medical",
        "number": 5,
        "say": "the button has a fault: look at its wires",
    },
    "waiting": {
        "state": "waiting",
        "step": "button-medical",
        "number": 5,
        "say": "An alarm in earnest is open. The walk waits.",
    },
    "power-cut": {
        "state": "acting",
        "step": "power-cut",
        "number": 12,
        "say": "Cut the power of the whole device, and switch it on again.",
        "seconds_left": 880.0,
    },
    "done": {"state": "done", "step": "", "number": 14, "say": "Every step has its verdict."},
}
_WALK = {"asks": False, "heard": 0, "expected": 0, "seconds_left": 0.0, "count": 13}
CAMERAS: list[dict[str, Any]] = [
    {
        "name": "front",
        "width": 1280,
        "height": 720,
        "zones": [
            {
                "name": "entrance",
                "polygon": [[0.25, 0.55], [0.6, 0.5], [0.7, 1.0], [0.2, 1.0]],
                "loitering_after_s": 120.0,
                "open": [{"days": ["mon", "fri"], "from": "06:00", "to": "18:00"}],
            }
        ],
        "lines": [{"name": "gate", "from": [0.8, 0.95], "to": [0.8, 0.6]}],
        "masks": [[[0.02, 0.1], [0.16, 0.1], [0.16, 0.45], [0.02, 0.45]]],
    }
]


def walk(name: str, **more: Any) -> dict[str, Any]:
    """The view of a walk in this state."""
    return {**_WALK, **WALKS[name], **more}


class Device:
    """The device. A test changes what it says by `show`, and reads what it heard in `heard`: pairs of path and body."""

    def __init__(self, built: Path, keys: KeyRing) -> None:
        self._keys = keys
        self._built = built
        self._changed = threading.Condition()
        self._shots = 0
        self._closing = False
        self._says: dict[str, Any] = {"n": 0}
        self.restart()
        device = self

        class Handler(_Handler):
            def answer(self, body: Any) -> None:
                device.answer(self, body)

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self._thread.start()

    def restart(self) -> None:
        """Begin as at first: nobody is in."""
        self.tries_left = 5
        self.heard: list[tuple[str, Any]] = []
        self.cameras: list[dict[str, Any]] = json.loads(json.dumps(CAMERAS))
        self.mistakes: list[dict[str, str]] = []
        self.revision = REVISION
        self.two: str | None = None
        """Why settings take a second signature."""
        self.result = {"status": "succeeded", "code": "ok", "text": ""}
        self._changes: dict[str, Any] = {}
        self.no_picture = ""
        self.focus = 120.0
        self.report: dict[str, Any] = json.loads(json.dumps(REPORT))
        self.forges = False
        """Whether what it gives to sign is of another report."""
        self.sealed_payload = self.sealed_note = ""
        self.gone: str | None = None
        """Why nobody is let in: `closed`, or that the session is over."""
        self._cut = False
        self._session = ""
        self.show(
            device=f"/edge/{NAME}",
            place="Park Station, concourse, pillar 7",
            serial="10000000a3f2c1d4",
            seconds_left=842.0,
            nonce=NONCE,
            roles=["technician", "admin"],
            walk=walk("label"),
            orders=[],
            verdicts=[],
            trouble=None,
        )

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/"

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def show(self, **says: Any) -> None:
        """Say something else from now on."""
        with self._changed:
            self._says = {**self._says, **says, "n": self._says["n"] + 1}
            self._changed.notify_all()

    def cut(self, is_cut: bool = True) -> None:
        """Answer nobody, as while the power is cut."""
        with self._changed:
            self._cut = is_cut
            self._changed.notify_all()

    def end(self, why: str) -> None:
        """End the session."""
        with self._changed:
            self.gone = why
            self._session = ""
            self._changed.notify_all()

    def verified(self, token: str) -> VerifiedClaims:
        """The claims of a token. Raises CommandRejected."""
        return self._keys.verify(token.encode())

    def heard_at(self, path: str) -> list[Any]:
        """What was sent there."""
        return [body for at, body in self.heard if at == path]

    def answer(self, handler: "_Handler", body: Any) -> None:
        url = urlsplit(handler.path)
        path, query = url.path, {name: values[0] for name, values in parse_qs(url.query).items()}
        if self._cut:
            handler.close_connection = True
        elif not path.startswith("/api/"):
            self._serve(handler, path)
        else:
            path = path.removeprefix("/api/")
            if body is not None:
                self.heard.append((path, body))
            if path == "enter":
                self._enter(handler, body["code"])
            elif not self._session or f"session={self._session}" not in handler.headers.get("Cookie", ""):
                self._refuse(handler)
            else:
                self._answer(handler, path, query, body)

    def _refuse(self, handler: "_Handler") -> None:
        handler.say(410 if self.gone == "closed" else 401, {"why": self.gone or "ended"})

    def _answer(self, handler: "_Handler", path: str, query: dict[str, str], body: Any) -> None:
        match path:
            case "state":
                self._state(handler, int(query.get("after", "0")))
            case "cameras":
                settings = {"revision": self.revision, "place": self._says["place"], "cameras": self.cameras}
                handler.say(200, settings)
            case "settings/check":
                handler.say(200, {"mistakes": self.mistakes, "two": self.two})
            case "settings" if body is None:
                handler.say(200, {"revision": self.revision, "settings": self._form()})
            case "settings":
                self._take_settings(self.verified(body["token"]).claims["args"])
                handler.say(200, self.result)
            case "report":
                handler.say(
                    200, {"draft": self._report(query)} if body is None else {"sealed": {"report": body["report"]}}
                )
            case "answer" if body["say"] != self._says["walk"]["say"]:
                handler.say(409, {"sentence": "the walk has gone on"})
            case _ if path.endswith("/picture"):
                self._picture(handler)
            case _:
                handler.say(204, None)

    def _state(self, handler: "_Handler", after: int) -> None:
        self._wait(after)
        if self._cut:
            handler.close_connection = True
        elif self._session:
            handler.say(200, {**self._says, "time": time.time() + AHEAD_S})
        else:
            self._refuse(handler)

    def _wait(self, after: int) -> None:
        until = time.monotonic() + _POLL_S
        with self._changed:
            self._changed.wait_for(
                lambda: self._says["n"] > after or self._cut or not self._session or self._closing,
                until - time.monotonic(),
            )

    def _enter(self, handler: "_Handler", code: str) -> None:
        if self.tries_left == 0:
            handler.say(410, {})
        elif code == CODE:
            self._session, self.gone = "there", None
            handler.say(204, None, {"Set-Cookie": "session=there; HttpOnly; SameSite=Strict"})
        else:
            self.tries_left -= 1
            self.gone = self.gone if self.tries_left else "closed"
            handler.say(403 if self.tries_left else 410, {"tries_left": self.tries_left})

    def _serve(self, handler: "_Handler", path: str) -> None:
        file = self._built / (path.strip("/") or "index.html")
        if file.is_file():
            handler.send(200, file.read_bytes(), _TYPES.get(file.suffix[1:], "text/plain"), {})
        else:
            handler.send(404, b"", "text/plain", {})

    def _picture(self, handler: "_Handler") -> None:
        if self.no_picture:
            handler.say(503, {"sentence": self.no_picture})
            return
        self._shots += 1
        more = {"X-Number": str(self._shots), "X-Focus": f"{self.focus:g}", "X-Light": "118"}
        handler.send(200, street(self._shots), "image/jpeg", more)

    def _take_settings(self, args: dict[str, Any]) -> None:
        if self.result["status"] != "succeeded":
            return
        self.revision = args["revision"]
        self._changes = args["changes"]
        for each in args["changes"].get("cameras", []):
            camera = next(camera for camera in self.cameras if camera["name"] == each["name"])
            camera.update(each)
        if text := args["changes"].get("device", {}).get("location", {}).get("text"):
            self.show(place=text)

    def _form(self) -> list[dict[str, Any]]:
        """As a device with these settings tells them."""
        files = layers.read(PROFILE)[0]
        changed = {**self._changes, "cameras": [{"name": "front", "source": SOURCE}]}
        return form(files, changed, afar.apply(files, changed, "the page"))

    def _report(self, query: dict[str, str]) -> dict[str, Any]:
        note = query.get("note", "")
        by = {"issuer": "sipho", "kid": query["kid"]}
        report = Report.model_validate({**self.report, "by": by, "note": note})
        self.sealed_note = note
        other = report.model_copy(update={"note": "all is well"}) if self.forges else report
        self.sealed_payload = payload_of(other)
        return {"report": report.model_dump(mode="json", exclude_none=True), "payload": self.sealed_payload}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A phone may leave at any moment."""


class _Handler(BaseHTTPRequestHandler, ABC):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(None)

    def do_POST(self) -> None:
        self.answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    @abstractmethod
    def answer(self, body: Any) -> None:
        """Answer the request; `body` is what it says, None for a GET."""

    def say(self, status: int, body: Any, more: Mapping[str, str] | None = None) -> None:
        self.send(status, b"" if body is None else json.dumps(body).encode(), "application/json", more or {})

    def send(self, status: int, content: bytes, kind: str, more: Mapping[str, str]) -> None:
        self.send_response(status)
        headers = {"Content-Type": kind, "Content-Security-Policy": POLICY, "Cache-Control": "no-store", **more}
        if status != 204:
            headers["Content-Length"] = str(len(content))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


def street(number: int) -> bytes:
    """A street by day, as a camera on a kiosk may see it: the same but for somebody who walks."""
    picture = Image.new("RGB", (1280, 720), "#9fb4c4")
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 300, 1280, 720), fill="#8c8a84")
    draw.polygon([(430, 300), (850, 300), (1280, 720), (0, 720)], fill="#6f6d69")
    draw.rectangle((0, 40, 260, 360), fill="#b79b7a")
    draw.rectangle((30, 80, 200, 320), fill="#3f5566")
    draw.rectangle((1000, 60, 1280, 400), fill="#8f7f74")
    for x in (1040, 1140):
        draw.rectangle((x, 110, x + 60, 210), fill="#45535e")
    draw.line((640, 300, 640, 720), fill="#d8d6ce", width=8)
    x = 420 + (number * 14) % 420
    draw.ellipse((x - 16, 380, x + 16, 416), fill="#5d4334")
    draw.rounded_rectangle((x - 26, 414, x + 26, 520), 14, fill="#a33a2c")
    draw.rectangle((x - 20, 515, x + 20, 600), fill="#2c3442")
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=80)
    return out.getvalue()


REPORT: dict[str, Any] = {
    "form": 1,
    "id": "01a21ac6-4e3b-7040-853c-2ab18aa679d7",
    "walk": "01a21ac6-4e3b-7040-853c-2ab18aa679d6",
    "device": {
        "name": NAME,
        "board": "10000000a3f2c1d4",
        "profile": "kiosk-pi4",
        "agent_version": "0.1.0",
        "config_revision": "7",
        "certificate_ends": "2027-11-27T00:00:00Z",
    },
    "place": {"text": "Park Station, concourse, pillar 7"},
    "began": "2026-11-27T12:00:00Z",
    "ended": "2026-11-27T12:41:00Z",
    "timeq": "synced",
    "verdict": "failed",
    "pictures": [{"name": "front", "what": "what the camera sees", "media": "image/jpeg", "sha256": "0" * 64}],
    "steps": [
        {
            "name": "label",
            "title": "The label",
            "verdict": "passed",
            "said": "",
            "tries": 1,
            "ended": "2026-11-27T12:01:00Z",
        },
        {
            "name": "button-police",
            "title": "Button police",
            "verdict": "passed",
            "said": "",
            "tries": 2,
            "ended": "2026-11-27T12:05:00Z",
        },
        {
            "name": "button-medical",
            "title": "Button medical",
            "verdict": "failed",
            "said": "the button has a fault: look at its wires",
            "tries": 1,
            "ended": "2026-11-27T12:09:00Z",
        },
        {
            "name": "siren",
            "title": "Siren",
            "verdict": "left-out",
            "said": "it is night, and people sleep here",
            "tries": 1,
            "ended": "2026-11-27T12:03:00Z",
        },
    ],
    "in_earnest": [
        {
            "alarm_id": "01a21ac6-4e3b-7040-853c-2ab18aa679d8",
            "input": "police",
            "step": "tone",
            "raised_at": "2026-11-27T12:20:00Z",
        }
    ],
    "note": "",
}


def key_ring(tmp: Path, *keys: PrivateKey) -> KeyRing:
    """The keys that the device obeys."""
    file = tmp / "keys.json"
    file.write_text(json.dumps({"keys": [key.public().as_jwk() for key in keys]}))
    return KeyRing.load(file)
