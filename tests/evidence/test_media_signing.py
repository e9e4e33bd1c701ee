"""ONVIF Media Signing: what is authentic, what is not, what is missing, and what can't be told."""

import hashlib
import random
from collections.abc import Sequence
from datetime import timedelta
from io import BytesIO

import pytest

from agent.core.errors import EdgeAgentError
from agent.trust.evidence import h264, tlv
from agent.trust.evidence_keys import der_of, pem_of
from edge_centre.evidence.media_signing.keys import Trust
from edge_centre.evidence.media_signing.verdict import Fault, Result
from edge_centre.evidence.media_signing.verify import verify
from edge_centre.evidence.mp4 import Mp4
from tests.support.altered_container import boxes, written
from tests.support.altered_media import nothing_moves
from tests.support.signed_media import (
    BEGAN,
    BEGAN_NS,
    FACTS,
    FRAME_NS,
    Signing,
    added,
    has_signature,
    judged,
    mp4,
    picture,
    recording,
    samples,
    samples_of,
    signed,
    signed_before,
    signing,
    stream,
    vector,
    without_signatures,
)

SECOND = timedelta(seconds=1)


def faults(pictures: Sequence[bytes], ca: str | None = None) -> list[Fault]:
    return [each.fault for each in judged(mp4(pictures), ca).findings]


@pytest.mark.parametrize("kind", ["h264", "h265"])
def test_the_files_of_onvif_are_authentic_and_those_without_signatures_not_signed(kind: str) -> None:
    ca = vector("ca.pem").read_text()
    verdict = judged(vector(f"test_signed_{kind}.mp4").read_bytes(), ca)
    assert (verdict.result, verdict.gops, verdict.begins_at, verdict.tail) == (Result.AUTHENTIC, 5, 1, None)
    assert verdict.recorded is None  # its times are in the year 1601
    assert judged(vector(f"test_{kind}.mp4").read_bytes(), ca).result is Result.NOT_SIGNED


def test_our_signer_lists_the_hashes_that_the_reference_implementation_lists() -> None:
    file = vector("test_signed_h264.mp4").read_bytes()
    theirs = [each for unit in Mp4.read(BytesIO(file)).units() if (each := tlv.parse(unit))]
    bare = [without_signatures(each) for each in samples_of(file)]
    ours = signed([b"\0\0\0\1" + each[4:] for each in bare if each], signing().signer(), step_ns=40_000_000)
    mine = [each for at in ours for unit in h264.units(at) if unit.kind is h264.Kind.SEI and (each := tlv.parse(unit))]
    assert [each.hashes for each in mine] == [each.hashes for each in theirs]
    for own, other in zip(mine[:4], theirs, strict=False):  # their closing one repeats the fields of the one before
        assert own.general is not None
        assert other.general is not None
        same = ("counter", "count", "gop_hash", "linked", "partial")
        assert [getattr(own.general, each) for each in same] == [getattr(other.general, each) for each in same]
        assert (own.algorithm, other.algorithm) == ("sha256", "sha256")


def test_a_recording_of_ours_says_who_signed_it_and_when() -> None:
    verdict = judged(mp4(recording()))
    assert (verdict.result, verdict.gops, verdict.units) == (Result.AUTHENTIC, 5, 29)
    assert verdict.recorded == (BEGAN, BEGAN + 28 * SECOND / 5)
    assert verdict.device == (FACTS.version, FACTS.serial, FACTS.manufacturer)
    [signer] = verdict.signers
    assert (signer.subject, signer.vouched) == ("CN=gp/jhb-park-station/kiosk-0042", True)
    assert signer.fingerprint == hashlib.sha256(signing().certificates[0]).hexdigest()


