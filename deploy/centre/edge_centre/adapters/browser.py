"""Chromium without a window, for the demo: asked over a pipe in its own DevTools protocol, which needs no library."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from agent.contract.errors import EdgeAgentError

_PROGRAMS = ("chromium", "chromium-browser")
_OPTIONS = (
    "--headless",
    "--remote-debugging-pipe",
    "--no-startup-window",
    "--no-first-run",
    "--mute-audio",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-extensions",
    "--disable-sync",
)
# The browser reads what it is asked at descriptor 3, and answers at 4.
_AT_3_AND_4 = """
import os, sys
for number in 3, 4:
    os.dup2(int(sys.argv[1]), number)
os.execv(sys.argv[2], sys.argv[2:])
"""
_END = b"\0"
_ENDS_WITHIN_S = 2.0
_ENTER = {"key": "Enter", "code": "Enter", "text": "\r", "windowsVirtualKeyCode": 13}


def find_browser() -> str | None:
    """The path of a Chromium on this machine; None where there is none."""
    return next((path for path in map(shutil.which, _PROGRAMS) if path is not None), None)


class DemoBrowser:
    """A context manager: entering starts it; leaving ends it, whatever it does. One thread. Everything that asks it
    raises EdgeAgentError when it is gone, or has not answered within `patience_s`.

    What it keeps is in `directory`, which must be new and is removed by whoever made it.
    """

    def __init__(self, program: str, directory: Path, patience_s: float) -> None:
        self._program = program
        self._directory = directory
        self._patience_s = patience_s
        self._asked = 0
        self._heard = b""
        self._session: dict[str, str] = {}

    def __enter__(self) -> "DemoBrowser":
        self._directory.mkdir()
        self._pipe, theirs = socket.socketpair()
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # root has no right to one
        with theirs, (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    *(sys.executable, "-c", _AT_3_AND_4, str(theirs.fileno())),
                    *(self._program, *_OPTIONS, *sandbox, f"--user-data-dir={self._directory / 'profile'}"),
                ],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Relative: a socket of its own lies there, whose whole path may have 107 characters.
                cwd=self._directory,
                env={**os.environ, "HOME": str(self._directory), "TMPDIR": "."},
                start_new_session=True,
            )
        try:
            self._ask("Browser.getVersion")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # It ends by itself when nobody is there any more to ask it.
        self._pipe.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN_S)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def open(self, url: str) -> None:
        """Begin to load a page; what follows is about that one."""
        target = self._ask("Target.createTarget", url=url)["targetId"]
        self._session = {"sessionId": self._ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    def read(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; None while it has none, as before the page is there."""
        return self._ask("Runtime.evaluate", expression=expression, returnByValue=True).get("result", {}).get("value")

    def type(self, text: str) -> None:
        """Type text where the focus is."""
        self._ask("Input.insertText", text=text)

    def press(self, key: str) -> None:
        """Press a key: a letter, a digit, the space key or Enter."""
        which = _ENTER if key == "Enter" else {"key": key, "text": key}
        self._ask("Input.dispatchKeyEvent", type="keyDown", **which)
        self._ask("Input.dispatchKeyEvent", type="keyUp", **which)

    def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        """What it answers; empty where it answers that it can't."""
        self._asked += 1
        request = {"id": self._asked, "method": method, "params": params, **self._session}
        deadline = time.monotonic() + self._patience_s
        try:
            self._pipe.settimeout(self._patience_s)
            self._pipe.sendall(json.dumps(request).encode() + _END)
            while (answer := json.loads(self._next(deadline))).get("id") != self._asked:
                pass
        except OSError as error:
            raise EdgeAgentError(f"{self._program} does not answer: {error}; {self._last_words()}") from error
        return dict(answer.get("result", {}))

    def _next(self, deadline: float) -> bytes:
        while _END not in self._heard:
            self._pipe.settimeout(max(0.001, deadline - time.monotonic()))
            part = self._pipe.recv(65536)
            if not part:
                raise ConnectionError("it has ended")
            self._heard += part
        message, _, self._heard = self._heard.partition(_END)
        return message

    def _last_words(self) -> str:
        lines = (self._directory / "log").read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in lines if ":FATAL:" in line), lines[-1] if lines else "it has said nothing")
