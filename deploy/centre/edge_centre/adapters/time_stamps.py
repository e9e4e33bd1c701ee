"""Time stamps of an authority (RFC 3161), by the `openssl` command: somebody else had seen a hash by then."""

import http.client
import re
import subprocess
import tempfile
import urllib.request
from datetime import UTC, datetime
from pathlib import Path

from agent.contract.errors import EdgeAgentError

_PATIENCE_S = 30.0
_LARGEST_BYTES = 64 * 1024
_TIME = re.compile(r"^Time stamp: (\w+ +\d+ [\d:]+)(?:\.\d+)? (\d{4}) GMT", re.MULTILINE)


class StampError(EdgeAgentError):
    """There is no stamp, or it does not hold. The text says why."""


def fetch(url: str, digest: str) -> bytes:
    """Have an authority stamp a SHA-256 (hex); return its answer, which nobody has checked yet. Raises StampError."""
    if not url.startswith(("http://", "https://")):
        raise StampError(f"{url}: an authority for time stamps has an address with http:// or https://")
    query = _openssl("ts", "-query", "-digest", digest, "-sha256", "-cert")
    request = urllib.request.Request(url, query, {"Content-Type": "application/timestamp-query"})  # noqa: S310
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE_S) as answer:  # noqa: S310 - the scheme was checked
            stamp: bytes = answer.read(_LARGEST_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise StampError(f"{url} gives no time stamp: {error}") from error
    return stamp


def stamped_at(stamp: bytes, digest: str, authorities: Path) -> datetime:
    """Return when an authority of these (PEM) has stamped this SHA-256 (hex). Raises StampError."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(stamp)
        file.flush()
        # Of the token alone, which is signed: before it the answer has text that anybody can write.
        said = _openssl("ts", "-reply", "-in", file.name, "-token_out", "-text").decode("utf-8", "replace")
        moment = _moment(said)
        then = ("-attime", str(int(moment.timestamp())))  # its certificate must have been valid then, not now
        _openssl("ts", "-verify", "-in", file.name, "-digest", digest, "-CAfile", str(authorities), *then)
    return moment


def _moment(said: str) -> datetime:
    found = _TIME.search(said)
    if found is None:
        refused = re.search(r"Failure info: (.+)|Status description: (.+)", said)
        raise StampError(f"that is no time stamp: {refused[0] if refused else 'it says no time'}")
    return datetime.strptime(f"{found[1]} {found[2]}", "%b %d %H:%M:%S %Y").replace(tzinfo=UTC)


def _openssl(*words: str) -> bytes:
    try:
        done = subprocess.run(["openssl", *words], capture_output=True, timeout=_PATIENCE_S, check=False)
    except FileNotFoundError as error:
        raise StampError("openssl is missing: sudo apt-get install openssl") from error
    except subprocess.TimeoutExpired as error:
        raise StampError(f"openssl did not end within {_PATIENCE_S:g} s") from error
    if done.returncode != 0:
        said = re.findall(r"error:.*?:([^:]+):[^:]*:\d+:?(.*)", done.stderr.decode("utf-8", "replace"))
        raise StampError(
            f"the time stamp does not hold: {' '.join(said[-1]).strip() if said else 'openssl refuses it'}"
        )
    return done.stdout