def test_an_excerpt_cut_at_a_key_frame_begins_with_no_signature_of_what_was_cut_away() -> None:
    # ONVIF's own validator calls a film invalid that begins with one.
    written = signed(stream(gops=(2, 3, 2)), signing().signer())
    kinds = [[each.type for each in h264.units(access_unit)] for access_unit in written]
    assert kinds == [[9, 7, 8, 5], [9, 1], [9, 7, 8, 5], [9, 6, 1], [9, 1], [9, 7, 8, 5], [9, 6, 1], [6]]


def test_an_excerpt_of_a_long_gop_begins_with_no_signature_of_what_was_cut_away_either() -> None:
    written = signed(stream(gops=(60, 3)), signing().signer())
    assert [at for at, each in enumerate(written) if tlv.UUID in each] == [27, 53, 61, 63]


@pytest.mark.parametrize("slices", [1, 3])
def test_an_excerpt_of_a_scene_in_which_nothing_moves_is_authentic(slices: int) -> None:
    still, others = stream(gops=(6,), slices=slices), [stream(seed, (6,), slices) for seed in range(6)]
    for film in (still * 6, [each for own in others for each in (still[0], *own[1:])]):
        made = samples(signed(film, signing().signer()))
        for begin in (0, 6, 18):
            assert judged(mp4(made[begin:])).result is Result.AUTHENTIC
        assert judged(mp4(made[6:8] + made[9:])).result is Result.MISSING


def test_excerpts_and_whole_clips_of_an_older_device_are_authentic() -> None:
    before = signed_before(recording())
    assert [at for at, each in enumerate(before) if has_signature(each)] == [6, 11, 18, 23, 29]
    assert judged(mp4(before)).result is Result.AUTHENTIC
    for begin, end in ((0, 12), (6, 12), (11, 24), (18, 29)):
        assert judged(mp4(before[begin:end])).result is Result.AUTHENTIC
    assert judged(mp4(before[:8] + before[9:])).result is Result.MISSING


def test_what_is_added_comes_back_at_once_and_as_it_was_but_for_signatures() -> None:
    signer = signing().signer()
    for at, each in enumerate(stream()):
        out = added(signer, each, BEGAN_NS + at * FRAME_NS)
        assert without_signatures(samples([out])[0]) == samples([each])[0]


def test_a_stream_without_its_signatures_is_not_signed() -> None:
    assert judged(mp4([bare for each in recording() if (bare := without_signatures(each))])).result is Result.NOT_SIGNED


def test_a_picture_that_was_taken_out_is_missing_and_the_place_is_named() -> None:
    pictures = list(recording())
    del pictures[8]
    file = mp4(pictures)
    verdict = judged(file)
    assert verdict.result is Result.MISSING
    [finding] = verdict.findings
    assert finding.text == "1 piece of a picture missing here"
    assert finding.place.end == file.index(pictures[8]) + 10  # behind the delimiter, and the length of the next one


@pytest.mark.parametrize("at", [0, 1, 5, 10, 23, 28], ids=str)
def test_the_first_and_last_pictures_of_a_gop_are_missed_too(at: int) -> None:
    pictures = list(recording())
    pictures[at] = sized(signature_of_sample(pictures[at])) if has_signature(pictures[at]) else b""
    verdict = judged(mp4([each for each in pictures if each]))
    assert (verdict.result, verdict.units) == (Result.MISSING, 28)


def test_gops_taken_out_with_their_signatures_are_missing() -> None:
    pictures = list(recording())
    # A signature stands in the GOP behind: that of GOP 1 stays, those of 2 and 3 go with the pictures.
    joint = sized(signature_of_sample(pictures[7])) + without_signatures(pictures[19])
    verdict = judged(mp4([*pictures[:6], pictures[18], joint, *pictures[20:]]))
    assert verdict.result is Result.MISSING
    assert [each.text for each in verdict.findings] == ["2 signed stretches missing before this one"]


