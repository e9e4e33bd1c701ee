import pytest

from agent.core.analytics.presence import Evidence

SECOND = 1_000_000_000


class Watched:
    """Evidence on a clock that goes on by `fps` frames a second."""

    def __init__(self, begin_after_s: float = 0.5, end_after_s: float = 3.0, fps: float = 10) -> None:
        self.evidence = Evidence(round(begin_after_s * SECOND), round(end_after_s * SECOND))
        self.step_ns = round(SECOND / fps)
        self.now_ns = 0

    def see(self, *frames: bool | None, may_begin: bool = True) -> bool:
        for shown in frames:
            self.now_ns += self.step_ns
            self.evidence.update(self.now_ns, self.step_ns, shown, may_begin=may_begin)
        return self.evidence.holds


@pytest.mark.parametrize("fps", [2, 5, 10, 25])
def test_it_begins_after_the_same_time_at_every_frame_rate(fps: float) -> None:
    watched = Watched(begin_after_s=2, fps=fps)
    while not watched.see(True):
        pass

    assert watched.now_ns == watched.evidence.first_ns + 2 * SECOND


@pytest.mark.parametrize("begin_after_s", [0, 0.01, 0.5])
def test_one_frame_is_never_enough(begin_after_s: float) -> None:
    assert not Watched(begin_after_s, fps=1).see(True)
    assert Watched(begin_after_s, fps=1).see(True, True)


def test_a_detector_that_finds_them_in_six_of_ten_frames_only_delays_it() -> None:
    assert Watched().see(*[True, True, True, False, True, True, False, True, False, False] * 2)


def test_a_stray_frame_now_and_then_never_adds_up() -> None:
    assert not Watched().see(*([True] + [False] * 30) * 100)


def test_one_frame_is_forgotten_after_four_without_it() -> None:
    watched = Watched()
    watched.see(True, False, False, False)
    assert not watched.evidence.idle
    watched.see(False)
    assert watched.evidence.idle


def test_what_holds_ends_after_its_time_without_it() -> None:
    watched = Watched()
    watched.see(*[True] * 10)

    assert watched.see(*[False] * 29)
    assert not watched.see(False)
    assert watched.evidence.idle
    assert watched.evidence.last_ns == SECOND


def test_one_frame_in_five_keeps_it() -> None:
    watched = Watched()
    watched.see(*[True] * 10)

    assert watched.see(*[False, False, False, False, True] * 100)


def test_frames_that_say_nothing_keep_what_holds_and_begin_nothing() -> None:
    watched = Watched()
    assert not watched.see(*[None] * 100)
    watched.see(*[True] * 10)

    assert watched.see(*[None] * 100)


def test_what_is_put_off_begins_at_the_first_frame_that_may_and_tells_when_it_was_first_seen() -> None:
    watched = Watched()
    assert not watched.see(*[True] * 100, may_begin=False)

    assert watched.see(True)
    assert watched.evidence.first_ns == SECOND // 10


def test_what_was_seen_for_long_and_put_off_does_not_begin_at_a_stray_frame_later() -> None:
    watched = Watched()
    watched.see(*[True] * 100, may_begin=False)

    assert not watched.see(*[False] * 20, True)


def test_what_is_cleared_needs_all_its_evidence_again() -> None:
    watched = Watched()
    watched.see(*[True] * 10)
    watched.evidence.clear()

    assert watched.evidence.idle
    assert not watched.see(True, True, True)
