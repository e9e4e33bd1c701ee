from hypothesis import given
from hypothesis import strategies as st

from agent.core.camera.stream_clock import StreamClock

MS = 1_000_000
SECOND = 1000 * MS
START = 5000 * SECOND


def stamps(frames: list[tuple[int | None, int]]) -> list[int]:
    """What a fresh clock makes of (presentation in ms, arrival in ms after START), in ms after START."""
    clock = StreamClock()
    made = []
    for presentation_ms, arrival_ms in frames:
        presentation_ns = None if presentation_ms is None else presentation_ms * MS
        made.append(clock.stamp(presentation_ns, START + arrival_ms * MS))
    return [round((stamp - START) / MS) for stamp in made]


def test_frames_that_nothing_holds_up_were_captured_when_they_arrive() -> None:
    assert stamps([(0, 10), (100, 110), (200, 210)]) == [10, 110, 210]


def test_what_a_frame_arrives_later_than_the_quickest_it_spent_on_the_way() -> None:
    assert stamps([(0, 10), (100, 110), (200, 390), (300, 395), (400, 410)]) == [10, 110, 210, 310, 410]


def test_frames_that_had_waited_when_the_stream_was_opened_are_overtaken_by_a_quicker_one() -> None:
    assert stamps([(0, 1500), (50, 1501), (100, 1502), (1450, 1503), (1500, 1553), (1550, 1603)])[-2:] == [1553, 1603]


def test_a_stream_without_presentation_times_goes_by_arrival() -> None:
    assert stamps([(None, 10), (None, 150), (None, 170)]) == [10, 150, 170]


def test_a_clock_that_never_moves_is_none() -> None:
    assert stamps([(0, 10), (0, 110), (0, 5210)]) == [10, 110, 5210]


def test_a_clock_that_begins_to_move_late_is_followed_from_there() -> None:
    assert stamps([(0, 10), (0, 110), (100, 210), (200, 390)]) == [10, 110, 210, 310]


def test_a_moment_that_is_repeated_gets_no_younger() -> None:
    assert stamps([(0, 10), (100, 110), (100, 210), (100, 9000)]) == [10, 110, 110, 110]


def test_after_a_long_standstill_the_first_new_moment_is_now() -> None:
    assert stamps([(0, 10), (100, 110), (100, 9000), (200, 9100), (300, 9200)]) == [10, 110, 110, 9100, 9200]


def test_after_a_step_back_the_clock_is_anchored_again() -> None:
    assert stamps([(5000, 10), (5100, 110), (0, 210), (100, 330), (200, 410)]) == [10, 110, 210, 310, 410]


def test_after_a_small_step_back_too_frames_are_stamped_as_they_arrive() -> None:
    assert stamps([(1000, 10), (1100, 110), (900, 210), (1000, 310)]) == [10, 110, 210, 310]


def test_a_leap_ahead_is_not_followed_into_the_future() -> None:
    assert stamps([(0, 10), (100, 110), (90_000, 210), (90_100, 310)]) == [10, 110, 210, 310]


def test_one_frame_without_a_time_between_others_goes_by_its_arrival() -> None:
    assert stamps([(0, 10), (100, 110), (None, 250), (300, 310)]) == [10, 110, 250, 310]


def test_a_clock_that_runs_too_slowly_never_makes_a_frame_older_than_two_seconds() -> None:
    arrivals = [n * 100 for n in range(600)]
    made = stamps([(n * 40, arrival) for n, arrival in enumerate(arrivals)])

    assert max(arrival - stamp for arrival, stamp in zip(arrivals, made, strict=True)) <= 2000


def test_a_frame_may_be_two_seconds_late() -> None:
    frames: list[tuple[int | None, int]] = [(0, 10), (100, 110)]
    assert stamps([*frames, (3099, 5110)])[-1] == 3110  # a clock that may drift by 1 ms in 5 s
    assert stamps([*frames, (3098, 5110)])[-1] == 5110


def test_the_drift_of_an_ordinary_clock_is_followed_for_days() -> None:
    clock = StreamClock()
    day_s = 86_400
    for second in range(2 * day_s):
        arrival_ns = START + second * SECOND
        age_ns = arrival_ns - clock.stamp(second * SECOND - second * 100_000, arrival_ns)  # it loses 100 ppm

    assert age_ns < 1 * MS


@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(-(10**15), 10**15), st.integers(0, 5)),
            st.integers(1, 10**11),
        ),
        max_size=40,
    )
)
def test_whatever_a_stream_says_stamps_rise_and_none_is_from_the_future(frames: list[tuple[int | None, int]]) -> None:
    clock = StreamClock()
    arrival_ns, last_ns = 10**15, 0
    for presentation_ns, passed_ns in frames:
        arrival_ns += passed_ns
        stamp_ns = clock.stamp(presentation_ns, arrival_ns)
        assert last_ns < stamp_ns <= arrival_ns
        assert isinstance(stamp_ns, int)
        last_ns = stamp_ns