def test_a_cut_at_gops_proves_itself_and_says_that_it_is_one() -> None:
    pictures = list(recording())
    file = mp4(pictures[6:13])
    verdict = judged(file)
    assert (verdict.result, verdict.begins_at, verdict.gops) == (Result.AUTHENTIC, 2, 1)
    assert verdict.tail is not None
    assert round(verdict.tail.time, 3) == 1.0
    assert file[verdict.tail.offset] == 0x65  # the IDR picture behind the last signature
    assert file[: verdict.tail.offset].count(tlv.UUID) == 1


def test_foreign_pictures_at_the_end_are_not_proven_and_not_taken_for_signed_ones() -> None:
    own = list(recording())
    foreign = samples(stream(9, (3, 3, 3)))
    assert judged(mp4(own + foreign[:3])).tail is not None
    assert faults(own + foreign[1:2]) == [Fault.FOREIGN]  # goes on in a GOP that has ended
    assert faults(own + foreign) == [Fault.FOREIGN]  # too long to wait for a signature


def test_one_foreign_gop_at_the_end_may_not_last_longer_than_a_signature_takes_to_come() -> None:
    own, foreign = list(recording()), samples(stream(9, (300,)))
    assert judged(mp4(own + foreign[:40])).result is Result.AUTHENTIC
    assert faults(own + foreign) == [Fault.FOREIGN]


def test_a_foreign_gop_does_not_pass_before_the_last_signature() -> None:
    own, foreign = list(recording()), samples(stream(9, (6,)))
    assert judged(mp4([*own[:23], *foreign, own[-1]])).result is Result.NOT_AUTHENTIC
    joint = sized(signature_of_sample(own[24])) + foreign[1]
    assert faults([*own[:23], foreign[0], joint, *foreign[2:], own[-1]]) == [Fault.ALTERED]


def test_two_recordings_of_a_device_in_one_file_are_not_whole() -> None:
    own = list(recording())
    later, earlier = (samples(signed(stream(5), signing().signer(), BEGAN_NS + sign * 10**12)) for sign in (1, -1))
    assert judged(mp4(own[:11] + later[6:])).result is Result.NOT_AUTHENTIC  # the last GOP has no signature
    verdict = judged(mp4(own + later))
    assert verdict.result is Result.MISSING
    assert [each.text for each in verdict.findings] == ["the signer began anew here: what came before may be missing"]
    assert faults(own + earlier) == [Fault.ORDER]


def test_a_court_is_told_where_the_dark_of_another_day_was_joined_on() -> None:
    own, later = (
        samples(signed(stream(3, (5,)) * 6, signing().signer(), BEGAN_NS + day * 86400 * 10**9)) for day in (0, 1)
    )
    verdict = judged(mp4(own[:16] + later[16:]))  # the same pictures, and counters that go on
    assert verdict.result is Result.MISSING
    assert [each.text for each in verdict.findings] == [
        "86400.0 s are missing before this picture, or the signer's clock was set there"
    ]
    back = judged(mp4(later[:16] + own[16:]))
    assert back.result is Result.MISSING
    assert "goes back by 86400.0 s" in back.findings[0].text


def test_a_court_is_told_of_a_scene_cut_out_of_the_dark_though_all_times_fit() -> None:
    pictures = nothing_moves("dark", [5] * 8)
    pictures[26] = pictures[16]  # the signature that is left then is that of the GOP before the cut
    whole = boxes(mp4(pictures, fragment=5))
    verdict = judged(written([*whole[:8], *whole[12:]]))  # and its last picture lasts until the next one
    assert verdict.result is Result.MISSING
    assert [each.text for each in verdict.findings] == ["2 signed stretches missing before this one"]


def test_gops_in_another_order_are_not_authentic() -> None:
    own = list(recording())
    assert judged(mp4(own[:6] + own[11:18] + own[6:11] + own[18:])).result is Result.NOT_AUTHENTIC


