"""Uploaded segments against the manifest of their clip, and by themselves."""

import json
import shutil
import struct
from pathlib import Path

import av
import pytest

from agent.core.camera.recorder_link import UploadSpec
from agent.recorder.segments import Part, Segments
from agent.trust.evidence.fragment import Fragment
from edge_centre.__main__ import main
from edge_centre.evidence.remux import without_index
from edge_centre.evidence.segments import pieces
from tests.cli.test_evidence_case import Office
from tests.support.altered_container import Container


class Case:
    """A folder with the segments of a clip, as a store gives them, and its manifest."""

    def __init__(self, directory: Path) -> None:
        self.office = Office(directory)
        self.ca = str(self.office.recording.authority.ca)
        self.clip = self.office.clip.stem
        out = directory / "opened"
        more = ("--key", str(self.office.key_file), "--out", str(out), "--by", "me")
        assert self._run("export", self.office.clip, *more) == 0
        init, *fragments = pieces(without_index((out / f"{self.clip}.mp4").read_bytes())[0])
        manifest = self.office.clip.with_suffix(".manifest")
        lines = [json.loads(line) for line in manifest.read_bytes().splitlines()]
        at = [line for line in lines if "index" in line and line.get("kind") == "fragment"]
        now = self.office.recording.clock.wall
        self.parts = [
            Part(Fragment(line["index"], False, data, line["begin_ns"], line["end_ns"], now, now), True)
            for line, data in zip(at, fragments, strict=True)
        ]
        spool = directory / "spool"
        segments = Segments("front", UploadSpec(directory=str(spool), bytes=10**9, clips=("alarm",)))
        segments.begin(self.clip, {"alarm": "a-1"}, init, self.parts[:4])
        for each in self.parts[4:]:
            segments.add(self.clip, each)
        segments.end(self.clip)
        self.folder = directory / "case"
        shutil.copytree(spool, self.folder / "2026-11-27")
        shutil.copy(manifest, self.folder)
        shutil.copy(manifest.with_name("chain.jsonl"), self.folder)

    def _run(self, action: str, path: Path, *more: str) -> int:
        return main(["evidence", action, str(path), "--ca", self.ca, *more])

    def export(self, out: Path) -> int:
        return self._run("export", self.folder, "--out", str(out), "--by", "me")

    def verify(self, path: Path | None = None) -> int:
        return self._run("verify", path or self.folder)

    @property
    def segments(self) -> list[Path]:
        return sorted(each for each in self.folder.rglob("*.mp4") if each.stat().st_size)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def test_segments_with_the_manifest_of_their_clip_are_authentic(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    assert len(case.segments) >= 2
    assert case.verify() == 0, capsys.readouterr().out


def test_a_segment_that_never_came_is_missing(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    case.segments[-1].unlink()
    assert case.verify() == 1
    assert "authentic with missing" in capsys.readouterr().out


def test_a_segment_that_was_altered_is_found(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    victim = case.segments[0]
    content = bytearray(victim.read_bytes())
    content[-10] ^= 1
    victim.write_bytes(content)
    assert case.verify() == 1
    assert "not authentic" in capsys.readouterr().out


def test_an_altered_init_segment_is_found_in_whichever_it_is(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    victim = case.segments[1]
    content = bytearray(victim.read_bytes())
    content[60] ^= 1
    victim.write_bytes(content)
    assert case.verify() == 1
    assert "not authentic\n" in (said := capsys.readouterr().out)
    assert victim.name in said


def test_what_belongs_to_another_clip_is_no_matter_of_this_one(case: Case) -> None:
    (case.folder / "other.mp4").write_bytes(case.office.key_file.read_bytes())
    assert case.verify() == 0


def test_segments_without_a_manifest_prove_themselves_together(case: Case, capsys: pytest.CaptureFixture[str]) -> None:
    for each in (*case.folder.glob("*.manifest"), case.folder / "chain.jsonl"):
        each.unlink()
    assert case.verify() == 4, capsys.readouterr().out
    assert "AUTHENTIC, ALONE" in capsys.readouterr().out
    case.segments[0].unlink()
    assert case.verify() in {4, 1}, "what was before the first is not missed"
    content = bytearray(case.segments[0].read_bytes())
    content[-100] ^= 1
    case.segments[0].write_bytes(content)
    assert case.verify() == 1


def test_a_part_that_is_mirrored_by_its_own_header_is_not_called_as_it_was_signed(
    case: Case, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for each in (*case.folder.glob("*.manifest"), case.folder / "chain.jsonl"):
        each.unlink()
    victim = case.segments[1]
    mirror = struct.pack(">9i", -0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
    head = (b"moov", b"trak", b"tkhd")
    victim.write_bytes(Container(victim.read_bytes()).having(*head, change=lambda c: c[:40] + mirror + c[76:]))
    assert case.verify() == 2
    assert "do not begin alike" in capsys.readouterr().err
    assert case.export(tmp_path / "case-19") == 1
    assert "do not begin alike" in capsys.readouterr().err
    assert not (tmp_path / "case-19").exists()


def test_segments_of_a_kiosk_that_was_smashed_are_exported_as_one_film(case: Case, tmp_path: Path) -> None:
    for each in (*case.folder.glob("*.manifest"), case.folder / "chain.jsonl"):
        each.unlink()
    out = tmp_path / "case-18"
    assert case.export(out) == 4
    film = out / f"{case.folder.name}-plain.mp4"
    assert case.verify(film) == 0
    with av.open(str(film)) as container:
        assert len(list(container.decode(video=0))) == 37, "40 but for those behind the last signature"


def test_a_part_whose_own_signature_is_in_a_later_one_is_not_called_altered_alone(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    init, first, *_ = pieces(case.segments[1].read_bytes())
    alone = case.folder.parent / "alone.mp4"
    alone.write_bytes(init + first)
    assert case.verify(alone) == 1
    said = capsys.readouterr().out
    assert "whose own signature is in a later one. Verify all parts together" in said
    assert "This is not what was signed" not in said


def test_a_segment_whose_manifest_was_smashed_with_the_kiosk_proves_itself(
    case: Case, capsys: pytest.CaptureFixture[str]
) -> None:
    alone = case.folder.parent / "alone.mp4"
    shutil.copy(case.segments[1], alone)
    assert case.verify(alone) == 0, capsys.readouterr().out
