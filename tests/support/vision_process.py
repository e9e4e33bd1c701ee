"""The core's end of a camera process, for tests."""

import contextlib
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TypeVar

from agent.core.camera.link import Heartbeat, Start, ToCore, ToVision, decode_for_core
from agent.core.camera.vision_spec import VisionSpec
from agent.core.link_lines import encode
from tests.support.vision_media import model_directories
from tests.support.wait import wait_for

T = TypeVar("T")


def vision_spec(directory: Path, **changes: Any) -> VisionSpec:
    """A simulated camera that is looked at 20 times a second, with its pictures in `directory`."""
    values: dict[str, Any] = {
        "name": "front",
        "source": "picamera2:0",
        "simulate": True,
        "frames_per_second": 20.0,
        "model": "movenet-person-int8",
        "model_directories": model_directories(),
        "snapshot_directory": str(directory),
    }
    return VisionSpec(**{**values, **changes})


class Conversation:
    """Collects what the camera process says over `connection`, which it closes at the end."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.messages: list[ToCore] = []
        self.ended = threading.Event()
        self._reader = threading.Thread(target=self._read, name="conversation", daemon=True)
        self._reader.start()

    def say(self, message: ToVision) -> None:
        self._connection.sendall(encode(message))

    def start(self, spec: VisionSpec) -> None:
        self.say(Start(spec=spec))

    def all_of(self, kind: type[T]) -> list[T]:
        return [message for message in list(self.messages) if isinstance(message, kind)]

    def wait_for(self, kind: type[T], timeout_s: float = 20, where: Any = lambda message: True) -> T:
        """The first message of this kind that fits."""
        found = wait_for(
            lambda: [message for message in self.all_of(kind) if where(message)] or self.ended.is_set(),
            timeout_s,
            f"{kind.__name__} among {self.messages[-3:]}",
        )
        assert isinstance(found, list), f"the link ended before {kind.__name__} came: {self.messages[-3:]}"
        return found[0]

    def wait_for_state(self, state: str, detail: str = "", timeout_s: float = 20) -> Heartbeat:
        """A heartbeat, from now on, with this state and this text in its detail."""
        seen = len(self.all_of(Heartbeat))
        wait_for(
            lambda: any(beat.state == state and detail in beat.detail for beat in self.all_of(Heartbeat)[seen:]),
            timeout_s,
            f"a heartbeat {state} {detail!r}",
        )
        return self.all_of(Heartbeat)[-1]

    def hang_up(self) -> None:
        """End the link, as a core that dies does."""
        self._connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)
        self._reader.join(10)
        self._connection.close()

    def _read(self) -> None:
        with self._connection.makefile("rb") as lines:
            for line in lines:
                self.messages.append(decode_for_core(line))
        self.ended.set()


class VisionProcess:
    """`python -m agent.vision` as the core starts it. Use it as a context manager."""

    def __init__(self) -> None:
        core, vision = socket.socketpair()
        with vision:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "agent.vision", "--fd", str(vision.fileno())],
                pass_fds=[vision.fileno()],
                stderr=subprocess.PIPE,
                text=True,
            )
        self.link = Conversation(core)

    def ended(self, timeout_s: float = 15) -> tuple[int, str]:
        """Wait for the end: the exit code, and what is on stderr."""
        _, errors = self.process.communicate(timeout=timeout_s)
        return self.process.returncode, errors

    def __enter__(self) -> "VisionProcess":
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self.link.close()
