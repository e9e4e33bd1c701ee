"""Shows how the enrolment goes to whoever has no terminal: its last sentence on the card, and for lamps and doctor.

On the card it is the last line of the file that the first start writes (`edge-agent-first-boot.sh`), until `done`.
"""

import fcntl
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from agent.adapters.disk import write_file
from agent.core.errors import StorageError

RUN = Path("/run/edge-agent-enrol")
"""Root's. It is gone after a restart, when the enrolment is tried again if there is a claim on the card."""
CARD = Path("/boot/firmware")
"""The boot partition: FAT, which any computer reads."""
LOG = "edge-agent-first-boot.txt"
_FIRST_BOOT = "edge-agent-first-boot.sh"
"""On the card for as long as the first start has not ended."""
_STATE = "state.json"
_LOCK = "card.lock"
"""In RUN: taken by whoever writes to the log on the card."""
_SAYS = 500
"""Characters of a sentence."""
_READ_BYTES = 64 * 1024
_LINES = 200
_MOUNT_S = 20.0
_CLAIM = re.compile(r"edge-claim1\.\S*")
_OPEN = re.compile(r"\S+ \S+ (not enrolled|this device is enrolled, but|done$)")
"""Lines that say how things stood: the newest one takes their place."""


class Step(StrEnum):
    """Where the enrolment is."""

    WAITING = "waiting"
    """Not let in yet; it goes on by itself, or waits for a claim."""
    REFUSED = "refused"
    """It does not go on until somebody has done something."""
    ENROLLED = "enrolled"


@dataclass(frozen=True, slots=True)
class Told:
    """What the enrolment said last."""

    step: Step
    says: str
    """What is wrong and what to do, in one line; for an enrolled device its name."""


def read(run: Path | None = None) -> Told | None:
    """Return what the enrolment said last since the boot; None if it has said nothing, or it can't be read."""
    try:
        with ((run or RUN) / _STATE).open("rb") as file:
            content = json.loads(file.read(_READ_BYTES))
        return Told(Step(content["step"]), _in_a_line(str(content["says"])))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def tell(step: Step, says: str) -> str | None:
    """Note how the enrolment goes. Return why nobody may see it, in a sentence, where that is so: an enrolment must not
    fail because of this."""
    says = _in_a_line(says)
    try:
        with suppress(FileExistsError):
            RUN.mkdir(mode=0o755)
            RUN.chmod(0o755)  # whatever the umask
        content = json.dumps({"step": step, "says": says}, ensure_ascii=False)
        write_file(RUN / _STATE, content.encode(), 0o644)
        if CARD.is_dir():
            with _locked(), _writable():
                _put_on_the_card(step, says)
    except (OSError, StorageError, subprocess.SubprocessError) as error:
        return f"how the enrolment goes can't be shown on card and lamps: {error}"
    return None


def _put_on_the_card(step: Step, says: str) -> None:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    begins = {Step.WAITING: "not enrolled yet: ", Step.REFUSED: "not enrolled: ", Step.ENROLLED: "enrolled as "}
    # A device that is enrolled, and can't start, says so in its own words.
    says = f"{'' if says.startswith('this device is') else begins[step]}{says}"
    before = _lines()
    if step is not Step.ENROLLED and before[-1:] and before[-1].split(" ", 2)[-1] == says:  # each line wears the card
        return
    lines = [*(line for line in before if not _OPEN.match(line)), f"{now} {says}"]
    if step is Step.ENROLLED and not (CARD / _FIRST_BOOT).exists():
        lines.append(f"{now} done")
    write_file(CARD / LOG, "".join(f"{line}\n" for line in lines[-_LINES:]).encode(), 0o644)


def _lines() -> list[str]:
    try:
        with (CARD / LOG).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _READ_BYTES))
            return file.read().decode("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return []


def _in_a_line(says: str) -> str:
    shown = "".join(each if each.isprintable() else " " for each in _CLAIM.sub("edge-claim1...", says))
    return f"{shown[: _SAYS - 3]}..." if len(shown) > _SAYS else shown


@contextmanager
def _locked() -> Iterator[None]:
    """Root's alone, to read too: whoever may open a file may lock it, and keep root waiting for ever."""
    number = os.open(RUN / _LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        os.fchmod(number, 0o600)
        fcntl.flock(number, fcntl.LOCK_EX)
        yield
    finally:
        os.close(number)


@contextmanager
def _writable() -> Iterator[None]:
    """A prepared card mounts its boot partition read-only: it is opened for a moment."""
    if not os.statvfs(CARD).f_flag & os.ST_RDONLY:
        yield
        return
    _remount("rw")
    try:
        yield
    finally:
        _remount("ro")


def _remount(how: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{how}", CARD], capture_output=True, timeout=_MOUNT_S, check=True)
