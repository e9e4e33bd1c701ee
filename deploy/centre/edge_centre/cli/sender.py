"""Sends a signed command to a device by every broker until its result comes, and says meanwhile how it goes."""

import queue
import sys
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

from agent.contract.errors import BrokerError
from agent.contract.messages import ResultData
from agent.trust.jose_keys import PrivateKey
from edge_centre.cli.target import Target
from edge_centre.library import Centre, NewPicture, NoAnswerError, Notice, Presence, printable

PATIENCE_S = 60.0
"""How long to try by default: by then a device that has lost its path is back on another one."""
LAST_WORDS = {
    Presence.UNKNOWN: "no broker knows it: are its name, site and province the same as in its own settings?",
    Presence.ONLINE: "it is online, so perhaps the broker does not let your messages through to it",
    Presence.SILENT: "it was online, and has said nothing for long: check its power and its network",
    Presence.OFFLINE: "it was shut down; it receives nothing until it is started",
    Presence.LOST: "it has lost its connection: check its power and its network",
}


def say(line: str) -> None:
    """Print a line for a person on stderr, apart from the result."""
    print(f"edge-centre: {printable(line)}", file=sys.stderr, flush=True)


def connected(centre: Centre) -> None:
    """Enter a centre, and return as soon as one broker has accepted us. Raises BrokerError when none does, and leaves
    it."""
    centre.__enter__()
    try:
        centre.await_connection()
    except BrokerError:
        centre.__exit__(None, None, None)
        raise


class Sender:
    """Sends commands and hears their results. Use it as a context manager; entering connects. One thread."""

    def __init__(self, target: Target, say: Callable[[str], None]) -> None:
        """`say` gets a line for a person when sending takes long."""
        self._identity = identity = target.identity
        self._say = say
        self._pictures: queue.SimpleQueue[NewPicture] = queue.SimpleQueue()
        filters = [identity.up("state"), identity.up("result", "+"), identity.up("snapshot", "+")]
        self._centre = Centre(target.brokers, tls=target.tls, root=identity.root, filters=filters, on_notice=self._hear)

    def __enter__(self) -> "Sender":
        """As `connected`."""
        connected(self._centre)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._centre.__exit__(kind, value, trace)

    def send(self, *, name: str, arguments: Mapping[str, Any], key: PrivateKey, timeout_s: float) -> dict[str, Any]:
        """Send a command until its final result comes, and return the result's `data`.

        After `timeout_s` seconds it returns the last answer that was not final. Raises BrokerError when there was no
        answer at all.
        """
        source = self._identity.source
        ordered = self._centre.order(
            source, name, arguments, timeout_s=timeout_s, key=key, progress=lambda *how: self._say(self._progress(*how))
        )
        try:
            return ordered.result().model_dump(mode="json")
        except NoAnswerError as error:
            raise BrokerError(self._silence(timeout_s)) from error

    def picture(self, picture_id: str, timeout_s: float) -> bytes | None:
        """Return the picture with that identifier, which may have come before its result; None if it is not in time."""
        deadline_s = time.monotonic() + timeout_s
        try:
            while (left_s := deadline_s - time.monotonic()) > 0:
                picture = self._pictures.get(timeout=left_s)
                if picture.picture_id == picture_id:
                    return picture.jpeg
        except queue.Empty:
            pass
        return None

    def _hear(self, notice: Notice) -> None:
        if isinstance(notice, NewPicture):
            self._pictures.put(notice)

    def _progress(self, number: int, answer: ResultData | None) -> str:
        device = self._identity.device
        if answer is None:
            said = f"{device} has not answered yet; sending again (try {number})"
            return "; ".join(filter(None, (said, self._centre.troubles)))
        if answer.status == "in-progress":
            return f"{device}: {answer.text}; asking again for the outcome"
        return f"{device} asks for a new signature ({answer.code}); sending again"

    def _silence(self, timeout_s: float) -> str:
        with self._centre.view() as known:
            device = known.devices.get(self._identity.source)
            presence = Presence.UNKNOWN if device is None else device.presence
        said = f"{self._identity.device} did not answer within {timeout_s:g} s: {LAST_WORDS[presence]}"
        return "; ".join(filter(None, (said, self._centre.troubles)))
