"""`edge-centre evidence` on a clip from the card: verified, exported, certified."""

import json
import struct
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from time import process_time

import av
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.evidence.media_sign import Facts, GopSigner
from agent.trust import evidence_keys
from agent.trust.evidence.finding import Finding
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.jws import Signer
from agent.trust.evidence.manifest import read
from agent.trust.evidence.mp4_write import init_segment
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.__main__ import main
from edge_centre.cli.evidence_case import media_of
from edge_centre.evidence.remux import without_index
from edge_centre.evidence.verdict import Verdict, decided
from tests.support.certificates import Authority
from tests.support.made_up_clips import CAMERA, DEVICE, Clock, Recording
from tests.support.recording import encoded, pieces_of
from tests.support.signed_media import box
from tests.support.sim_clock import SimClock
from tests.support.stamping import Stamping


class _Prompt:
    """A device's key that is quick however busy the machine is: a slow one leaves signatures to later pictures."""

    seconds = 0.0

    def __init__(self, key: Signer) -> None:
        self.x5c = key.x5c
        self._key = key

    def __call__(self, content: bytes) -> bytes:
        return self._key(content)


class Office:
    """What an office has of one clip."""

    def __init__(self, directory: Path) -> None:
        self.key_file = directory / "evidence-1.key.json"
        assert main(["keygen", "--evidence", "--out", str(directory)]) == 0
        clock = SimClock()
        wall = Clock(clock.wall(), boot_ns=clock.boottime_ns())
        began = clock.wall()
        self.recording = Recording(
            directory / CAMERA,
            Authority(directory / "ca", began=began),
            EvidenceKey.load(self.key_file),
            clock=wall,
            made=began,
        )
        signer = GopSigner(_Prompt(self.recording.signer), Facts("0.1.0", "kiosk-0042", "edge-agent"))
        pieces = pieces_of(encoded(40), clock, signer)
        wall.wall = clock.wall()
        first = pieces[0].fragment(1, pieces[0].begin_ns)
        init = Fragment(
            0,
            True,
            init_segment(pieces[0].parameters),
            first.begin_ns,
            first.begin_ns,
            first.wall_begin,
            first.wall_begin,
        )
        fragments = [piece.fragment(number, pieces[0].begin_ns) for number, piece in enumerate(pieces, 1)]
        clip = self.recording.begin([init, *fragments[:4]])
        for fragment in fragments[4:]:
            clip.append(fragment)
        clip.picture(b"\xff\xd8 a picture")
        self.recording.clips.end(clip.clip, "over")
        self.recording.heard()
        self.clip = self.recording.directory / f"{clip.clip}.clip"
        self.heads = directory / "heads.jsonl"
        heads = (
            {"device": DEVICE, "camera": CAMERA, "seq": each.head.seq, "head": each.head.digest, "at": str(each.at)}
            for each in self.recording.heads
        )
        self.heads.write_text("".join(json.dumps(each) + "\n" for each in heads))
        self.ca = str(self.recording.authority.ca)

    def run(self, action: str, path: Path, **options: str | Path | None) -> int:
        words = [f"--{name}" if value is None else f"--{name}={value}" for name, value in options.items()]
        return main(["evidence", action, str(path), "--ca", self.ca, "--heads", str(self.heads), *words])

    def export(self, case: Path) -> int:
        return self.run("export", self.clip, key=self.key_file, out=case, by="Insp. Dlamini", why="CAS 17/11/2026")


OFFICER: Mapping[str, str] = {"officer": "T. Dlamini", "position": "records officer", "organisation": "Gauteng"}


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr("agent.evidence.media_sign.SIGNING", 0)  # on a busy machine too, each GOP is signed
    return Office(tmp_path)


