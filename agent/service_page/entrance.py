"""Who may use the page: whoever enters the code, in five tries, one phone at a time."""

import secrets
import threading
from pathlib import Path

from agent.core import service_code

MOST_TRIES = 5


class Refused(Exception):  # noqa: N818 - a verdict
    """A code is wrong, or comes too late."""

    def __init__(self, tries_left: int) -> None:
        left = f"That is not the code. Tries left: {tries_left}."
        super().__init__(left if tries_left else "The page is closed.")
        self.tries_left = tries_left


class Entrance:
    """One opening of the page. Any thread."""

    def __init__(self, opening: str, kept_hash: str, tries: Path) -> None:
        """`tries` is a file that counts the wrong codes of this opening: a new start of the process gives no more."""
        self._opening = opening
        self._hash = kept_hash
        self._file = tries
        self._lock = threading.Lock()
        self._token = ""
        self._earlier: set[str] = set()
        self.wrong = self._read()
        """How many wrong codes have come."""

    @property
    def is_shut(self) -> bool:
        """Whether too many wrong codes have come."""
        return self.wrong >= MOST_TRIES

    def enter(self, code: str) -> str:
        """Return the token of a new session, which ends the one before. Raises Refused."""
        with self._lock:
            if self.is_shut:
                raise Refused(0)
            self.wrong += 1  # until it is known to be right, so that no way out of here gives a try for nothing
            self._file.write_text(f"{self._opening} {self.wrong}")
            if not service_code.matches("".join(code.split()).replace("-", ""), self._hash):
                raise Refused(MOST_TRIES - self.wrong)
            self.wrong -= 1
            self._file.write_text(f"{self._opening} {self.wrong}")
            self._earlier.add(self._token)
            self._token = secrets.token_urlsafe(32)
            return self._token

    def admits(self, token: str) -> bool:
        """Return whether this is the token of the session."""
        return bool(self._token) and secrets.compare_digest(token.encode(), self._token.encode())

    def was_admitted(self, token: str) -> bool:
        """Return whether it was, until another phone has entered."""
        return bool(token) and token in self._earlier

    def _read(self) -> int:
        try:
            opening, wrong = self._file.read_text().split()
            return int(wrong) if opening == self._opening else 0
        except (FileNotFoundError, ValueError):
            return 0
