"""What somebody could try who has the card, the device's key, or another device, and what becomes of it."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509

from agent.contract.errors import EdgeAgentError
from agent.contract.leaves import base64url, canonical
from agent.trust.evidence.chain import FILE, Head, Heard, read
from agent.trust.evidence.jws import signed, unverified
from edge_centre.authority import Revoked
from edge_centre.evidence.comparison import File
from edge_centre.evidence.verdict import Verdict, judge_clip
from tests.evidence.conftest import Make
from tests.support.made_up_clips import CAMERA, DEVICE, Recording

OTHER = "gp/jhb-park-station/kiosk-0043"
SEQS: list[object] = ["2", None, 2.0, True, [], -1, 2**90]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def lines(recording: Recording, name: str) -> list[bytes]:
    return recording.file(name).content.splitlines(keepends=True)


def judged(
    recording: Recording, clip: str, *, manifest: bytes = b"", chain: bytes = b"", heads: bool = False
) -> Verdict:
    """The verdict on a clip with another manifest or chain than its own."""
    files = [recording.file(name) for name in (f"{clip}.clip", f"{clip}.manifest", FILE)]
    own = [File(file.name, other or file.content) for file, other in zip(files, (b"", manifest, chain), strict=True)]
    return judge_clip(own[0], own[1], recording.trust(heads=heads), own[2], recording.key)


def forged(make: Make, recording: Recording, name: str = "forged") -> Recording:
    """Whoever has the device's own key writes all of it anew."""
    forger = make(name, seed=5)
    forger.signer = recording.signer
    forger.clips._chain.signer = recording.signer
    return forger


def test_a_bit_that_no_reader_needs_is_an_alteration_too(recording: Recording) -> None:
    clip = recording.record()
    *before, last = lines(recording, f"{clip}.manifest")
    token = json.loads(last)["entry"]
    loose = token[:-1] + LETTERS[LETTERS.index(token[-1]) ^ 1]
    assert base64.urlsafe_b64decode(loose.split(".")[2] + "==") == base64.urlsafe_b64decode(token.split(".")[2] + "==")

    verdict = judged(recording, clip, manifest=b"".join([*before, last.replace(token.encode(), loose.encode())]))
    assert verdict.word == "not authentic"
    assert "its signature does not hold" in verdict.findings[0].text


def test_a_line_behind_the_end_is_an_addition(recording: Recording) -> None:
    clip = recording.record()
    more = b'{"at":"2026-11-27T10:00:00.000Z","joined":{"alarm":"a2"},"timeq":"synced"}\n'
    verdict = judged(recording, clip, manifest=b"".join([*lines(recording, f"{clip}.manifest"), more]))
    assert verdict.word == "not authentic"
    assert "stands behind the manifest's end" in verdict.findings[0].text


def test_the_signature_of_another_clip_is_named_as_such(recording: Recording) -> None:
    clip, other = recording.record(), recording.record()
    *own, _ = lines(recording, f"{clip}.manifest")
    verdict = judged(recording, clip, manifest=b"".join([*own, lines(recording, f"{other}.manifest")[-1]]))
    assert verdict.word == "not authentic"
    assert f"is foreign: it was signed for the clip {other}" in verdict.findings[0].text


def test_a_chain_that_goes_on_otherwise_is_foreign_even_by_the_devices_own_key(make: Make) -> None:
    recording = make()
    forger = forged(make, recording)
    clip = recording.record()
    recording.record()
    for _ in range(2):
        forger.record()
    own, strange = lines(recording, FILE), lines(forger, FILE)[1:]  # behind the certificates that it began with
    verdict = judged(recording, clip, chain=b"".join([*own[:3], *strange[2:]]))
    assert verdict.word == "not authentic"
    assert "is foreign: it follows another entry 2" in verdict.findings[0].text


def test_what_was_written_anew_with_the_devices_key_is_found_by_what_the_centre_has_heard(make: Make) -> None:
    recording = make()
    forger = forged(make, recording)
    recording.record()
    clip = forger.record()
    assert judged(forger, clip).is_authentic, "nothing else tells"

    forger.heads = recording.heads
    verdict = judged(forger, clip, heads=True)
    assert verdict.word == "not authentic"
    assert "the chain was written anew" in verdict.findings[0].text


