"""Signed recordings for tests: a made-up stream, a writer of MP4 files, and ways to alter what is in them.

The pictures are made up: their headers are right and the rest is noise, which is enough for whoever hashes them.
"""

import os
import random
import struct
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from agent.evidence.media_sign import Facts, GopSigner
from agent.trust.evidence import h264
from agent.trust.evidence.tlv import UUID
from edge_centre.authority import Authority, Revoked, new_key
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Verdict
from edge_centre.evidence.media_signing.verify import verify
from edge_centre.evidence.mp4 import Mp4

ROOT = Path(__file__).parents[2]
BEGAN = datetime(2026, 11, 20, 9, tzinfo=UTC)
BEGAN_NS = int(BEGAN.timestamp()) * 10**9
FRAME_NS = 200_000_000
FACTS = Facts("1.0", "kiosk-0042", "edge-agent")


def vector(name: str) -> Path:
    """One of ONVIF's own test files. They lie beside the checkout, in `../shared/data/onvif-media-signing`, or where
    EDGE_TEST_MEDIA_SIGNING says."""
    own = os.environ.get("EDGE_TEST_MEDIA_SIGNING")
    path = (Path(own) if own else ROOT.parent / "shared" / "data" / "onvif-media-signing") / name
    if not path.exists():
        pytest.skip(f"needs ONVIF's test file {path}")
    return path


class Signing:
    """A device's key, and the authority that has certified it, from the day before the recording on."""

    def __init__(self, began: datetime = BEGAN) -> None:
        self.key = new_key()
        authority = Authority.root("device", "evidence", began)
        own = authority.device(self.key.public_key(), "gp/jhb-park-station/kiosk-0042", now=began)
        self.certificates = [own.public_bytes(Encoding.DER)]
        self.x5c = tuple(self.certificates)
        revoked = authority.revocation_list([Revoked(own.serial_number, began + timedelta(days=1))], 1)
        self.revoked = revoked.decode()
        """A list that says that the key was stolen the day after."""
        self.ca = authority.certificate.public_bytes(Encoding.PEM).decode()

    seconds = 0.0

    def __call__(self, content: bytes) -> bytes:
        r, s = decode_dss_signature(self.key.sign(content, ec.ECDSA(SHA256())))
        return r.to_bytes(32) + s.to_bytes(32)

    def signer(self) -> GopSigner:
        return GopSigner(self, FACTS)


@cache
def signing() -> Signing:
    """The one of all tests that need no other."""
    return Signing()


def picture(chance: random.Random, *, idr: bool = False, slices: int = 1, size: int = 60) -> bytes:
    """An access unit as a byte stream; noise with zeros in it, so that something must be escaped."""
    units = [b"\x09\xf0", *([b"\x67\x42\x00\x1e\xab", b"\x68\xce\x38\x80"] if idr else [])]
    for number in range(slices):
        noise = bytes(chance.choice((0, 0, 1, 3, chance.randrange(256))) for _ in range(chance.randrange(20, size)))
        units.append(bytes([0x65 if idr else 0x41, 0x40 if number else 0x88]) + h264.escape(noise + b"\x80"))
    return b"".join(b"\0\0\0\1" + each for each in units)


def stream(seed: int = 0, gops: Sequence[int] = (6, 5, 7, 5, 6), slices: int = 1) -> list[bytes]:
    """Access units of GOPs with so many pictures each."""
    chance = random.Random(seed)
    return [picture(chance, idr=not at, slices=slices) for count in gops for at in range(count)]


def added(signer: GopSigner, access_unit: bytes, t_ns: int) -> bytes:
    """An access unit as a byte stream, with what the signer has put into it."""
    return b"".join(b"\0\0\0\1" + each for each in signer.add(h264.units(access_unit), t_ns))


def signed(
    access_units: Sequence[bytes], signer: GopSigner, began_ns: int = BEGAN_NS, step_ns: int = FRAME_NS
) -> list[bytes]:
    """The same with signatures; the end is signed too, in an access unit of its own."""
    written = [added(signer, unit, began_ns + at * step_ns) for at, unit in enumerate(access_units)]
    return [*written, signer.finish(began_ns + len(access_units) * step_ns)]


def samples(access_units: Sequence[bytes]) -> list[bytes]:
    """Access units as an MP4 file has them: each NAL unit behind its length."""
    return [
        b"".join(len(each.data).to_bytes(4) + each.data for each in h264.units(access_unit))
        for access_unit in access_units
    ]


