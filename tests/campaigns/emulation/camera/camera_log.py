"""What the centre is told of the camera from a moment on."""

from statistics import mean
from typing import Any

from tests.support.centre import Centre, Message
from tests.support.wait import wait_for

NAME = "yard"
"""The camera on USB of firmware_configs/base/cameras.toml."""
_RATE_S = 90.0
"""A machine that emulates another one beside it has fewer frames for a while."""


class CameraLog:
    """Begins when it is made. Main thread."""

    def __init__(self, centre: Centre) -> None:
        self._centre = centre
        self._after = max((message.seq for message in centre.messages()), default=0)

    def tampers(self) -> list[Message]:
        """Every beginning and end of a tamper so far."""
        return self._since("event/camera-tamper")

    def wait_for_tamper(self, kind: str, *, active: bool, timeout_s: float) -> Message:
        """The beginning or the end of one."""

        def fits(message: Message) -> bool:
            return message.seq > self._after and (message.data["kind"], message.data["active"]) == (kind, active)

        return self._centre.wait_for("event/camera-tamper", fits, timeout_s)

    def figures(self) -> list[dict[str, Any]]:
        """Of the camera, in each health message."""
        found = (message.data["cameras"].get(NAME) for message in self._since("health"))
        return [figures for figures in found if figures is not None and "frames_per_second" in figures]

    def wait_for_rate(self, timeout_s: float) -> dict[str, Any]:
        """The first figures with pictures in them."""
        return wait_for(
            lambda: [each for each in self.figures() if each["frames_per_second"] > 0],
            timeout_s,
            "pictures in the health",
        )[0]

    def rate(self, messages: int, least: float = 0.0) -> float:
        """Frames a second that were looked at, on average over the last so many health messages, once it is `least`.

        Seconds in which the model, which takes the emulated processor long, let no frame through don't count.
        """

        def reached() -> float:
            rates = [rate for each in self.figures() if (rate := float(each["frames_per_second"])) > 0]
            average = mean(rates[-messages:]) if len(rates) >= messages else 0.0
            return average if average >= least else 0.0

        return wait_for(reached, _RATE_S, f"{least:g} frames a second, on average over {messages} health messages")

    def _since(self, under: str) -> list[Message]:
        return [message for message in self._centre.messages(under) if message.seq > self._after]


def kinds(tampers: list[Message]) -> str:
    """In words, for a row."""
    return ", ".join(f"{each.data['kind']} {'began' if each.data['active'] else 'ended'}" for each in tampers) or "none"