def test_a_clip_is_verified_with_and_without_the_key(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    assert office.run("verify", office.clip) == 0
    assert f"{office.clip.name}: authentic\n" in (said := capsys.readouterr().out)
    assert f"clip {office.clip.stem} of the camera front of {DEVICE}" in said
    assert office.run("verify", office.clip, key=office.key_file) == 0
    assert "the stream inside: is signed by itself too" in capsys.readouterr().out
    assert office.run("verify", office.recording.directory) == 0
    assert "chain.jsonl: authentic" in capsys.readouterr().out


def test_a_case_folder_has_the_original_and_one_that_opens_anywhere(office: Office, tmp_path: Path) -> None:
    case = tmp_path / "case-17"
    assert office.export(case) == 0

    stem = office.clip.stem
    of_clip = {f"{stem}{end}" for end in (".mp4", "-plain.mp4", ".manifest", "-9.jpg")}
    assert {path.name for path in case.iterdir()} == of_clip | {"chain.jsonl", "custody.json", "HOW-TO-VERIFY.txt"}
    assert json.loads((case / "custody.json").read_bytes())["verdict"] == "authentic"
    assert case.stat().st_mode & 0o777 == 0o700, "whoever exports says who else may see it"
    pictures = []
    for name in (f"{stem}.mp4", f"{stem}-plain.mp4"):
        with av.open(str(case / name)) as film:
            pictures.append([(frame.pts, bytes(frame.planes[0])) for frame in film.decode(video=0)])
    assert pictures[0] == pictures[1]
    assert len(pictures[0]) == 40
    assert office.run("verify", case) == 0
    assert office.run("verify", case / f"{stem}-plain.mp4") == 0, "its own signatures are in it"
    assert office.export(case) == 1, "a case folder is written once"


def test_a_case_folder_with_an_altered_index_or_with_none_is_told_apart(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case-17"
    office.export(case)
    film = case / f"{office.clip.stem}.mp4"
    exported = film.read_bytes()
    bare, begin, end = without_index(exported)
    film.write_bytes(bare)
    assert office.run("verify", case) == 0, "older exports have no index"
    shorter = bytearray(exported)
    shorter[begin + 44 : begin + 48] = bytes(4)  # the time of the first fragment
    once_more = exported[:end] + exported[begin:]
    for altered, text in (
        (bytes(shorter), "the index before the fragments is not theirs"),
        (once_more, "the index stands there once more"),
        (exported + exported[begin:end], "foreign bytes stand behind the last piece"),
    ):
        film.write_bytes(altered)
        capsys.readouterr()
        assert office.run("verify", case) == 1
        assert text in capsys.readouterr().out


def test_a_court_waits_for_no_case_folder_whose_fragments_lie_over_each_other(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case"
    office.export(case)
    film = next(each for each in case.glob("*.mp4") if "plain" not in each.name)
    bare, _, _ = without_index(film.read_bytes())
    each, number = 96, 1_000_000 // 96
    head, time = box(b"tfhd", struct.pack(">II", 0, 1)), box(b"tfdt", bytes(8))
    runs = []
    for left in range(number * each, 0, -each):  # each has pictures up to the end of the file
        run = box(b"trun", struct.pack(">IIi", 0x301, max(left // 8 - 14, 1), 0))
        runs.append(moof := box(b"moof", box(b"traf", head, time, run)))
        runs.append(box(b"free", bytes(each - len(moof) - 8)))
    film.write_bytes(bare[: bare.index(b"moof") - 4] + b"".join(runs))
    began_s = process_time()
    assert office.run("verify", case) == 1
    assert process_time() - began_s < 5
    assert "the clip can't be made an ordinary MP4" in capsys.readouterr().out


def test_what_is_altered_in_a_case_folder_is_named(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case-17"
    office.export(case)
    film, picture = case / f"{office.clip.stem}.mp4", next(case.glob("*.jpg"))
    content = bytearray(film.read_bytes())
    content[-100] ^= 1
    film.write_bytes(content)
    picture.write_bytes(b"another")
    capsys.readouterr()

    assert office.run("verify", case) == 1
    said = capsys.readouterr().out
    assert f"{film.name}: not authentic" in said
    assert "the fragment 8 was altered, or a foreign one put in its place" in said
    assert f"{picture.name}, byte 0: the picture was altered" in said
    assert office.run("certificate", case, out=tmp_path / "certificate.txt", **OFFICER) == 1
    assert not (tmp_path / "certificate.txt").exists()
    assert "nobody should certify this recording: not authentic" in capsys.readouterr().err


def test_an_altered_clip_is_not_exported(office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    content = bytearray(office.clip.read_bytes())
    content[-1] ^= 1
    office.clip.write_bytes(content)
    assert office.export(tmp_path / "case") == 1
    assert not (tmp_path / "case").exists()
    assert "nothing was written" in capsys.readouterr().err
    assert office.run("export", office.clip, key=office.key_file, out=tmp_path / "case", by="X", anyway=None) == 1
    assert not (tmp_path / "case").exists(), "what was altered can't be opened"


def test_a_clip_whose_device_was_revoked_is_opened_only_when_that_is_asked_for(office: Office, tmp_path: Path) -> None:
    crl = office.recording.authority.revocation_list(office.recording.certificate)
    office.heads.write_text("")
    options: dict[str, str | Path | None] = {
        "key": office.key_file,
        "out": tmp_path / "case",
        "by": "X",
        "revoked": crl,
    }
    assert office.run("export", office.clip, **options) == 1
    assert not (tmp_path / "case").exists()
    assert office.run("export", office.clip, **options, anyway=None) == 1
    custody = json.loads((tmp_path / "case" / "custody.json").read_bytes())
    assert custody["verdict"] == "not authentic"
    assert "its key was revoked" in custody["findings"][0]


def test_an_officers_certificate_says_what_was_checked(office: Office, tmp_path: Path) -> None:
    case, out = tmp_path / "case-17", tmp_path / "certificate.txt"
    office.export(case)
    assert office.run("certificate", case, out=out, **OFFICER) == 0

    said = out.read_text()
    for part in (
        "section 15(4)",
        "T. Dlamini",
        office.clip.stem,
        DEVICE,
        "evidence-1",
        "8.0 s, 8 fragments",
        "authentic.",
    ):
        assert part in said
    assert office.run("certificate", case, out=out, **OFFICER) == 1, "a text is not overwritten"


def test_a_stamp_over_the_head_is_checked_and_told(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Stamping(tmp_path / "tsa") as authority:
        words = ["evidence", "stamp", str(office.heads), "--url", authority.url, "--tsa", str(authority.root)]
        assert main(words) == 0
    assert f"head 2 of the camera front of {DEVICE}: stamped 20" in capsys.readouterr().out
    assert office.run("verify", office.clip, tsa=authority.root) == 0
    assert "an authority for time stamps had seen this clip's end by" in capsys.readouterr().out
    assert office.run("verify", office.clip, tsa=Path(office.ca)) == 2
    assert "the time stamp does not hold" in capsys.readouterr().err


def test_what_a_card_lacks_is_named(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    gone = office.recording.record()
    for end in (".clip", ".manifest"):
        (office.recording.directory / f"{gone}{end}").unlink()
    assert office.run("verify", office.recording.directory) == 1
    assert f"the clip {gone} is gone, and no entry says that the device deleted it" in capsys.readouterr().out


def test_a_clip_without_its_manifest_and_one_in_the_place_of_another_are_named(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    gone, bare = office.recording.record(), office.recording.record()
    directory = office.recording.directory
    for end in (".clip", ".manifest"):
        (directory / f"{gone}{end}").write_bytes(office.clip.with_suffix(end).read_bytes())
    (directory / f"{bare}.manifest").unlink()
    (directory / "other.mp4").write_bytes(b"as if it were a case folder")
    assert office.run("verify", directory) == 1
    said = capsys.readouterr().out
    assert f"the clip {gone} is gone" in said
    assert f"{bare}.clip, byte 0: its manifest is gone" in said


def test_heads_that_have_none_of_the_camera_are_not_passed_over_in_silence(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.heads.write_text(office.heads.read_text().replace('"front"', '"back"'))
    office.run("verify", office.clip)
    assert "Next: the centre has kept no head of this camera" in capsys.readouterr().out


def test_the_chain_of_a_card_is_checked_once_and_not_for_each_of_its_clips(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        office.recording.record()
    checked: list[bytes] = []

    def is_signature(*signed: bytes) -> bool:
        checked.append(signed[1])
        return evidence_keys.is_signature(*signed)

    monkeypatch.setattr("agent.trust.evidence.jws.is_signature", is_signature)
    assert office.run("verify", office.recording.directory) == 0
    assert max(Counter(checked).values()) <= 3, "once in its manifest, and in the chain as such and for what it lacks"


def test_in_a_directory_clips_that_are_sealed_to_another_key_stay_closed(
    office: Office, capsys: pytest.CaptureFixture[str]
) -> None:
    office.recording.clips._recipient = EvidenceKey.generate("evidence-2").public()
    other = office.recording.record()
    assert office.run("verify", office.recording.directory, key=office.key_file) == 0
    said = capsys.readouterr().out
    assert f"{other}.clip: it is sealed to evidence-2, and was not opened" in said
    assert "the stream inside: is signed by itself too" in said
    assert office.run("verify", office.recording.directory / f"{other}.clip", key=office.key_file) == 2


def test_a_chain_of_another_device_than_wanted_is_refused(office: Office) -> None:
    chain = office.recording.directory / "chain.jsonl"
    assert office.run("verify", chain, device=DEVICE) == 0
    assert office.run("verify", chain, device="gp/jhb-park-station/kiosk-0043") == 1


def test_a_court_does_not_take_a_clip_without_its_chain_for_a_whole_one(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (office.recording.directory / "chain.jsonl").unlink()
    office.heads.write_text("")
    assert office.run("verify", office.clip) == 4
    said = capsys.readouterr().out
    assert f"{office.clip.name}: authentic, alone" in said
    assert "no chain was given: nobody can tell what else was recorded" in said
    case = tmp_path / "case"
    assert office.run("export", office.clip, key=office.key_file, out=case, by="A") == 4
    assert json.loads((case / "custody.json").read_bytes())["verdict"] == "authentic, alone"
    assert office.run("verify", case) == 4


def test_a_cameras_directory_without_its_chain_is_not_whole(office: Office, capsys: pytest.CaptureFixture[str]) -> None:
    (office.recording.directory / "chain.jsonl").unlink()
    assert office.run("verify", office.recording.directory) == 1
    assert "nobody can tell which clips are gone" in capsys.readouterr().out


def test_the_copy_to_watch_is_held_against_the_recording(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    case = tmp_path / "case-17"
    office.export(case)
    plain = case / f"{office.clip.stem}-plain.mp4"
    content = bytearray(plain.read_bytes())
    content[-9] ^= 1
    plain.write_bytes(content)
    (case / "other.mp4").write_bytes(b"what somebody adds")
    assert office.run("verify", case) == 1
    said = capsys.readouterr().out
    assert f"{plain.name}, byte 0: the copy to watch is not that of {office.clip.stem}.mp4" in said
    assert "beside it lies what is no part of the recording: other.mp4" in said


def test_a_list_of_revoked_devices_that_can_not_be_gone_by_is_refused(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    crl = office.recording.authority.revocation_list(office.recording.certificate)
    other = Authority(tmp_path / "other").revocation_list()
    none = tmp_path / "none.crl"
    none.write_bytes(office.recording.authority.revocation_list().read_bytes())
    assert office.run("verify", office.clip, revoked=none) == 0
    assert "Held against the list of revoked devices of 20" in capsys.readouterr().out
    der, broken = tmp_path / "der.crl", tmp_path / "broken.crl"
    der.write_bytes(x509.load_pem_x509_crl(crl.read_bytes()).public_bytes(Encoding.DER))
    broken.write_bytes(crl.read_bytes().replace(b"M", b"N", 1))
    for path in (other, der, broken):
        assert office.run("verify", office.clip, revoked=path) == 2
        assert str(path) in capsys.readouterr().err


def test_the_stream_vouches_as_far_as_it_is_signed_itself_and_by_the_device_alone(
    office: Office, tmp_path: Path
) -> None:
    """A power cut has left records that the manifest has not signed yet."""
    office.export(tmp_path / "case")
    film = (tmp_path / "case" / f"{office.clip.stem}.mp4").read_bytes()
    manifest = read(office.clip.with_suffix(".manifest").read_bytes(), "manifest")
    manifest.vouched, media = 3, media_of(office.recording.trust())
    verdict = Verdict("authentic with missing", [Finding("unsigned", "manifest", 0, 0, "")], manifest, is_signed=True)

    decision = decided(verdict, media(film, manifest))
    assert decision.word == "authentic with missing"
    assert decision.findings[0].text.startswith("the records 8 to 9 were"), "the last second, and a picture"
    half = len(film) // 2
    altered = film[:half] + bytes([film[half] ^ 1]) + film[half + 1 :]
    assert media(altered, manifest)[0].kind == "wrong"
    manifest.vouched = len(manifest.parts)
    assert media(altered, manifest)[0].kind == "note", "each byte is as the manifest has it"
    manifest.facts["device"] = DEVICE[:-1]
    assert decided(verdict, media(film, manifest)).word == "not authentic"


@pytest.mark.parametrize("name", ["nothing.clip", "empty", "keys.manifest"])
def test_what_can_not_be_read_has_its_own_exit_code(
    office: Office, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    path = tmp_path / name
    if name == "empty":
        path.mkdir()
    elif name == "keys.manifest":
        path.write_text('{"a":1}\n')
    assert office.run("verify", path) == 2
    assert capsys.readouterr().err.startswith("edge-centre: ")


def test_a_check_says_what_to_do_next_and_names_one_fault_of_many_signatures_once(
    office: Office, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert main(["evidence", "verify", str(office.clip), "--ca", office.ca]) == 0
    said = capsys.readouterr().out
    assert "Next: give --revoked device.crl" in said
    assert "Next: give --heads heads.jsonl" in said
    other = Authority(tmp_path / "other").ca
    assert main(["evidence", "verify", str(office.clip), "--ca", str(other), "--heads", str(office.heads)]) == 1
    said = capsys.readouterr().out
    assert said.count(f"{office.clip.stem}.manifest, byte") == 1
    assert "further places)" in said
    assert f"Next: is {other} the authority of this province's devices?" in said
    assert "--heads" not in said
    office.heads.with_name("heads.jsonl.refused").write_text(office.heads.read_text())
    assert office.run("verify", office.clip) == 0
    assert "Next: the centre has refused heads of this camera" in capsys.readouterr().out