@cache
def recording() -> tuple[bytes, ...]:
    """The samples of a signed recording of five GOPs."""
    return tuple(samples(signed(stream(), signing().signer())))


def samples_of(file: bytes) -> list[bytes]:
    """The samples of an MP4 file."""
    return [file[each.offset : each.offset + each.size] for each in Mp4.read(BytesIO(file)).samples()]


def box(kind: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), kind) + body


def mp4(pictures: Sequence[bytes], *, codec: bytes = b"avc1", fragment: int = 0) -> bytes:
    """An MP4 file of these samples, 5 a second; fragmented, with so many samples in a fragment, if that is not 0."""
    configuration = (
        (b"avcC", b"\1\x42\0\x1e\xff\xe0\0") if codec == b"avc1" else (b"hvcC", b"\1" + bytes(20) + b"\xff\0")
    )
    sizes = [] if fragment else [len(each) for each in pictures]
    head = box(b"ftyp", b"isom\0\0\2\0isom")
    tables = (
        box(b"stsd", bytes(4), struct.pack(">I", 1), box(codec, bytes(78), box(*configuration))),
        box(b"stts", bytes(4), struct.pack(">III", 1, len(sizes), 1)),
        box(b"stsc", bytes(4), struct.pack(">IIII", 1, 1, len(sizes), 1)),
        box(b"stsz", bytes(8), struct.pack(f">I{len(sizes)}I", len(sizes), *sizes)),
        box(b"stco", bytes(4), struct.pack(">II", 1, len(head) + 8)),
    )
    track = box(
        b"trak",
        box(b"tkhd", b"\0\0\0\1", bytes(8), struct.pack(">I", 1), bytes(68)),
        box(
            b"mdia",
            box(b"mdhd", bytes(12), struct.pack(">III", 5, 0, 0)),
            box(b"hdlr", bytes(8), b"vide", bytes(13)),
            box(b"minf", box(b"stbl", *tables)),
        ),
    )
    extends = box(b"mvex", box(b"trex", bytes(4), struct.pack(">IIIII", 1, 1, 1, 0, 0))) if fragment else b""
    movie = box(b"moov", box(b"mvhd", bytes(100)), track, extends)
    if not fragment:
        return head + box(b"mdat", *pictures) + movie
    return head + movie + b"".join(_fragments(pictures, fragment))


def _fragments(pictures: Sequence[bytes], each: int) -> Iterator[bytes]:
    for at in range(0, len(pictures), each):
        inside = pictures[at : at + each]
        sizes = struct.pack(f">{len(inside)}I", *map(len, inside))
        run_flags, track_flags = struct.pack(">I", 0x201), struct.pack(">I", 0x20000)
        size = 8 + 16 + 8 + 16 + 20 + 8 + 12 + len(sizes)
        run = box(b"trun", run_flags, struct.pack(">II", len(inside), size + 8), sizes)
        decode = box(b"tfdt", b"\1\0\0\0", struct.pack(">Q", at))
        track = box(b"traf", box(b"tfhd", track_flags, struct.pack(">I", 1)), decode, run)
        head = box(b"moof", box(b"mfhd", bytes(8)), track)
        assert len(head) == size
        yield head + box(b"mdat", *inside)


def judged(file: bytes, ca: str | None = None) -> Verdict:
    """The verdict on an MP4 file; by the authority of `signing` if none is given."""
    return verify(Mp4.read(BytesIO(file)).units(), Trust(signing().ca if ca is None else ca))


def has_signature(sample: bytes) -> bool:
    return UUID in sample


def without_signatures(sample: bytes) -> bytes:
    """A sample without its signatures."""
    return b"".join(each for each in _split(sample) if UUID not in each)


def signed_before(pictures: Sequence[bytes]) -> list[bytes]:
    """The same samples as older devices signed them: a signature stood before the first picture of what followed
    its own. It covered the same."""
    made = [without_signatures(each) for each in pictures]
    for at, each in enumerate(pictures):
        signatures = b"".join(unit for unit in _split(each) if UUID in unit)
        if made[at]:
            made[max(at - 1, 0)] = signatures + made[max(at - 1, 0)]
        else:
            made[at] = signatures  # the closing one
    return made


def _split(sample: bytes) -> Iterator[bytes]:
    begin = 0
    while begin < len(sample):
        end = begin + 4 + int.from_bytes(sample[begin : begin + 4])
        yield sample[begin:end]
        begin = end