def test_a_clip_that_is_in_no_chain_is_refused_where_the_chain_is(make: Make) -> None:
    recording = make()
    forger = forged(make, recording)
    recording.record()
    clip = forger.record()
    verdict = judged(forger, clip, chain=recording.file(FILE).content)
    assert verdict.word == "not authentic"
    assert "is not in the chain" in verdict.findings[0].text


def test_a_device_can_not_sign_for_another(make: Make) -> None:
    other = make("other", device=OTHER)
    liar = make("liar")
    liar.clips._chain.signer = other.signer
    clip = liar.record()
    verdict = judged(liar, clip)
    assert verdict.word == "not authentic"
    assert f"{OTHER} has signed it, and not {DEVICE}" in verdict.findings[0].text


def test_a_start_takes_no_entry_that_it_has_not_signed(make: Make) -> None:
    """Another device's key signs an entry that would be the next, in a manifest that is laid onto the card."""
    recording, forger = make(), make("other", device=OTHER)
    recording.record()
    forger.clips._chain._last = recording.clips.head
    clip = forger.begin().clip
    for end in (".clip", ".manifest"):
        (recording.directory / f"{clip}{end}").write_bytes(forger.file(f"{clip}{end}").content)
    before = recording.clips.head
    recording.start()

    chain = read(recording.file(FILE).content, FILE, recording.heads)
    assert not chain.findings
    assert [each.said["entry"] for each in chain.entries if each.said["seq"] > before.seq] == ["cut"]
    assert recording.verdict(clip).word == "not authentic"
    assert recording.verdict(recording.record()).is_authentic


@pytest.mark.parametrize(("device", "camera"), [(OTHER, CAMERA), (DEVICE, "back")])
def test_heads_of_other_cameras_say_nothing(recording: Recording, device: str, camera: str) -> None:
    clip = recording.record()
    recording.heads = [Heard(device, camera, Head(99, "00"), recording.clock.wall)]
    assert recording.verdict(clip).is_authentic


def test_an_older_copy_of_the_card_is_found_by_what_the_centre_has_heard(recording: Recording) -> None:
    clip = recording.record()
    old = recording.file(FILE).content
    recording.record()
    verdict = judged(recording, clip, chain=old, heads=True)
    assert verdict.word == "authentic with missing"
    assert "the entries 3 to 3, of which the centre heard" in verdict.findings[0].text


