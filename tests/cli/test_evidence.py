"""`edge-centre evidence verify`: a verdict in sentences or as JSON, and an exit code."""

import json
from pathlib import Path

import pytest

from edge_centre.__main__ import main
from edge_centre.evidence.media_signing import apart
from tests.support.signed_media import Signing, mp4, recording, samples, signing, stream


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    path = tmp_path / "ca.pem"
    path.write_text(signing().ca)
    return path


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "street.mp4"
    path.write_bytes(mp4(recording()))
    return path


def test_an_authentic_recording_exits_with_0_and_says_what_is_proven(
    film: Path, ca: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evidence", "verify", str(film), "--ca", str(ca)]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    lines = said.out.splitlines()
    assert lines[1:3] == [
        "AUTHENTIC",
        "All pictures from 0:00:00.000 to 0:00:05.600 are as they were signed, in their order, and none is missing.",
    ]
    assert "Recorded from 2026-11-20 09:00:00 to 2026-11-20 09:00:05 UTC, as the signer says." in lines
    assert "covers no sound, no parameter sets" in lines[-1]
    assert "the file has delimiters (29), parameter sets (10)." in lines[-1]


def test_a_folder_that_somebody_handed_in_runs_nothing_of_its_own(
    film: Path, ca: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "handed in"
    for package in ("agent", "edge_centre"):
        (folder / package).mkdir(parents=True)
        (folder / package / "__init__.py").write_text("import pathlib; pathlib.Path('ran').touch()\n")
    monkeypatch.chdir(folder)
    assert main(["evidence", "verify", str(film), "--ca", str(ca)]) == 0
    assert not Path("ran").exists()


def test_an_altered_recording_exits_with_1_and_names_the_place(
    film: Path, ca: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = bytearray(film.read_bytes())
    at = content.index(recording()[8]) + 20
    content[at] ^= 4
    film.write_bytes(content)
    assert main(["evidence", "verify", str(film), "--ca", str(ca)]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["NOT AUTHENTIC", "This is not what was signed."]
    begin = at - 10
    assert lines[3].startswith(f"First wrong place: bytes {begin} to ")
    assert lines[3].endswith("at 0:00:01.600, picture (NAL unit type 1): 1 piece of a picture altered or replaced.")


def test_json_has_the_verdict_and_every_place(film: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evidence", "verify", str(film), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert (said["verdict"], said["findings"], said["signed_stretches"]) == ("signer not checked", [], 5)
    pictures = list(recording())
    del pictures[8], pictures[3]
    film.write_bytes(mp4(pictures))
    assert main(["evidence", "verify", str(film), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [(each["fault"], round(each["time_s"], 3)) for each in said["findings"]] == [
        ("missing", 0.6),
        ("missing", 1.4),
    ]


def test_a_recording_without_signatures_says_what_that_means(
    film: Path, ca: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    film.write_bytes(mp4(samples(stream())))
    assert main(["evidence", "verify", str(film), "--ca", str(ca)]) == 1
    assert "NOT SIGNED\nThere is no signature in this file" in capsys.readouterr().out


def test_whoever_watches_sees_how_far_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_centre.evidence.media_signing.apart._BETWEEN_S", -1.0)
    apart._progress(200)(74)
    assert capsys.readouterr().err == "\r37 % \r"


def test_another_authority_makes_the_signer_the_only_fault(
    film: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.pem").write_text(Signing().ca)
    assert main(["evidence", "verify", str(film), "--ca", str(tmp_path / "other.pem")]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == ["NOT AUTHENTIC", "The pictures are as they were signed, but the signer can't be trusted."]
    assert lines[3].startswith("The signer is not trusted: no authority that was given has issued")


def test_a_revoked_key_and_another_device_exit_with_1(film: Path, ca: Path, tmp_path: Path) -> None:
    (tmp_path / "device.crl").write_text(signing().revoked)
    call = ["evidence", "verify", str(film), "--ca", str(ca)]
    assert main([*call, "--device", "gp/jhb-park-station/kiosk-0042"]) == 0
    assert main([*call, "--device", "gp/jhb-park-station/kiosk-0043"]) == 1
    assert main([*call, "--revoked", str(tmp_path / "device.crl")]) == 1


@pytest.mark.parametrize(
    "content", [None, b"", b"no film", mp4(recording())[:3000]], ids=["no", "empty", "text", "cut"]
)
def test_what_can_not_be_read_exits_with_2_and_a_line(
    content: bytes | None, tmp_path: Path, ca: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "odd.mp4"
    if content is not None:
        path.write_bytes(content)
    assert main(["evidence", "verify", str(path), "--ca", str(ca)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"edge-centre: {path} can't be read: ")
    assert said.err.count("\n") == 1


def test_a_file_of_authorities_without_certificates_is_a_wrong_call(film: Path, tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("nothing")
    assert main(["evidence", "verify", str(film), "--ca", str(tmp_path / "none.pem")]) == 2
    assert main(["evidence", "verify", str(film), "--ca", str(tmp_path / "absent.pem")]) == 2
