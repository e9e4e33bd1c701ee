"""The device's credentials on disk: what a power cut leaves is the old ones or the new ones, never none.

`STATE/credentials/` holds a directory for each set: `device.key` (the probe's certificate behind the key),
`device.pem`, `issuers.pem` (the authorities between that and its root), `ca.pem`, `binding.json`, and where the office
gives one `page.pem`: key, certificate and issuer of the service page, which the agent lays beside what asks for the
page. The link `current` names the set in use; it is replaced by a rename, after all that the new set holds is on the
disk. `next` names what enrolment is asking for, `renewing` what renewal is. A set that no link names is left over, and
goes at the next change.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from agent.adapters.binding import BINDING, CREDENTIALS, RENEWAL
from agent.adapters.binding import PAGE as ENROLLED_PAGE
from agent.adapters.disk import explained, write_file
from agent.core.errors import StorageError
from agent.trust.openssl import KeyKind
from agent.trust.synced_file import sync_names
from agent.trust.whole_file import read_file

Purpose = Literal["next", "renewing"]
KEY, CERTIFICATE, AUTHORITIES, PAGE = "device.key", "device.pem", "ca.pem", ENROLLED_PAGE.name
_REQUEST = "request.json"
_CURRENT = "current"
_LINKS = (_CURRENT, "next", "renewing")


class Asked(BaseModel):
    """What a set of credentials is asked for, and then whose it is."""

    model_config = ConfigDict(frozen=True)

    name: str
    """`province/site/id`"""
    board: str | None
    registrar: str
    key: KeyKind
    claim: str | None = None
    """The fingerprint of the claim that it was asked for with."""


class Bound(Asked):
    """The content of `binding.json`."""

    enrolled_at: datetime


class Set:
    """One directory of credentials."""

    def __init__(self, directory: Path, store: "Store") -> None:
        self.directory = directory
        self._store = store

    @property
    def key(self) -> Path:
        """The private key's file."""
        return self.directory / KEY

    @property
    def certificate(self) -> Path:
        """The device's own certificate."""
        return self.directory / CERTIFICATE

    @property
    def authorities(self) -> Path:
        """Who vouches for servers."""
        return self.directory / AUTHORITIES

    @property
    def page(self) -> Path:
        """Of the service page: key, certificate, issuer. It may be missing."""
        return self.directory / PAGE

    def write(self, name: str, content: bytes) -> None:
        """Write a file as a whole, onto the disk. Raises StorageError."""
        self._store.write(self.directory / name, content)

    def read_key(self) -> bytes:
        """Return the key's file. Raises StorageError."""
        with explained(self.key):
            return read_file(self.key)

    def bound(self) -> Bound:
        """Return whose the credentials are. Raises StorageError."""
        path = self.directory / BINDING
        with explained(path):
            content = read_file(path)
        try:
            return Bound.model_validate_json(content)
        except ValidationError as error:
            raise StorageError(f"{path} is not what was written: enrol this device again") from error


class Store:
    """All sets. `reached` is called after each change that is safe on the disk, with its name."""

    def __init__(self, state: Path, reached: Callable[[str], None] = lambda _: None) -> None:
        self.directory = state / CREDENTIALS
        self._reached = reached

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing anything. Raises StorageError, also when another command is at it."""
        with explained(self.directory):
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            number = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise StorageError("an enrolment or a renewal is running already: wait until it ends") from error
            yield
        finally:
            os.close(number)

    def current(self) -> Set | None:
        """Return the set in use; None before the first enrolment. Raises StorageError."""
        return self._named(_CURRENT)

    def asking(self, purpose: Purpose, asked: Asked) -> Set | None:
        """Return the set that was begun for exactly this, with its key; else None. Raises StorageError."""
        begun = self._named(purpose)
        if begun is None or begun.directory == (self._directory_of(_CURRENT)):
            return None
        try:
            return begun if Asked.model_validate_json(read_file(begun.directory / _REQUEST)) == asked else None
        except (OSError, ValidationError):
            return None

    def begin(self, purpose: Purpose, asked: Asked, key: bytes) -> Set:
        """Make a set that has a key and nothing else, on the disk. Raises StorageError."""
        self._clean(but=(_CURRENT, "renewing" if purpose == "next" else "next"))
        directory = self.directory / f"set-{secrets.token_hex(4)}"
        with explained(directory):
            directory.mkdir(mode=0o700)
        begun = Set(directory, self)
        begun.write(KEY, key)
        begun.write(_REQUEST, asked.model_dump_json().encode())
        self._link(purpose, directory)
        return begun

    def put_in_use(self, purpose: Purpose, chosen: Set, bound: Bound) -> None:
        """Make a whole set the current one, and remove what is left over. Raises StorageError."""
        chosen.write(BINDING, bound.model_dump_json().encode())
        if purpose == "next":
            with explained(result := self.directory / RENEWAL.name):
                result.unlink(missing_ok=True)  # of the credentials before
        self._link(_CURRENT, chosen.directory)
        self._clean(but=tuple(each for each in _LINKS if each != purpose))

    def write(self, path: Path, content: bytes) -> None:
        """Replace a file as a whole, onto the disk. Raises StorageError."""
        write_file(path, content, 0o600)
        self._reached(path.name)

    def _named(self, link: str) -> Set | None:
        directory = self._directory_of(link)
        return None if directory is None else Set(directory, self)

    def _directory_of(self, link: str) -> Path | None:
        with explained(self.directory / link):
            try:
                directory = self.directory / (self.directory / link).readlink().name
                directory.stat()
            except FileNotFoundError:
                return None
        return directory

    def _link(self, link: str, directory: Path) -> None:
        new = self.directory / f".{link}.new"
        with explained(self.directory / link):
            new.unlink(missing_ok=True)
            new.symlink_to(directory.name)
            new.rename(self.directory / link)
            sync_names(self.directory)
        self._reached(link)

    def _clean(self, but: tuple[str, ...]) -> None:
        """Remove the other links, and the sets that no link names any more. What can't be removed stays for now, and
        everything does when a link can't be read."""
        with suppress(OSError, StorageError):
            kept = {self._directory_of(link) for link in but}
            for link in _LINKS:
                if link not in but:
                    (self.directory / link).unlink(missing_ok=True)
            sync_names(self.directory)
            for each in self.directory.iterdir():
                if each.name.startswith("set-") and each not in kept:
                    shutil.rmtree(each, ignore_errors=True)
