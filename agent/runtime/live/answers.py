"""What a command about a look is answered."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from agent.runtime.live.look import Look


class LiveAnswer(NamedTuple):
    """The result of a command: its code is `ok` when it has succeeded."""

    code: str
    text: str
    output: Mapping[str, Any] = {}


def no_picture(camera: str | None) -> LiveAnswer:
    """The camera shows nothing; None: there is none of that name."""
    if camera is None:
        return LiveAnswer("no-camera", "there is no such camera")
    return LiveAnswer("no-picture", f"the camera {camera} gives no pictures now")


def pictures_rest(rest_s: float) -> LiveAnswer:
    """The broker seems to end connections for pictures."""
    said = f"connections have ended soon after a picture was sent, so none is for {rest_s:.0f} s more"
    return LiveAnswer("no-picture", said)


def no_data() -> LiveAnswer:
    """This month's data is used up."""
    said = "this month's data of the SIM card is used up: look while an alarm is open, or next month"
    return LiveAnswer("no-data", said)


def unknown(live: str) -> LiveAnswer:
    """There is no such look."""
    return LiveAnswer("unknown-live", f"there is no look {live}, or it is over: begin another")


def not_yours(look: Look) -> LiveAnswer:
    """It is another person's."""
    return LiveAnswer("not-yours", f"that is a look of {look.who.said}")
