"""What a file has a player do comes into no export: the film is made again of what its signatures cover."""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import av
import pytest

from agent.trust.evidence import h264
from agent.trust.evidence.parameter_sets import ParameterSets
from agent.trust.evidence.sealed_file import ClipError
from edge_centre.__main__ import main
from edge_centre.evidence.media_signing import apart
from edge_centre.evidence.media_signing.verdict import Result
from edge_centre.evidence.mp4 import Mp4
from edge_centre.evidence.presented import sets_of
from edge_centre.evidence.rebuild import rebuilt
from edge_centre.evidence.remux import plain_mp4
from tests.support.altered_container import (
    Container,
    container_edits,
    excerpts,
    film_in_fragments,
    fragment_edits,
    verdict_on,
    with_sps,
)
from tests.support.hostile_media import hostile
from tests.support.recording import encoded
from tests.support.signed_media import samples_of, signing, vector

STSD, STTS = ((b"moov", b"trak", b"mdia", b"minf", b"stbl", each) for each in (b"stsd", b"stts"))
PROVEN = 147
"""Of 150 pictures in groups of 5: those up to the second of the last group, in which the last signature stands."""


def made_again(film: bytes, ca: str | None = None) -> bytes:
    return rebuilt(Mp4.read(BytesIO(film)), verdict_on(film, ca))


def shown(film: bytes) -> Sequence[tuple[float, bytes]]:
    """When each picture is shown, and its first line."""
    with av.open(BytesIO(film)) as container:
        frames = [each for each in container.decode(video=0) if each.time is not None and each.time >= 0]
        return [(round(each.time or 0, 2), bytes(each.planes[0])[: each.width]) for each in frames]


def edited() -> Iterator[tuple[str, bytes]]:
    film = film_in_fragments()
    [sps] = [each.data for each in h264.units(encoded(5, (640, 480))[0][0]) if each.type == 7]
    for what, file, _ in (*container_edits(plain_mp4(film), sps), *fragment_edits(film)):
        yield what, file


def test_what_somebody_has_a_player_do_has_no_effect_on_the_film_that_a_court_is_given() -> None:
    pictures = shown(plain_mp4(film_in_fragments()))[:PROVEN]
    for what, file in edited():
        given = verdict_on(file)
        assert given.result in {Result.OTHERWISE, Result.AUTHENTIC}
        # Nobody has signed them: which is right, nobody can tell.
        if what in {"another size", "other parameter sets", "more parameter sets"}:
            why = "another size than its parameter sets|must have one sequence parameter set"
            with pytest.raises(ClipError, match=why):
                rebuilt(Mp4.read(BytesIO(file)), given)
            continue
        film = rebuilt(Mp4.read(BytesIO(file)), given)
        found = verdict_on(film)
        assert (what, found.result, found.changes, found.beside) == (what, Result.AUTHENTIC, (), ())
        assert (what, shown(film)) == (what, pictures)


@pytest.mark.parametrize("reordered", [0, 2])
def test_a_film_that_nobody_has_edited_is_made_again_as_it_was(reordered: int) -> None:
    film = film_in_fragments(reordered)
    pictures = shown(plain_mp4(film))[: PROVEN - 1]  # the last one is shown later, where others come before it
    for each in (film, plain_mp4(film), *excerpts(plain_mp4(film))):
        assert shown(made_again(each))[: PROVEN - 1] == pictures


def test_pixels_that_somebody_has_cropped_away_are_seen_again() -> None:
    # By hand, after 7.3.2.1.1: profile 66, 20 x 15 blocks; then with a crop of 32 pixels at the left.
    sets = [ParameterSets(bytes.fromhex(each), (b"\x68",)) for each in ("6742001eda0507e4", "6742001eda0507f08f40")]
    assert [(each.size, each.cropped) for each in sets] == [((320, 240), (0, 0)), ((288, 240), (32, 0))]
    assert sets[1].uncropped() == sets[0]
    film = Container(plain_mp4(film_in_fragments())).having(*STSD, change=partial(with_sps, sps=sets[1].sps))
    assert next(iter(sets_of(Mp4.read(BytesIO(made_again(film)))))) == sets[0].sps


def test_what_can_not_be_made_again_is_refused_with_the_reason() -> None:
    with pytest.raises(ClipError, match=r"H\.265"):
        made_again(vector("test_signed_h265.mp4").read_bytes(), vector("ca.pem").read_text())


def test_a_film_that_says_it_lasts_for_days_is_refused_and_breaks_nothing() -> None:
    film = plain_mp4(film_in_fragments())
    longer = Container(film).having(*STTS, change=lambda _: struct.pack(">6I", 0, 2, 100, 18_000, 50, 0xFFFFFFF0))
    found = replace(verdict_on(longer), findings=())  # as of a signer that gives no time
    with pytest.raises(ClipError, match="longer than any recording"):
        rebuilt(Mp4.read(BytesIO(longer)), found)


def test_an_office_waits_for_the_export_of_a_film_no_longer_than_for_its_check(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apart, "_CPU_S", 1.0)
    monkeypatch.setattr(apart, "_CPU_S_EACH_MB", 0.0)
    film, ca = tmp_path / "film.mp4", tmp_path / "ca.pem"
    ca.write_text(signing().ca)
    film.write_bytes(hostile("signatures behind pictures", 8_000_000))
    export = ["evidence", "export", str(film), "--ca", str(ca), "--out", str(tmp_path / "case"), "--by", "A"]
    assert main(export) == 2
    assert "can't be read: refused: checking it takes" in capsys.readouterr().err
    assert not (tmp_path / "case").exists()


def test_an_office_exports_an_edited_film_by_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    film, ca, case = tmp_path / "film.mp4", tmp_path / "ca.pem", tmp_path / "case-18"
    ca.write_text(signing().ca)
    given = {what: file for what, file, _ in fragment_edits(film_in_fragments())}["mirrored"]
    film.write_bytes(given)
    export = ["evidence", "export", str(film), "--ca", str(ca), "--out", str(case), "--by", "Insp. Dlamini"]

    assert main(export) == 1
    assert "Shown otherwise: it is mirrored." in capsys.readouterr().out
    assert (case / "film.mp4").read_bytes() == given
    assert main(["evidence", "verify", str(case / "film-plain.mp4"), "--ca", str(ca)]) == 0
    assert "film-plain.mp4 --ca device-ca.pem" in (case / "HOW-TO-VERIFY.txt").read_text()
    picture = samples_of(given)[42]
    film.write_bytes(given.replace(picture, picture[:-3] + bytes(3)))
    assert main([*export[:-3], str(tmp_path / "other"), *export[-2:]]) == 1
    assert "film.mp4 was not exported, and nothing was written: it is not authentic" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_a_film_that_can_be_verified_and_not_made_again_is_refused_in_words(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, ca = vector("test_signed_h265.mp4"), vector("ca.pem")
    export = ["evidence", "export", str(film), "--ca", str(ca), "--out", str(tmp_path / "case"), "--by", "A"]
    assert main(export) == 1
    said = capsys.readouterr().err
    assert "was not exported, and nothing was written: an H.265 film can be verified, but not rebuilt" in said
