"""The settings of live view."""

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator

from agent.core.section import Section

_FORM = "this is rtsps://HOST[:PORT]/PATH without a login; PATH may have {device} and {camera}"


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme == "rtsps" and parts.hostname is not None and parts.port != 0 and len(parts.path) > 1
    except ValueError as error:
        raise ValueError(_FORM) from error
    path = parts.path.replace("{device}", "").replace("{camera}", "")
    fixed = parts.netloc + path + parts.query + parts.fragment
    if not good or "@" in parts.netloc or not all("!" <= letter <= "~" and letter not in "{}" for letter in fixed):
        raise ValueError(_FORM)
    return text


class LiveSettings(Section):
    """Live view, by a signed command. Pictures need nothing here, a stream needs a media server."""

    beacon: bool = False
    """Whether the beacon pulses slowly while somebody looks through a camera. An alarm's signals come before it, and a
    look that begins while a silent alarm is open shows nothing."""
    stream: Annotated[str, AfterValidator(_address)] | None = None
    """The only place that a stream is pushed to, over TLS: `rtsps://media.example:8322/{device}/{camera}`. `{device}`
    is PROVINCE/SITE/ID; two cameras need `{camera}`. No stream when left out."""
    ca_file: Path | None = None
    """The authorities (PEM) of that server; the system's when left out."""
    login_file: Path | None = None
    """A file with `NAME:PASSWORD` for that server, which nobody but the agent may read (mode 0600)."""
