"""Alters signed recordings in ways that a forger, or a bad disk, would."""

import random
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from itertools import pairwise

from agent.trust.evidence.h264 import Kind, Unit
from edge_centre.evidence.media_signing.verdict import Result
from edge_centre.evidence.mp4 import Mp4
from tests.support.signed_media import (
    has_signature,
    judged,
    mp4,
    samples,
    signed,
    signing,
    stream,
    without_signatures,
)


@dataclass(frozen=True)
class Alteration:
    """What was done, the samples after it, and in which of them the first wrong place must lie."""

    name: str
    samples: list[bytes]
    begin: int
    end: int


class Film:
    """The samples of a signed recording. Each method alters a copy; a cut at the beginning or at the end is no
    alteration, since what is left proves itself."""

    def __init__(self, samples: Sequence[bytes], foreign: Sequence[bytes], codec: bytes = b"avc1") -> None:
        self._samples = list(samples)
        self._foreign = [each for each in foreign if self._pictures(each, codec)]
        self._codec = codec
        self._starts = [at for at, each in enumerate(samples) if any(u.starts_gop for u in self._pictures(each, codec))]

    def alterations(self, chance: random.Random) -> Iterator[Alteration]:
        """Yield alterations for ever, of each kind in turn."""
        kinds = (
            *(self.flip, self.flip_signature, self.remove, self.swap, self.repeat, self.insert, self.replace),
            *(self.strip, self.remove_gop, self.swap_gops, self.repeat_gop, self.insert_gop, self.reverse_gops),
        )
        while True:
            for kind in kinds:
                yield kind(chance, list(self._samples))

    def flip(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = chance.choice([at for at, each in enumerate(made) if self._pictures(each, self._codec)])
        made[at] = _flipped(chance, made[at], self._pictures(made[at], self._codec))
        # A flip in a header may turn a picture into something else: then it is missing before the one that follows.
        return Alteration("a bit of a picture flipped", made, at, at + 1)

    def flip_signature(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = self._any(chance, signed=True)
        made[at] = _flipped(chance, made[at], _units(made[at], self._codec, Kind.SEI))
        return Alteration("a bit of a signature flipped", made, self._signed_by(at), at + 1)

    def remove(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = self._any(chance, signed=False)
        del made[at]
        return Alteration("a picture removed", made, at - 1, at + 1)

    def swap(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = chance.randrange(len(made) - 2)
        made[at : at + 2] = made[at + 1], made[at]
        return Alteration("two pictures swapped", made, at, at + 2)

    def repeat(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = chance.choice([at for at, each in enumerate(made) if self._pictures(each, self._codec)])
        made.insert(at, made[at])
        return Alteration("a picture repeated", made, at, at + 2)

    def insert(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = chance.randrange(1, len(made) - 1)  # a GOP that begins behind the last picture is the next one, unproven
        made.insert(at, chance.choice(self._foreign))
        return Alteration("a foreign picture inserted", made, at, at + 2)

    def replace(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = self._any(chance, signed=False)
        made[at] = chance.choice([each for each in self._foreign if each != made[at]])
        return Alteration("a picture replaced", made, at, at + 1)

    def strip(self, chance: random.Random, made: list[bytes]) -> Alteration:
        at = self._any(chance, signed=True)
        made[at] = without_signatures(made[at])
        return Alteration("a signature taken away", made, self._signed_by(at), at + 1)

    def remove_gop(self, chance: random.Random, made: list[bytes]) -> Alteration:
        # Without the one behind the first, what is left may be the recording from there on.
        number = chance.randrange(2, len(self._starts) - 1)
        begin, end = self._starts[number : number + 2]
        del made[begin:end]
        return Alteration("a GOP removed", made, self._starts[number - 1], begin + 1)

    def swap_gops(self, chance: random.Random, made: list[bytes]) -> Alteration:
        number = chance.randrange(1, len(self._starts) - 2)
        a, b, c = self._starts[number : number + 3]
        made[a:c] = [*made[b:c], *made[a:b]]
        return Alteration("two GOPs swapped", made, self._starts[number - 1], c + 1)

    def repeat_gop(self, chance: random.Random, made: list[bytes]) -> Alteration:
        number = chance.randrange(1, len(self._starts) - 1)
        begin, end = self._starts[number : number + 2]
        made[end:end] = made[begin:end]
        return Alteration("a GOP repeated", made, self._starts[number - 1], 2 * end - begin + 1)

    def insert_gop(self, chance: random.Random, made: list[bytes]) -> Alteration:
        number = chance.randrange(len(self._starts) - 2)  # behind the last signature nobody could tell
        begin, end = self._starts[number : number + 2]
        made[end:end] = [bare for each in made[begin:end] if (bare := without_signatures(each))]
        return Alteration("a GOP repeated without its signature", made, begin, 2 * end - begin + 1)

    def reverse_gops(self, chance: random.Random, made: list[bytes]) -> Alteration:
        first = chance.randrange(len(self._starts) - 3)
        gops = [made[a:b] for a, b in pairwise(self._starts[first:])]
        made[self._starts[first] : self._starts[-1]] = [each for gop in reversed(gops) for each in gop]
        return Alteration("GOPs in reverse", made, self._starts[max(first - 1, 0)], len(made))

    def _any(self, chance: random.Random, *, signed: bool) -> int:
        """Some sample that has a signature, but not the last one of them, or some picture that has none."""
        found = [at for at, each in enumerate(self._samples) if has_signature(each) == signed]
        return chance.choice(found[:-1] if signed else found)

    def _signed_by(self, at: int) -> int:
        """Where the GOP begins that the signature in this sample covers."""
        return self._starts[max(bisect_right(self._starts, at) - 2, 0)]

    @staticmethod
    def _pictures(sample: bytes, codec: bytes) -> list[Unit]:
        return _units(sample, codec, Kind.PICTURE)


def _units(sample: bytes, codec: bytes, kind: Kind) -> list[Unit]:
    return [each for each in Mp4.read(BytesIO(mp4([sample], codec=codec))).units() if each.kind is kind]


def _flipped(chance: random.Random, sample: bytes, inside: list[Unit]) -> bytes:
    """A sample with a bit flipped in one of these units."""
    chosen = chance.choice(inside).data
    begin = sample.index(chosen)
    altered = bytearray(sample)
    altered[chance.randrange(begin, begin + len(chosen))] ^= 1 << chance.randrange(8)
    return bytes(altered)


def missed(altered: Alteration, ca: str, codec: bytes = b"avc1") -> str | None:
    """Why an alteration was not found, or not where it is; None if it was."""
    file = mp4(altered.samples, codec=codec)
    verdict = judged(file, ca)
    if verdict.result not in (Result.MISSING, Result.NOT_AUTHENTIC) or verdict.first is None:
        return f"{altered.name}: {verdict.result.value}"
    places = list(Mp4.read(BytesIO(file)).samples())
    begin = places[max(altered.begin, 0)].offset
    end = places[min(altered.end, len(places)) - 1]
    if not (verdict.first.place.offset < end.offset + end.size and verdict.first.place.end > begin):
        where = f"not from {begin} to {end.offset + end.size}"
        return f"{altered.name}: {verdict.first.text}: {verdict.first.place}, {where}"
    return None


STILL = ("dark", "frozen", "still")


def nothing_moves(kind: str, gops: Sequence[int], seed: int = 3) -> list[bytes]:
    """The signed samples of footage in which all key frames are the same. `dark`: all GOPs are, as far as they go;
    `frozen`: within a GOP it begins again each 4 pictures, as the numbers of frames do; `still`: there is noise in what
    is not a key frame."""
    key, *others = stream(seed, (max(gops),))
    made, noise = [], iter(stream(seed + 1, (1 + sum(gops),))[1:])
    for count in gops:
        follow = {"dark": others, "frozen": others[:4] * count, "still": [next(noise) for _ in range(count - 1)]}[kind]
        made += [key, *follow[: count - 1]]
    return samples(signed(made, signing().signer()))


@cache
def still_film(kind: str, seed: int) -> Film:
    """What is altered in the dark: of GOPs as long as each other, or not."""
    chance = random.Random(seed)
    gops = [5] * 8 if seed % 2 else [chance.randrange(3, 9) for _ in range(8)]
    return Film(nothing_moves(kind, gops, seed), samples(stream(seed + 99)))
