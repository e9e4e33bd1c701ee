"""Reads whose the device's credentials are, and what became of their renewal; refuses those of another board."""

import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from agent.core.binding import Binding, copied, parse_binding, renamed
from agent.core.errors import CopiedCard, StorageError
from agent.core.renewal import Enrolled, parse_renewal
from agent.trust.whole_file import read_file

CREDENTIALS = Path("credentials")
"""In the state directory: what enrolment has written."""
CURRENT = CREDENTIALS / "current"
BINDING = "binding.json"
PAGE = CURRENT / "page.pem"
"""Of the service page: key, certificate and issuer; it may be missing."""
RENEWAL = CREDENTIALS / "renewal.json"
Serials = Callable[[], Sequence[str]]
"""Reads the board's serial numbers: see `Board.serials`."""

log = logging.getLogger(__name__)


def read_binding(cert_file: Path | None, state: Path) -> Binding | None:
    """Return whose the credentials are; None for a device that was set up by hand: its certificate lies elsewhere than
    below `CURRENT` in the state directory, or has no binding. Raises StorageError when the binding can't be read."""
    current = (state / CURRENT).absolute()
    if cert_file is None or not cert_file.absolute().is_relative_to(current):
        return None
    path = current / BINDING
    try:
        return parse_binding(read_file(path))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise StorageError(f"{path} can't be read: {error}") from error


def read_enrolled(binding: Binding, state: Path) -> Enrolled:
    """Return what is known of the renewal of credentials with this binding."""
    last = None
    with suppress(OSError, ValueError):
        last = parse_renewal(read_file(state / RENEWAL))
    return Enrolled(binding.name, last)


def refuse_a_copy(cert_file: Path | None, state: Path, serials: Serials, user: str | None = None) -> None:
    """Raise CopiedCard when the credentials belong to another board than this, whose serial numbers `serials` reads.

    If they are for another name than `user`, brokers decide: that is logged. What can't be read keeps no device from
    calling for help: it is logged, and nothing is refused. May block as long as the disk does.
    """
    try:
        binding = read_binding(cert_file, state)
    except StorageError as error:
        log.warning("nobody can tell whether this card is a copy of another device's: %s", error)
        return
    if binding is None:
        return
    if (said := copied(binding, serials())) is not None:
        raise CopiedCard(said)
    if user is not None and (said := renamed(binding, user)) is not None:
        log.error("%s", said)
