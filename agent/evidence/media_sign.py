"""Signs a stream by ONVIF Media Signing as it is recorded: each GOP by a SEI before the next one's second picture."""

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from agent.core.errors import EdgeAgentError
from agent.trust.evidence import h264, tlv
from agent.trust.evidence.h264 import Kind, Unit
from agent.trust.evidence.jws import SIGNING, Signer
from agent.trust.evidence_keys import der_of, pem_of

_START_CODE = b"\0\0\0\1"
_QUICK_S = 0.02
"""A key in a file takes less for a signature, and signs each GOP."""
_LONGEST_NS = 5_000_000_000
"""A GOP that is longer is signed in parts, as the standard recommends."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What each SEI says of the device. The certificate is what counts; these are for players to show."""

    version: str
    serial: str
    manufacturer: str


class GopSigner:
    """Signs one H.264 stream. A call takes as long as a signature takes, once a GOP. Not for more than one thread."""

    def __init__(self, key: Signer, facts: Facts) -> None:
        self._key = key
        self._facts = (facts.version, facts.serial, facts.manufacturer)
        self._x5c: tuple[bytes, ...] = ()
        self._fixed = b""
        self._signed_at = time.monotonic()
        self._hashes: list[bytes] = []
        self._anchor: bytes | None = None
        self._counter = 0
        self._linked = bytes(32)
        self._begin = self._newest = 0
        self._made = b""
        """The newest SEI, until the access unit after the one that it was made at."""
        self._is_signed = True
        self.waiting = 0
        """How many GOPs wait for a signature because the key has failed."""
        self.trouble = ""
        """Why it has failed last."""

    def add(self, units: Sequence[Unit], t_ns: int) -> list[bytes]:
        """Take the NAL units of the next access unit, and return those that are to be written now.

        `t_ns` is when it was captured: UTC, in ns since 1970. Until the first IDR picture nothing can be signed, and
        what comes is returned as it is. When the key fails (EdgeAgentError), or would sign for more than a quarter of
        the time, a later signature covers this GOP too. Signatures of others, such as the camera's, are taken out: a
        stream has one signer.
        """
        kept = [each for each in units if not (each.kind is Kind.SEI and tlv.UUID in each.data)]
        first = next((at for at, each in enumerate(kept) if each.kind is Kind.PICTURE), None)
        if first is None or (self._anchor is None and not kept[first].starts_gop):
            return [each.data for each in kept]
        pictures = [each for each in kept if each.kind is Kind.PICTURE]
        added = self._take_made()
        if pictures[0].starts_gop:
            self._sign(t_ns)
        elif len(self._hashes) + len(pictures) > tlv.MOST_HASHES or t_ns - self._begin > _LONGEST_NS:
            self._sign(t_ns, partial=True)
        self._newest = t_ns
        for each in pictures:
            own = hashlib.sha256(each.data).digest()
            if each.starts_gop:
                self._anchor = own
                self._hashes.append(own)
            else:
                assert self._anchor is not None
                self._hashes.append(hashlib.sha256(self._anchor + own).digest())
        written = [each.data for each in kept]
        return [*written[:first], *added, *written[first:]]

    def finish(self, t_ns: int) -> bytes:
        """Return a SEI, as a byte stream, that signs what has no signature yet; empty if there is nothing. The stream
        ends here: what is added next must begin with an IDR picture."""
        added = self._take_made()
        self._sign(t_ns)
        added += self._take_made() if self._is_signed else []
        self._anchor, self._made, self._is_signed = None, b"", True
        self.put_off()
        return b"".join(_START_CODE + each for each in added)

    def put_off(self) -> None:
        """What comes next is late already: a key that is slow signs it afterwards, with what follows."""
        self._signed_at = time.monotonic()

    def _take_made(self) -> list[bytes]:
        """Return the newest SEI, if it was not written yet. It stands behind the first picture of what follows its own,
        as the reference implementation has it: an excerpt that is cut at a key frame must not begin with a SEI of what
        was cut away. One that could not be signed is covered with what follows."""
        sei, self._made = self._made, b""
        if sei and not self._is_signed:
            self._hashes.append(hashlib.sha256(h264.unescape(sei)).digest())
        return [sei] if sei else []

    def _sign(self, t_ns: int, *, partial: bool = False) -> None:
        """Make the SEI of what was added since the one before; the next one begins at `t_ns`."""
        hashes, begin, self._begin = self._hashes, self._begin, t_ns
        self._hashes = []
        if not hashes:
            return
        self._counter += 1
        general = tlv.General(
            self._counter,
            tlv.ticks_of(begin),
            tlv.ticks_of(self._newest),
            len(hashes),
            hashlib.sha256(b"".join(hashes)).digest(),
            self._linked,
            partial,
        )
        self._linked = hashes[0]
        if self._x5c != self._key.x5c:  # at first, and when it was renewed
            self._x5c = self._key.x5c
            self._fixed = tlv.fixed_fields(pem_of(self._x5c), self._facts)
        moment = time.monotonic()
        if self._key.seconds < _QUICK_S or moment - self._signed_at >= SIGNING * self._key.seconds:
            try:
                self._made = tlv.build(general, hashes, self._fixed, lambda content: der_of(self._key(content)))
            except EdgeAgentError as error:
                self.trouble = str(error)
            else:
                self._is_signed, self.waiting, self._signed_at = True, 0, time.monotonic()
                return
        self.waiting += 1
        self._is_signed, self._made = False, tlv.build(general, hashes, self._fixed, None)
