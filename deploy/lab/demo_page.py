"""The control room's page beside the demo: served on loopback; its address passes an operator's key, once."""

import base64
import functools
import http.server
import json
import os
import re
import secrets
import threading
import webbrowser
from pathlib import Path
from typing import Any

from agent.trust.jose_keys import PrivateKey
from deploy.lab.demo_stage import Stage
from edge_centre.key_files import make_key, private_path

_BUILT = Path(__file__).parents[2] / "deploy" / "control-room" / "dist"
POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "media-src blob:; connect-src 'self' {broker}; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
"""As the shipped server has it (deploy/control-room/serve/nginx.conf), but for the broker."""


class DemoPage:
    """A context manager: entering serves the page on a free port of the loopback interface, which counts as secure for
    a browser. `url` is None where there is no page: `make control-room` builds it."""

    def __init__(self, stage: Stage, built: Path = _BUILT) -> None:
        self.url: str | None = None
        self._stage = stage
        self._built = built
        self._server: http.server.ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> "DemoPage":
        if not (self._built / "index.html").is_file():
            return self
        broker = f"ws://127.0.0.1:{self._stage.web_port}"
        outlines = sorted(f"outlines/{path.name}" for path in self._built.glob("outlines/*.json"))
        settings = {
            "centre": "demo-centre",
            "title": "Demo",
            "root": self._stage.settings.identity.root,
            "brokers": [{"name": "demo", "url": broker}],
            "outlines": outlines,
            "units": ["car 7"],
            "key_by_link": True,
            "exercises_ring": True,
        }
        keys = self._stage.directory / "keys"
        key = make_key("operator", keys, "demo-operator")
        private_path(keys, key).unlink()
        code = secrets.token_hex(4)
        once = {f"/{code}": f"/{_fragment(key)}"}
        policy = POLICY.format(broker=broker)
        handler = functools.partial(_Handler, settings, policy, once, directory=str(self._built))
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/{code}"
        return self

    def __exit__(self, *_: object) -> None:
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()

    def show(self) -> None:
        """Open it in the person's browser, where there is a display."""
        if self.url is not None and (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
            # A browser that is started by this may write to its terminal, and take its time.
            threading.Thread(target=webbrowser.open, args=(self.url,), name="browser", daemon=True).start()


class _Handler(http.server.SimpleHTTPRequestHandler):
    """The built page and the demo's settings. `once`: where an address redirects the first time; after that to `/`."""

    def __init__(self, settings: dict[str, Any], policy: str, once: dict[str, str], *args: Any, **options: Any) -> None:
        self._settings = settings
        self._policy = policy
        self._once = once
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        if re.fullmatch("/[0-9a-f]{8}", self.path):
            self.send_response(http.HTTPStatus.SEE_OTHER)
            self.send_header("Location", self._once.pop(self.path, "/"))
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if self.path.partition("?")[0] != "/control-room.json":
            super().do_GET()
            return
        content = json.dumps(self._settings).encode()
        self.send_response(http.HTTPStatus.OK)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def end_headers(self) -> None:
        self.send_header("Content-Security-Policy", self._policy)
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Cache-Control", "no-cache")
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def _fragment(key: PrivateKey) -> str:
    """The page takes the key out of this, keeps it where nobody can read it again, and clears its address."""
    jwk = json.dumps(key.as_jwk()).encode()
    return "#key=" + base64.urlsafe_b64encode(jwk).rstrip(b"=").decode("ascii")
