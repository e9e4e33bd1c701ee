"""Signs a stream by ONVIF Media Signing while it is recorded: each GOP in a SEI before the next one's first picture."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.adapters.evidence_keys import der_of, pem_of
from agent.core.errors import EdgeAgentError
from agent.evidence import h264
from agent.evidence.h264 import Kind
from agent.evidence.media_signing import tlv

_START_CODE = b"\0\0\0\1"
_LONGEST_NS = 5_000_000_000
"""A GOP that is longer is signed in parts, as the standard recommends."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What each SEI says of the device. The certificate is what counts; these are for players to show."""

    version: str
    serial: str
    manufacturer: str


class GopSigner:
    """Signs one H.264 stream. Each call takes as long as a signature takes, once a GOP. Not for more than one thread.

    `key` signs: it gets what to sign and returns 64 bytes, as a JWS has them (ES256). `certificates` are its own first,
    in DER, without the authority that a verifier must know anyway.
    """

    def __init__(self, key: Callable[[bytes], bytes], certificates: Sequence[bytes], facts: Facts) -> None:
        self._key = key
        self._fixed = tlv.fixed_fields(pem_of(certificates), (facts.version, facts.serial, facts.manufacturer))
        self._hashes: list[bytes] = []
        self._anchor: bytes | None = None
        self._counter = 0
        self._linked = bytes(32)
        self._begin = self._newest = 0
        self._unsigned = b""
        self.waiting = 0
        """How many GOPs wait for a signature because the key has failed."""
        self.trouble = ""
        """Why it has failed last."""

    def add(self, access_unit: bytes, t_ns: int) -> list[bytes]:
        """Take the next access unit, as a byte stream (Annex B), and return what is to be written now.

        `t_ns` is when it was captured: UTC, in ns since 1970. Until the first IDR picture nothing can be signed, and
        what comes is returned as it is. When the key fails (EdgeAgentError), the next signature covers this GOP too.
        Signatures of others, such as the camera's, are taken out: a stream has one signer.
        """
        if tlv.UUID in access_unit:
            access_unit = _without_signatures(access_unit)
        pictures = [each for each in h264.units(access_unit) if each.kind is Kind.PICTURE]
        if not pictures or (self._anchor is None and not pictures[0].starts_gop):
            return [access_unit]
        added = self._take_unsigned()
        if pictures[0].starts_gop:
            added += self._sign(t_ns)
        elif len(self._hashes) + len(pictures) > tlv.MOST_HASHES or t_ns - self._begin > _LONGEST_NS:
            added += self._sign(t_ns, partial=True)
        self._newest = t_ns
        for each in pictures:
            own = hashlib.sha256(each.data).digest()
            if each.starts_gop:
                self._anchor = own
                self._hashes.append(own)
            else:
                assert self._anchor is not None
                self._hashes.append(hashlib.sha256(self._anchor + own).digest())
        before = _start_code_before(access_unit, pictures[0].offset)
        return [access_unit[:before] + added + access_unit[before:]] if added else [access_unit]

    def finish(self, t_ns: int) -> bytes:
        """Return a SEI, as a byte stream, that signs what has no signature yet; empty if there is nothing. The stream
        ends here: what is added next must begin with an IDR picture."""
        added = self._take_unsigned() + self._sign(t_ns)
        self._anchor, self._unsigned = None, b""
        return added

    def _take_unsigned(self) -> bytes:
        """Return the SEI that could not be signed. It stands behind the first picture of the GOP after its own, as the
        reference implementation has it, and is covered with that GOP."""
        sei, self._unsigned = self._unsigned, b""
        if sei:
            self._hashes.append(hashlib.sha256(h264.unescape(sei)).digest())
            return _START_CODE + sei
        return b""

    def _sign(self, t_ns: int, *, partial: bool = False) -> bytes:
        """Return the SEI of what was added since the one before; the next one begins at `t_ns`."""
        hashes, begin, self._begin = self._hashes, self._begin, t_ns
        self._hashes = []
        if not hashes:
            return b""
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
        try:
            sei = tlv.build(general, hashes, self._fixed, lambda content: der_of(self._key(content)))
        except EdgeAgentError as error:
            self.waiting, self.trouble = self.waiting + 1, str(error)
            self._unsigned = tlv.build(general, hashes, self._fixed, None)
            return b""
        self.waiting = 0
        return _START_CODE + sei


def _without_signatures(access_unit: bytes) -> bytes:
    kept = [each.data for each in h264.units(access_unit) if not (each.kind is Kind.SEI and tlv.UUID in each.data)]
    return b"".join(_START_CODE + each for each in kept)


def _start_code_before(access_unit: bytes, offset: int) -> int:
    """Return where the start code of the NAL unit at `offset` begins, which has three or four bytes."""
    return offset - 4 if access_unit[offset - 4 : offset - 3] == b"\0" and offset >= 4 else offset - 3
