"""A clip that is being recorded: its file, its manifest, and its entries in the chain."""

import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from agent.contract.errors import EdgeAgentError
from agent.contract.times import rfc3339
from agent.trust.evidence.chain import Chain
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.jws import SIGNING
from agent.trust.evidence.manifest import ENTRY, Writer, part_line
from agent.trust.evidence.sealed_file import ClipError, Sealer
from agent.trust.evidence_keys import Recipient
from agent.trust.synced_file import append, sync_names

Now = Callable[[], tuple[datetime, str]]
"""The wall clock (UTC), and how good it is: `TimeQuality`."""
log = logging.getLogger(__name__)


class OpenClip:
    """`Clips.begin` makes it. One thread at a time."""

    def __init__(
        self,
        files: tuple[Path, Path],
        facts: Mapping[str, Any],
        why: Mapping[str, Any],
        recipient: Recipient,
        chain: Chain,
        now: Now,
    ) -> None:
        self.clip = str(facts["clip"])
        self._file, self._manifest = files
        self._chain = chain
        self._now = now
        self._writer = Writer()
        self._sealer = Sealer({name: facts[name] for name in ("clip", "device", "camera")}, recipient)
        self._signed_at = 0.0
        self._why: str | None = None
        self._is_entered = False
        at, timeq = now()
        said = {**facts, "manifest": 1, "at": rfc3339(at), "timeq": timeq, "why": dict(why), "to": str(recipient)}
        self._waiting = self._writer.certificates(chain.signer)
        """Lines that the disk has not taken yet."""
        header = self._sealer.header
        self._line({**said, "header": sha256(header).hexdigest(), "header_length": len(header)})

    def begin(self, fragments: Sequence[Fragment]) -> None:
        """Write what there is already: onto the disk at once, and then signed. Raises OSError, and nothing is left."""
        records = []
        for each in fragments:
            number, kind = self._sealer.next, _kind(each)
            records.append(self._sealer.seal(kind, each.data))
            self._line(part_line(number, kind, each.data, records[-1], each))
        files, new = ((self._manifest, self._waiting), (self._file, b"".join([self._sealer.header, *records]))), []
        try:
            for path, content in files:
                with path.open("xb") as file:
                    new.append(path)
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            sync_names(self._file.parent)
        except OSError:
            for path in new:
                with suppress(OSError):
                    path.unlink()
            raise
        self._waiting = b""
        try:
            self._enter("begun", {})
        except (OSError, EdgeAgentError) as error:
            log.warning("the clip %s has begun, but its entry waits: %s", self.clip, error)

    def append(self, *fragments: Fragment) -> None:
        """Write more fragments: when this returns, they are on the disk and signed. Raises ClipError."""
        self._put([(_kind(each), each.data, each) for each in fragments])

    def picture(self, jpeg: bytes) -> None:
        """Write a picture that belongs to it. Raises ClipError."""
        self._put([("picture", jpeg, None)])

    def join(self, why: Mapping[str, Any]) -> None:
        """Note one more alarm that this clip is for. Raises ClipError."""
        at, timeq = self._now()
        self._line({"joined": dict(why), "at": rfc3339(at), "timeq": timeq})
        self._write()

    def end(self, why: str) -> bool:
        """Sign its end and write it; return whether that is on the disk. If not, call this again later."""
        self._why = self._why or why
        try:
            if not self._is_entered:
                self._enter("ended", {"why": self._why})
            else:
                self._write(sign=False)
                self._chain.write()
        except (OSError, EdgeAgentError) as error:
            log.warning("the end of the clip %s waits: %s", self.clip, error)
            return False
        return True

    def _put(self, parts: Sequence[tuple[str, bytes, Fragment | None]]) -> None:
        first = self._sealer.next
        records = [self._sealer.seal(kind, content) for kind, content, _ in parts]
        try:
            append(self._file, b"".join(records))
        except OSError as error:
            why = error.strerror or str(error)
            for number, (kind, _, times) in enumerate(parts, first):
                self._line({"lost": number, "what": kind, "index": times and times.index, "why": why})
            raise ClipError(f"the clip {self.clip} can't be written: {_lower(error)}; what it has stays") from error
        for number, ((kind, content, times), record) in enumerate(zip(parts, records, strict=True), first):
            self._line(part_line(number, kind, content, record, times))
        self._write()

    def _line(self, body: Mapping[str, Any]) -> None:
        self._waiting += self._writer.line(body)

    def _write(self, *, sign: bool = True) -> None:
        moment = time.monotonic()
        if sign and moment - self._signed_at >= SIGNING * self._chain.signer.seconds:
            try:
                self._waiting += self._writer.checkpoint(self.clip, self._chain.signer)
                self._signed_at = moment
            except EdgeAgentError as error:
                log.warning("the clip %s goes on unsigned: %s", self.clip, error)
        try:
            if self._waiting:
                append(self._manifest, self._waiting)
        except OSError as error:
            raise ClipError(f"the manifest of the clip {self.clip} can't be written: {_lower(error)}") from error
        self._waiting = b""

    def _enter(self, what: str, about: Mapping[str, Any]) -> None:
        self._waiting += self._writer.certificates(self._chain.signer)
        token = self._chain.entry(what, *self._now(), {**self._writer.covered(self.clip), **about})
        self._is_entered = what != "begun"
        self._signed_at = time.monotonic()
        self._line({ENTRY: token})
        self._write(sign=False)
        self._chain.write()


def _kind(fragment: Fragment) -> str:
    return "init" if fragment.init else "fragment"


def _lower(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