def test_a_revoked_key_vouches_for_nothing_that_a_start_has_ended_with_the_new_one(
    make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = make()
    forger = forged(make, recording)
    recording.record()
    old = x509.load_pem_x509_certificate(recording.certificate.cert.read_bytes())
    recording.renew()

    def no_entry(*_: object) -> str:
        raise EdgeAgentError("none")

    monkeypatch.setattr(forger.clips._chain, "entry", no_entry)
    lying = forger.begin()
    lying.append(forger.fragment())
    for end in (".clip", ".manifest"):
        (recording.directory / f"{lying.clip}{end}").write_bytes(forger.file(f"{lying.clip}{end}").content)
    assert recording.start() == [lying.clip]
    recording.heard()
    revoked = Revoked(old.serial_number, datetime.now(UTC) - timedelta(days=2))
    crl = recording.authority._root.revocation_list([revoked], 1).decode()
    assert recording.verdict(lying.clip, recording.trust(revoked=crl)).word == "not authentic"


def test_a_forged_clip_is_found_by_the_heads_though_its_chain_is_left_out_or_has_a_gap(make: Make) -> None:
    recording = make()
    forger = forged(make, recording)
    for _ in range(3):
        recording.record()
        clip = forger.record()
    forger.heads = recording.heads
    alone = forger.file(f"{clip}.clip"), forger.file(f"{clip}.manifest")
    own, strange = lines(recording, FILE), lines(forger, FILE)

    assert judge_clip(*alone, forger.trust()).word == "not authentic"
    assert judged(forger, clip, chain=b"".join([*strange[:2], *strange[3:]]), heads=True).word == "not authentic"
    assert judged(forger, clip, chain=b"".join([*own[:2], *own[3:]])).word == "not authentic"


def test_a_clip_whose_chain_is_left_out_is_whole_only_if_the_centre_has_heard_of_its_end(recording: Recording) -> None:
    clip = recording.record()
    files = recording.file(f"{clip}.clip"), recording.file(f"{clip}.manifest")
    assert judge_clip(*files, recording.trust()).is_authentic
    recording.heads.pop()
    assert judge_clip(*files, recording.trust()).word == "authentic with missing"
    assert judge_clip(*files, recording.trust(heads=False)).word == "authentic, alone"


def test_an_entry_can_not_pass_as_a_checkpoint(recording: Recording) -> None:
    clip = recording.record()
    *before, last = lines(recording, f"{clip}.manifest")
    other = b'{"checkpoint"' + last.removeprefix(b'{"entry"')
    assert judged(recording, clip, manifest=b"".join([*before, other])).word == "not authentic"


@pytest.mark.parametrize(("name", "value"), [*(("seq", each) for each in SEQS), ("entry", 1), ("clip", [])])
def test_what_anybody_has_signed_is_judged_whatever_it_says(recording: Recording, name: str, value: object) -> None:
    clip = recording.record()
    manifest, chain = lines(recording, f"{clip}.manifest"), lines(recording, FILE)
    said = unverified(json.loads(chain[-1])["entry"]) | {name: value}
    strange = canonical({"entry": signed(said, recording.signer)}) + b"\n"
    for given in (
        judged(recording, clip, manifest=b"".join([*manifest[:-1], strange]), heads=True),
        judged(recording, clip, chain=b"".join([*chain[:-1], strange]), heads=True),
    ):
        assert not given.is_authentic


def test_a_clip_that_was_cut_off_says_so(recording: Recording) -> None:
    clip = recording.begin().clip
    recording.start()
    verdict = recording.verdict(clip)
    assert verdict.is_authentic
    assert "the recording was cut off" in verdict.findings[0].text


@pytest.mark.parametrize("seq", ["x", -5, 1, 3, 2**80])
def test_a_number_that_somebody_has_put_into_the_chain_does_not_become_the_devices_own(
    recording: Recording, seq: object
) -> None:
    recording.record()
    token = base64url(b"{}") + "." + base64url(canonical({"entry": "held", "seq": seq})) + ".x"
    with (recording.directory / FILE).open("ab") as file:
        file.write(canonical({"entry": token}) + b"\n")
    recording.start()
    assert recording.clips.head.seq == 3
    clip = recording.record()
    assert recording.clips.head.seq == 5
    assert recording.verdict(clip).word == "authentic with missing", "the line, and no more than that"


def test_a_page_of_the_chain_that_the_card_has_spoilt_makes_no_clip_of_another_day_a_forgery(make: Make) -> None:
    recording = make()
    forger = forged(make, recording)
    clips = [recording.record() for _ in range(3)]
    own = lines(recording, FILE)  # certificates, and two entries for each clip
    for line, touched in ((1, 0), (3, 1), (4, 1), (6, 2)):
        spoilt = b"".join([*own[:line], own[line][:40] + b"\0\0" + own[line][42:], *own[line + 1 :]])
        words = [judged(recording, clip, chain=spoilt, heads=True).word for clip in clips]
        expected = ["authentic with missing"] * 3
        expected[touched] = "not authentic"
        assert words == expected, line

    for _ in range(2):
        lying = forger.record()
    recording.heads = recording.heads[-1:]  # and the centre has heard no more than the newest
    strange = lines(forger, FILE)
    joined = b"".join([*own[:3], *strange[3:5], b"\n", *own[5:]])
    files = forger.file(f"{lying}.clip"), forger.file(f"{lying}.manifest")
    assert judge_clip(*files, recording.trust(), File(FILE, joined)).word == "not authentic"


def test_a_clip_that_is_newer_than_all_that_the_centre_has_heard_says_so(recording: Recording) -> None:
    clip = recording.record()
    recording.heads.pop()
    assert "no head that the centre has kept is as new as this clip" in recording.verdict(clip).findings[0].text