def test_signatures_of_another_stream_prove_nothing() -> None:
    signatures = [each for each in signed(stream(), signing().signer()) if has_signature(each)]
    foreign = stream(77)
    foreign[0:0] = list(signatures[-1:])
    for at, each in zip((7, 12), signatures, strict=False):
        foreign[at] = b"\0\0\0\1" + signature_of_sample(samples([each])[0]) + foreign[at]
    verdict = judged(mp4(samples(foreign)))
    assert (verdict.result, verdict.units) == (Result.NOT_AUTHENTIC, 0)


def test_signatures_without_pictures_prove_nothing() -> None:
    alone = [sized(signature_of_sample(each)) for each in recording() if has_signature(each)]
    assert judged(mp4(alone)).result is Result.NOT_AUTHENTIC


def test_without_an_authority_the_signer_is_not_checked_and_another_authority_does_not_vouch() -> None:
    units = list(Mp4.read(BytesIO(mp4(recording()))).units())
    assert verify(units, Trust()).result is Result.SIGNER_UNKNOWN
    verdict = verify(units, Trust(Signing().ca))
    assert verdict.result is Result.NOT_AUTHENTIC
    assert [each.fault for each in verdict.findings] == [Fault.SIGNER]


def test_a_certificate_counts_as_of_the_recording() -> None:
    late = samples(signed(stream(), signing().signer(), BEGAN_NS + 100 * 86400 * 10**9))
    verdict = judged(mp4(late))
    assert verdict.result is Result.NOT_AUTHENTIC
    assert verdict.first is not None
    assert "was valid from" in verdict.first.text
    old = Signing(BEGAN - timedelta(days=900))
    then = samples(signed(stream(), old.signer(), BEGAN_NS - 890 * 86400 * 10**9))
    assert judged(mp4(then), old.ca).result is Result.AUTHENTIC  # it has ended long ago, and was valid then


def test_a_key_that_was_revoked_or_is_of_another_device_is_not_trusted() -> None:
    units = list(Mp4.read(BytesIO(mp4(recording()))).units())
    own, other = "gp/jhb-park-station/kiosk-0042", Signing()
    assert verify(units, Trust(signing().ca, other.revoked, own)).result is Result.AUTHENTIC
    for trust in (Trust(signing().ca, signing().revoked), Trust(signing().ca, name="gp/jhb-park-station/kiosk-0043")):
        verdict = verify(units, trust)
        assert (verdict.result, verdict.signers[0].vouched) == (Result.NOT_AUTHENTIC, False)
        assert [each.fault for each in verdict.findings] == [Fault.SIGNER]


def test_what_is_not_covered_is_counted() -> None:
    other = b"\0\0\0\1\x06\x05\x04abcd\x80"
    made = signed([other + each for each in stream()], signing().signer())
    verdict = judged(mp4(samples(made)))
    assert verdict.result is Result.AUTHENTIC
    assert verdict.uncovered == {"other SEIs": 29, "parameter sets": 10, "delimiters": 29}


def test_a_long_gop_is_signed_in_parts() -> None:
    made = samples(signed(stream(gops=(60, 3)), signing().signer()))
    verdict = judged(mp4(made))
    assert (verdict.result, verdict.gops, verdict.units) == (Result.AUTHENTIC, 4, 63)
    del made[30]
    assert judged(mp4(made)).result is Result.MISSING


def test_bytes_behind_a_signature_are_not_free() -> None:
    while True:  # until that signature leaves room, as most do, and another one that it is held against
        pictures = samples(signed(stream(), signing().signer()))
        documents = [tlv.parse(each) for each in Mp4.read(BytesIO(mp4(pictures))).units()]
        sei = signature_of_sample(pictures[12])
        if sei.endswith(b"\1\x80") and sum(bool(each and each.fill) for each in documents) > 1:
            break
    for ending in (b"\2\x80", b"\1\xc0"):
        altered = list(pictures)
        altered[12] = pictures[12].replace(sei, sei[:-2] + ending)
        assert Fault.SEI in faults(altered)


