"""Each of many random alterations is found, and the place named; what was not altered is never refused."""

import os
import random
from collections.abc import Sequence
from itertools import islice

import pytest

from edge_centre.evidence.media_signing.verdict import Result
from tests.support.altered_media import STILL, Film, missed, nothing_moves, still_film
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


@pytest.mark.parametrize("kind", STILL)
def test_a_court_sees_what_was_cut_or_turned_round_where_nothing_moves_in_the_picture(kind: str) -> None:
    for seed in (1, 2):
        made = islice(still_film(kind, seed).alterations(random.Random(_SEED)), _ALTERATIONS)
        assert [why for each in made if (why := missed(each, signing().ca))] == []


@pytest.mark.parametrize("kind", STILL)
def test_an_honest_recording_in_which_nothing_moves_is_not_refused_nor_is_an_excerpt(kind: str) -> None:
    chance = random.Random(5)
    for seed in range(10):
        gops = [chance.randrange(2, 9) for _ in range(chance.randrange(3, 9))]
        made, starts = nothing_moves(kind, gops, seed), [sum(gops[:at]) for at in range(len(gops) + 1)]
        assert judged(mp4(made)).result is Result.AUTHENTIC
        first = chance.randrange(len(gops) - 2)
        last = chance.randrange(first + 2, len(gops) + 1)
        excerpt = judged(mp4(made[starts[first] : starts[last]]))
        assert (excerpt.result, excerpt.begins_at) == (Result.AUTHENTIC, first + 1)
