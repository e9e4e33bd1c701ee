"""What anybody has published, made fit for a terminal, and what a person must be told first."""

from collections.abc import Mapping
from typing import Any


def printable(text: object) -> str:
    """Return the text with an escape in place of each character that a terminal or a log might act on."""
    return "".join(each if each.isprintable() else ascii(each)[1:-1] for each in str(text))


def do_not(alarm: Mapping[str, Any]) -> str | None:
    """Return what must not be done about a silent alarm: a person reads it before anything else of the alarm.

    `alarm` is the data of an alarm's message, or an entry of `up/alarms`. Null if it is not silent, or a test.
    """
    if alarm.get("silent") is not True or alarm.get("status") == "test":
        return None
    kind = "Silent duress" if alarm.get("kind") == "duress" else "Silent alarm"
    return f"{kind}. Do not phone or alert the site."
