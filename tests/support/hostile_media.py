"""Films that were made to keep a verifier busy, each of about as many bytes as is said."""

import struct
from collections.abc import Callable, Iterator
from functools import partial
from hashlib import sha256

from agent.trust.evidence import tlv
from agent.trust.evidence_keys import der_of, pem_of
from tests.support.signed_media import BEGAN_NS, box, mp4, signing


def _sized(unit: bytes) -> bytes:
    return len(unit).to_bytes(4) + unit


def _sei(number: int, hashes: list[bytes], *, count: int = 1, chain: bytes = b"", is_listed: bool = True) -> bytes:
    ticks = tlv.ticks_of(BEGAN_NS) + number * 10**7
    general = tlv.General(number, ticks, ticks, count, bytes(32), bytes(32))
    fixed = tlv.fixed_fields(chain, ("", "", "")) if chain else b""
    made = hashes if is_listed else [b""] * 3000
    return _sized(tlv.build(general, made, fixed, lambda content: der_of(signing()(content))))


def _pictures(count: int) -> list[bytes]:
    return [_sized(b"\x41\x88" + number.to_bytes(3) + b"\x80") for number in range(count)]


KINDS = (
    "signatures behind pictures",
    "a signature for each picture",
    "pictures that nobody has signed",
    "signatures without lists",
    "long lists",
    "equal hashes",
    "certificates",
    "signatures that do not hold",
    "pieces of one byte",
    "fields",
    "samples of one byte",
    "sizes that lie",
    "boxes",
    "boxes in a fragment",
    "fragments",
    "runs without end",
)


def hostile(kind: str, size: int) -> bytes:
    """Return a film that has too much of something: one of KINDS."""
    chain, key = pem_of(tuple(signing().certificates)), b"\0\0\0\3\x65\x88\x80"
    strange = [bytes([number]) * 32 for number in range(3)]
    first = _sei(1, strange, chain=chain)
    pictures = _pictures(size // 20)

    def many(made: Callable[[int], bytes], part: int) -> list[bytes]:
        """Different ones, again and again, of so many bytes together."""
        rows = [made(number) for number in range(2, 102)]
        return rows * (part // len(b"".join(rows)))

    rows = partial(many, lambda n: _sei(n, strange), size // 2)
    bare = partial(many, lambda n: _sei(n, [], count=60_000, is_listed=False), size // 2)
    long = partial(many, lambda n: _sei(n, [bytes([n]) * 32] * 90), size)
    certified = partial(many, lambda n: _sei(n, strange, chain=chain), size)
    forged = partial(many, lambda n: _sei(n, strange, chain=chain)[:-90] + bytes(89) + b"\x80", size)
    head = box(b"tfhd", struct.pack(">II", 0, 1))
    empty = box(b"moof", box(b"traf", head, box(b"trun", bytes(8))))
    endless = box(b"moof", box(b"traf", head, box(b"trun", struct.pack(">II", 0, 0xFFFFFFFF))))
    made: dict[str, Callable[[], bytes]] = {
        "signatures behind pictures": lambda: mp4([key, b"".join(pictures), first, *rows()]),
        "a signature for each picture": lambda: mp4(
            [key + b"".join(pictures), *_one_each(key, pictures, chain, size // 2)]
        ),
        "pictures that nobody has signed": lambda: mp4([key + first, *_mixed(pictures, rows())]),
        "signatures without lists": lambda: mp4([key + first + b"".join(pictures), *bare()]),
        "long lists": lambda: mp4([key + first, *long()]),
        "equal hashes": lambda: mp4([key + first + _pictures(1)[0] * 20_000, *long()]),
        "certificates": lambda: mp4([key, *certified()]),
        "signatures that do not hold": lambda: mp4([key, *forged()]),
        "pieces of one byte": lambda: mp4([key, b"\0\0\0\1\x41" * (size // 5)]),
        "fields": lambda: mp4([key, _sized(_of_fields(size // 5))]),
        "samples of one byte": lambda: _lying(mp4([key, bytes(size)]), size),
        "sizes that lie": lambda: _lying(mp4([key, bytes(size)]), 0xFFFFFFFF),
        "boxes": lambda: mp4([key]) + box(b"free") * (size // 8),
        "boxes in a fragment": lambda: mp4([key], fragment=1) + box(b"moof", box(b"traf", box(b"free") * (size // 8))),
        "fragments": lambda: mp4([key] * 9, fragment=1) + empty * (size // len(empty)),
        "runs without end": lambda: mp4([key] * 3, fragment=1) + endless + box(b"mdat", bytes(size)),
    }
    return made[kind]()


def _one_each(key: bytes, pictures: list[bytes], chain: bytes, size: int) -> Iterator[bytes]:
    """Signatures of so many bytes together, each of which has one picture more, and besides one that is not there."""
    first, left = sha256(key[4:]).digest(), size
    for number, each in enumerate(pictures, 1):
        linked = sha256(first + sha256(each[4:]).digest()).digest()
        yield (made := _sei(number, [first if number == 1 else bytes(32), linked], chain=chain if number == 1 else b""))
        left -= len(made)
        if left < 0:
            return


def _mixed(pictures: list[bytes], rows: list[bytes]) -> list[bytes]:
    return [b"".join(pictures[at::100]) + b"".join(rows[at::100]) for at in range(100)]


def _lying(film: bytes, count: int) -> bytes:
    """The film, with so many samples of a byte each."""
    altered = bytearray(film)
    struct.pack_into(">II", altered, altered.index(b"stsz") + 8, 1, count)
    struct.pack_into(">I", altered, altered.index(b"stsc") + 16, count)
    return bytes(altered)


def _of_fields(count: int) -> bytes:
    fields = struct.pack(">BHB", 9, 1, 0) * count
    length = len(tlv.UUID) + 1 + len(fields)
    return b"\6\5" + b"\xff" * (length // 255) + bytes([length % 255]) + tlv.UUID + b"\0" + fields + b"\x80"
