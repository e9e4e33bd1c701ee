"""What an MP4 has a player do with signed pictures is named, and is no part of what is called authentic."""

from io import BytesIO
from pathlib import Path

import pytest

from agent.trust.evidence.h264 import Kind
from edge_centre.__main__ import main
from edge_centre.evidence.media_signing.verdict import Result
from edge_centre.evidence.mp4 import Mp4
from edge_centre.evidence.remux import indexed, plain_mp4
from tests.support.altered_container import (
    FILLER,
    excerpts,
    film_in_fragments,
    fragment_edits,
    said,
    unnamed_edits,
    verdict_on,
    with_sei,
)
from tests.support.signed_media import signing, vector


@pytest.mark.parametrize("reordered", [0, 2])
def test_our_own_films_and_excerpts_of_them_are_shown_as_they_were_recorded(reordered: int) -> None:
    film = film_in_fragments(reordered)
    for each in (film, indexed(film), plain_mp4(film), *excerpts(film), *excerpts(plain_mp4(film))):
        found = verdict_on(each)
        assert (found.result, said(found)) == (Result.AUTHENTIC, "")


def test_a_camera_that_fills_up_its_bit_rate_is_not_called_shown_otherwise() -> None:
    assert verdict_on(with_sei(plain_mp4(film_in_fragments()), FILLER)).changes == ()


@pytest.mark.parametrize("kind", ["h264", "h265"])
def test_the_films_of_onvif_are_shown_as_they_were_recorded(kind: str) -> None:
    found = verdict_on(vector(f"test_signed_{kind}.mp4").read_bytes(), vector("ca.pem").read_text())
    assert (found.result, found.changes) == (Result.AUTHENTIC, ())


def test_a_court_is_told_how_a_player_is_made_to_show_something_else() -> None:
    count, missed = unnamed_edits()
    assert count > 30
    assert missed == []


def test_a_court_is_not_shown_pictures_that_somebody_has_put_into_a_message() -> None:
    film = plain_mp4(film_in_fragments())
    pictures = b"\0\0\0\1\x67" + b"\1" * 5 + b"\0\0\1\x65" + b"\1" * 6
    message = b"\6\5" + bytes([16 + len(pictures)]) + b"\1" * 16 + pictures + b"\x80"
    movie = Mp4.read(BytesIO(film))
    signatures = [unit for unit in movie.units() if unit.kind is Kind.SEI][1:]
    # One that is as long without its end: no byte there is written only so that no start code arises.
    signature = next(each for each in signatures if b"\0\0\3" not in each.data[-43:])
    following = next(each.time for each in movie.samples() if each.time > signature.time)
    again = [
        with_sei(film, signature.data[:-41] + bytes([*each, 0x80]), following) for each in (b"\1" * 40, pictures * 2)
    ]
    found = [verdict_on(each).result for each in (with_sei(film, message), *again)]
    assert found == [Result.NOT_AUTHENTIC, Result.AUTHENTIC, Result.NOT_AUTHENTIC]


def test_whoever_checks_reads_it_and_the_exit_code_is_not_that_of_the_whole(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film, ca = tmp_path / "film.mp4", tmp_path / "ca.pem"
    ca.write_text(signing().ca)
    edits = {what: file for what, file, _ in fragment_edits(film_in_fragments())}
    film.write_bytes(edits["mirrored"])
    assert main(["evidence", "verify", str(film), "--ca", str(ca)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("AUTHENTIC, SHOWN OTHERWISE")
    assert "Shown otherwise: it is mirrored." in lines
