"""The camera process in a thread of the test, with short limits."""

import socket
import threading

from agent.core.camera.link import Stop
from agent.core.camera.vision_spec import VisionSpec
from agent.core.errors import EdgeAgentError
from agent.vision.app import run
from agent.vision.capture import CaptureLimits
from tests.support.vision_process import Conversation
from tests.support.wait import wait_for

LIMITS = CaptureLimits(silence_s=0.5, grace_s=0.3, first_retry_s=0.05, last_retry_s=0.2, stop_s=2)


class Running:
    """`run` in a thread, and the core's end of its link."""

    def __init__(self, spec: VisionSpec) -> None:
        core, self._vision = socket.socketpair()
        self.left = threading.Event()
        self.failure: EdgeAgentError | None = None
        self.link = Conversation(core)
        self.link.start(spec)
        self._thread = threading.Thread(target=self._run, name="vision-app")
        self._thread.start()

    def _run(self) -> None:
        try:
            run(self._vision, lambda _: self.left.set(), LIMITS)
        except EdgeAgentError as error:
            self.failure = error

    def stop(self) -> None:
        self.link.say(Stop())
        self.join()

    def join(self) -> None:
        self._thread.join(20)
        assert not self._thread.is_alive(), "the camera process did not end"

    def close(self) -> None:
        if self._thread.is_alive():
            self.link.hang_up()
            self.join()
        self.link.close()
        ours = {"link", "frames", "heartbeat", "capture"}
        wait_for(lambda: not ours & {thread.name for thread in threading.enumerate()}, what="the end of all threads")
        self._vision.close()
