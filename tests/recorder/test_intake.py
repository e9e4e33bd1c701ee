"""What a recorder takes from a source, and what it refuses."""

from datetime import timedelta

import pytest

from agent.core.camera.units import HEAD, Kind, RecordHead, StreamHeader, UnitsError
from agent.core.errors import EncoderError
from agent.recorder.intake import Encoder, Intake
from tests.support.recording import Eager, encoded
from tests.support.sim_clock import SimClock


class Repeats:
    """Stands for an encoder: gives what was encoded before."""

    def __init__(self, width: int, height: int) -> None:
        self.name, self.trouble = f"repeats-{width}", ""
        self.closed = False
        self._units = iter(encoded(150, (width, height)))

    def encode(self, picture: memoryview, boottime_ns: int) -> list[tuple[bytes, int]]:
        return [(next(self._units)[0], boottime_ns)]

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, *, may_be_unmasked: bool = True) -> None:
        self.clock = SimClock()
        self.encoders: list[Repeats] = []
        eager = Eager()
        self.pieces = eager.pieces
        backlog = eager.backlog(self.clock)
        self.intake = Intake("yard", may_be_unmasked, backlog, self._encoder, self.clock.boottime_ns, 5)

    def _encoder(self, width: int, height: int) -> Encoder:
        self.encoders.append(Repeats(width, height))
        return self.encoders[-1]

    def header(self, codec: str = "h264", *, masked: bool = False, camera: str = "yard", width: int = 64) -> None:
        assert codec in {"h264", "i420"}
        record = StreamHeader("h264" if codec == "h264" else "i420", camera, width, 48, masked).record()
        self.give(Kind.HEADER, record[HEAD.size :])

    def give(self, kind: Kind, content: bytes, *, late: bool = False, lasts_s: float = 0.2) -> None:
        head = RecordHead(kind, self.clock.boottime_ns(), len(content), late=late)
        self.intake.take(head, memoryview(content))
        self.clock.advance(timedelta(seconds=lasts_s))

    def give_units(self, count: int) -> None:
        for unit, _ in encoded(count):
            self.give(Kind.UNIT, unit)

    @property
    def taken(self) -> int:
        self.intake.lost("")
        return sum(len(piece.sizes) for piece in self.pieces)


def test_the_h264_of_a_camera_is_taken_as_it_is() -> None:
    rig = Rig()
    rig.header()
    assert rig.intake.detail
    rig.give_units(10)

    assert rig.intake.detail == ""
    assert rig.intake.pictures == rig.taken == 10


def test_pictures_are_encoded_and_another_size_gets_another_encoder() -> None:
    rig = Rig()
    rig.header("i420")
    for _ in range(5):
        rig.give(Kind.PICTURE, bytes(64 * 48 * 3 // 2))
    rig.header("i420", width=96)
    rig.give(Kind.PICTURE, bytes(96 * 48 * 3 // 2))

    assert [each.name for each in rig.encoders] == ["repeats-64", "repeats-96"]
    assert [each.closed for each in rig.encoders] == [True, False]
    assert rig.intake.encoder_name == "repeats-96"
    assert rig.taken == 6


@pytest.mark.parametrize("codec", ["h264", "i420"])
def test_of_a_camera_with_masks_nothing_is_taken_that_does_not_show_them(codec: str) -> None:
    rig = Rig(may_be_unmasked=False)
    with pytest.raises(UnitsError, match="privacy masks"):
        rig.header(codec)
    for kind, content in ((Kind.UNIT, encoded(1)[0][0]), (Kind.PICTURE, bytes(64 * 48 * 3 // 2))):
        with pytest.raises(UnitsError, match="before it says what they are"):
            rig.give(kind, content)

    assert rig.taken == 0


def test_a_source_can_not_turn_unmasked_after_it_was_accepted() -> None:
    rig = Rig(may_be_unmasked=False)
    rig.header(masked=True)
    rig.give_units(5)
    with pytest.raises(UnitsError, match="privacy masks"):
        rig.header(masked=False)
    with pytest.raises(UnitsError):
        rig.give(Kind.UNIT, encoded(1)[0][0])

    assert rig.taken == 5


def test_pictures_of_another_camera_are_refused() -> None:
    with pytest.raises(UnitsError, match="of camera gate came to the recorder of camera yard"):
        Rig().header(camera="gate")


def test_a_picture_of_another_length_than_its_header_says_is_refused() -> None:
    rig = Rig()
    rig.header("i420")

    with pytest.raises(UnitsError, match="64 x 48 has 17 bytes"):
        rig.give(Kind.PICTURE, bytes(17))


def test_a_unit_among_pictures_is_refused() -> None:
    rig = Rig()
    rig.header("i420")

    with pytest.raises(UnitsError, match="sends a unit"):
        rig.give(Kind.UNIT, b"\0\0\1\x65")


def test_what_a_source_says_of_its_trouble_is_handed_on() -> None:
    with pytest.raises(UnitsError, match="the stream is HEVC"):
        Rig().give(Kind.TROUBLE, b"the stream is HEVC")


def test_a_camera_that_falls_silent_leaves_nothing_waiting_and_is_told() -> None:
    rig = Rig()
    rig.header()
    rig.give_units(7)
    rig.clock.advance(timedelta(seconds=1))
    rig.intake.idle()
    assert sum(len(piece.sizes) for piece in rig.pieces) == 7
    assert rig.intake.detail == ""
    rig.clock.advance(timedelta(seconds=5))
    rig.intake.idle()

    assert rig.intake.detail == "no picture for 6 s"


def test_a_camera_that_sends_no_key_frame_is_not_called_recorded() -> None:
    rig = Rig()
    rig.header()
    for unit, _ in encoded(150, group=150)[1:]:
        rig.give(Kind.UNIT, unit)
    assert "no key frame comes" in rig.intake.detail
    rig.header()
    for unit, _ in encoded(200, group=50):
        rig.give(Kind.UNIT, unit)
        assert rig.intake.detail == ""


def test_after_another_source_has_come_only_a_key_frame_begins() -> None:
    rig = Rig()
    rig.header()
    rig.give_units(7)
    rig.header()
    for unit, _ in encoded(10)[7:]:
        rig.give(Kind.UNIT, unit)

    assert rig.taken == 7


def test_without_an_encoder_the_source_hears_why() -> None:
    def none(width: int, height: int) -> Encoder:
        raise EncoderError("nothing here encodes")

    rig = Rig()
    intake = Intake("yard", True, Eager().backlog(rig.clock), none, rig.clock.boottime_ns)
    content = StreamHeader(codec="i420", camera="yard", width=64, height=48, masked=False).record()[HEAD.size :]

    with pytest.raises(EncoderError):
        intake.take(RecordHead(Kind.HEADER, 0, len(content)), memoryview(content))


def test_a_processor_that_cannot_follow_is_told_of_while_it_cannot_and_a_slow_camera_is_none() -> None:
    rig = Rig()
    rig.header("i420")
    troubles = []
    for late, lasts_s in ((False, 0.5), (True, 0.5), (True, 0.2), (False, 0.2)):
        for number in range(1 + round(10 / lasts_s)):
            every_other = late and number % 2 == 0
            rig.give(Kind.PICTURE, bytes(64 * 48 * 3 // 2), late=every_other, lasts_s=lasts_s)
        troubles.append(rig.intake.trouble)

    assert troubles[0] == ""
    assert "2.0 pictures a second are recorded, and 5 are wanted" in troubles[1]
    assert troubles[2:] == ["", ""]
    assert rig.intake.detail == "", "it is recorded all the same"
