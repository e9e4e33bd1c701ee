"""When the device's own certificate is due to be renewed, and what to say when nothing renews it."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

_JITTER = 1 / 24
"""Of its life: devices that were enrolled on one day do not all renew on one day."""
_OVERDUE = timedelta(days=1)
"""The timer looks every hour, so a day without a try means that it does not run."""


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of the last try to renew: `renewal.json`. `error` is None when it succeeded."""

    tried_at: datetime
    error: str | None = None
    failures: int = 0
    """How often in a row it has failed."""
    failing_since: datetime | None = None

    def text(self) -> str:
        """Return what `parse_renewal` takes."""
        return json.dumps(asdict(self), default=datetime.isoformat)


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device that renews its certificate by itself. `last` is None when it never tried, or nobody can say."""

    name: str
    last: Renewal | None


def due_at(begins: datetime, ends: datetime, name: str) -> datetime:
    """Return when to renew: at two thirds of its life, and later by a part of it that the name decides."""
    share = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "big") / 2**32
    return begins + (ends - begins) * (2 / 3 + _JITTER * share)


def parse_renewal(text: str | bytes) -> Renewal:
    """Return what `renewal.json` says. Raises ValueError when it is not what was written."""
    match json.loads(text):
        case {"tried_at": str(tried_at), "error": (str() | None) as error, "failures": int(failures), **more}:
            since = more.get("failing_since")
            return Renewal(_time(tried_at), error, failures, _time(since) if isinstance(since, str) else None)
        case _:
            raise ValueError("it does not say what became of a renewal")


def why_not_renewed(begins: datetime, ends: datetime, enrolled: Enrolled, now: datetime) -> str | None:
    """Return what keeps the certificate from being renewed, in a sentence; None if nothing does, or it is not due yet.

    `begins` and `ends` are those of the certificate; `now` is a wall clock that was set once.
    """
    due, last = due_at(begins, ends, enrolled.name), enrolled.last
    if last is not None and last.error is not None:
        since = f"{last.failing_since or last.tried_at:%Y-%m-%d %H:%M} UTC"
        told = f"failed on {since}" if last.failures < 2 else f"has failed {last.failures} times since {since}"
        return f"its renewal {told}: {last.error}"
    if now < due + _OVERDUE or (last is not None and now - last.tried_at < _OVERDUE):
        return None
    return (
        f"it was due to be renewed on {due:%Y-%m-%d}, and nothing tries: see `systemctl status edge-agent-renew.timer`"
    )


def _time(text: str) -> datetime:
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("a time without a zone")
    return found