def signature_of_sample(sample: bytes) -> bytes:
    return next(each.data for each in Mp4.read(BytesIO(mp4([sample]))).units() if tlv.UUID in each.data)


def sei(general: tlv.General, hashes: Sequence[bytes], *, lists: bool) -> bytes:
    """A SEI as other signers write it: without a list, if the list is too long to be written."""
    fixed = tlv.fixed_fields(pem_of(tuple(signing().certificates)), ("", "", ""))
    return tlv.build(general, hashes if lists else [b""] * 3000, fixed, lambda content: der_of(signing()(content)))


def chained(count: int, *, lists: bool) -> list[bytes]:
    """GOPs of three pictures whose SEIs come after the IDR picture of the next one."""
    made: list[bytes] = []
    before, pending, anchor = bytes(32), b"", b""
    listed: list[bytes] = []
    ticks = tlv.ticks_of(BEGAN_NS)
    for at, access_unit in enumerate([*stream(4, [3] * count), b""]):
        if at % 3 == 0 and at:
            general = tlv.General(at // 3, ticks, ticks, len(listed), digest(*listed), before)
            pending, before, listed = sized(sei(general, listed, lists=lists)), listed[0], []
        if not access_unit:
            return [*made, pending]
        data = next(each.data for each in h264.units(access_unit) if each.kind is h264.Kind.PICTURE)
        anchor = anchor if at % 3 else digest(data)
        listed.append(digest(anchor, digest(data)) if at % 3 else anchor)
        made.append((pending if at % 3 == 1 else b"") + sized(data))
        pending = b"" if at % 3 == 1 else pending
    raise AssertionError


def digest(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def sized(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


@pytest.mark.parametrize("lists", [True, False])
def test_signatures_may_come_late_and_without_a_list(lists: bool) -> None:
    made = chained(4, lists=lists)
    verdict = judged(mp4(made))
    assert (verdict.result, verdict.gops) == (Result.AUTHENTIC, 4)
    made[5] = made[5][:-2] + b"\x55\x80"
    file = mp4(made)
    wrong = judged(file)
    assert wrong.result is Result.NOT_AUTHENTIC
    assert wrong.first is not None
    assert wrong.first.place.offset <= file.index(made[5]) + 4 < wrong.first.place.end


def rebuilt(sei: bytes, flags: int, *, chain: bool = True, general: bool = True) -> bytes:
    """A SEI of ours as other signers may write it: other flags, and fields left out; signed anew."""
    data = h264.unescape(sei)
    at = data.index(tlv.UUID) + 17
    fields = b""
    while data[at] != 3:  # the signature
        length = 3 + int.from_bytes(data[at + 1 : at + 3])
        if not (data[at] == 6 and not chain) and not (data[at] in (1, 2) and not general):
            fields += data[at : at + length]
        at += length
    size = 17 + len(fields) + 78
    content = b"\6\5" + b"\xff" * (size // 255) + bytes([size % 255]) + tlv.UUID + bytes([flags]) + fields
    signature = der_of(signing()(h264.escape(content) if flags & 0x40 else content))
    return h264.escape(content + b"\3\0\x4b\1\0" + bytes([len(signature)]) + signature.ljust(72, b"\1") + b"\x80")


def test_certificates_may_be_in_a_sei_of_their_own() -> None:
    made = list(recording())
    with_chain = signature_of_sample(made[7])
    for at, each in enumerate(made):
        if has_signature(each):
            sei = signature_of_sample(each)
            made[at] = each.replace(sized(sei), sized(rebuilt(sei, 0, chain=False)))
    assert judged(mp4(made)).result is Result.NOT_AUTHENTIC  # nobody knows the key
    made[0] = sized(rebuilt(with_chain, 0x80, general=False)) + made[0]
    verdict = judged(mp4(made))
    assert (verdict.result, verdict.gops) == (Result.AUTHENTIC, 5)


def test_what_is_signed_may_have_been_escaped_before() -> None:
    made = list(recording())
    for at, each in enumerate(made):
        if has_signature(each):
            sei = signature_of_sample(each)
            made[at] = each.replace(sized(sei), sized(rebuilt(sei, 0x40)))
    assert judged(mp4(made)).result is Result.AUTHENTIC


class Unwilling(Signing):
    """A key that fails the first times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self._left = failures

    def __call__(self, content: bytes) -> bytes:
        self._left -= 1
        if self._left >= 0:
            raise EdgeAgentError("the TPM is busy")
        return super().__call__(content)


@pytest.mark.parametrize("gops", [(3, 4, 3, 4), (1, 1, 1, 4), (60, 3)], ids=str)
def test_a_signature_covers_the_gops_for_which_the_key_has_failed(gops: tuple[int, ...]) -> None:
    key = Unwilling(2)
    signer = key.signer()
    made = samples(signed(stream(2, gops), signer))
    assert (signer.waiting, signer.trouble) == (0, "the TPM is busy")
    verdict = judged(mp4(made), key.ca)
    assert (verdict.result, verdict.units) == (Result.AUTHENTIC, sum(gops))
    del made[1]
    assert judged(mp4(made), key.ca).result in (Result.MISSING, Result.NOT_AUTHENTIC)


def test_a_key_that_is_slow_signs_later_and_covers_what_it_has_let_pass() -> None:
    key = Signing()
    signer, pictures = key.signer(), stream(gops=(3, 4, 3, 4))
    key.seconds = 1000
    made = [added(signer, each, BEGAN_NS + at * FRAME_NS) for at, each in enumerate(pictures[:12])]
    assert signer.waiting == 3
    key.seconds = 0
    made += [added(signer, each, BEGAN_NS + at * FRAME_NS) for at, each in enumerate(pictures[12:], 12)]
    made.append(signer.finish(BEGAN_NS + 14 * FRAME_NS))
    verdict = judged(mp4(samples(made)), key.ca)
    assert (signer.waiting, verdict.result, verdict.units) == (0, Result.AUTHENTIC, 14)


def test_a_clip_that_begins_while_a_key_is_slow_holds_though_nothing_moves_in_the_picture() -> None:
    key, still = Signing(), stream(gops=(1, 5))
    signer, one, other = key.signer(), still[1:], [still[0], *still[2:]]  # two of the same in a row are no H.264
    key.seconds = 1000
    made = [added(signer, each, BEGAN_NS + at * FRAME_NS) for at, each in enumerate((one + other) * 3)]
    key.seconds = 0
    made += [added(signer, each, BEGAN_NS + at * FRAME_NS) for at, each in enumerate(one, 30)]
    verdict = judged(mp4(samples(made[10:])), key.ca)
    assert (verdict.result, verdict.units) == (Result.AUTHENTIC, 20)


def test_signatures_of_another_signer_are_taken_out() -> None:
    twice = signed(signed(stream(), Signing().signer())[:-1], signing().signer())
    verdict = judged(mp4(samples(twice)))
    assert (verdict.result, verdict.gops) == (Result.AUTHENTIC, 5)


def test_a_sei_that_lies_about_its_length_is_broken() -> None:
    pictures = list(recording())
    at = pictures[12].index(tlv.UUID) - 1
    for lie in (0, 0x7F, 0xFE, 0xFF):
        altered = list(pictures)
        altered[12] = pictures[12][:at] + bytes([lie]) + pictures[12][at + 1 :]
        assert Fault.SEI in faults(altered)


def test_the_signer_begins_with_the_first_idr_picture() -> None:
    signer, early = signing().signer(), picture(random.Random(1))
    assert added(signer, early, BEGAN_NS) == early
    assert signer.finish(BEGAN_NS) == b""
