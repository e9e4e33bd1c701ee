"""Each of many random alterations is found, and the place named; what was not altered is never refused."""

import os
import random
from collections.abc import Sequence
from io import BytesIO
from itertools import islice

import pytest

from agent.evidence.media_signing.verdict import Result
from agent.evidence.mp4 import Mp4
from tests.support.altered_media import Alteration, Film
from tests.support.signed_media import (
    judged,
    mp4,
    recording,
    samples,
    samples_of,
    signed,
    signing,
    stream,
    vector,
)

_ALTERATIONS = int(os.environ.get("EDGE_TEST_ALTERATIONS", "60"))
_SEED = int(os.environ.get("EDGE_TEST_SEED", "7"))


def missed(altered: Alteration, ca: str, codec: bytes = b"avc1") -> str | None:
    """Why an alteration was not found, or not where it is; None if it was."""
    file = mp4(altered.samples, codec=codec)
    verdict = judged(file, ca)
    if verdict.result in (Result.AUTHENTIC, Result.NOT_SIGNED) or verdict.first is None:
        return f"{altered.name}: {verdict.result.value}"
    places = list(Mp4.read(BytesIO(file)).samples())
    begin = places[max(altered.begin, 0)].offset
    end = places[min(altered.end, len(places)) - 1]
    if not (verdict.first.place.offset < end.offset + end.size and verdict.first.place.end > begin):
        return (
            f"{altered.name}: {verdict.first.text}: {verdict.first.place}, not from {begin} to {end.offset + end.size}"
        )
    return None


def all_missed(pictures: Sequence[bytes], foreign: Sequence[bytes], ca: str, codec: bytes = b"avc1") -> list[str]:
    made = islice(Film(pictures, foreign, codec).alterations(random.Random(_SEED)), _ALTERATIONS)
    return [why for each in made if (why := missed(each, ca, codec))]


def test_alterations_of_our_recordings_are_found() -> None:
    assert all_missed(recording(), samples(stream(99)), signing().ca) == []


@pytest.mark.parametrize(("kind", "codec"), [("h264", b"avc1"), ("h265", b"hvc1")])
def test_alterations_of_a_recording_by_another_maker_are_found(kind: str, codec: bytes) -> None:
    own = samples_of(vector(f"test_signed_{kind}.mp4").read_bytes())
    foreign = samples_of(vector(f"test_{kind}.mp4").read_bytes())
    # The same film before it was signed: pictures of it are foreign where they do not belong.
    assert all_missed(own, foreign, vector("ca.pem").read_text(), codec) == []


def test_untouched_recordings_are_never_refused() -> None:
    chance = random.Random(3)
    for seed in range(30):
        gops = [chance.randrange(1, 9) for _ in range(chance.randrange(1, 6))]
        made = samples(signed(stream(seed, gops, chance.randrange(1, 4)), signing().signer()))
        assert judged(mp4(made, fragment=seed % 3)).result is Result.AUTHENTIC
