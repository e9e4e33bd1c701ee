"""What comes waits as it is while nothing is recorded."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import pytest

from agent.recorder.backlog import Backlog
from agent.recorder.pieces import Assembler
from agent.recorder.recorder import Limits, Recorder
from agent.recorder.ring import Ring
from agent.trust.evidence.h264 import Unit, begins_group
from tests.support.recording import SECOND, KeptClips, encoded
from tests.support.sim_clock import SimClock


class Counts:
    """A signer that counts what it is asked for."""

    def __init__(self) -> None:
        self.signed = self.put_off_times = self.finished = 0

    def add(self, units: Sequence[Unit], t_ns: int) -> list[bytes]:
        self.signed += 1
        return [each.data for each in units]

    def put_off(self) -> None:
        self.put_off_times += 1

    def finish(self, t_ns: int) -> bytes:
        self.finished += 1
        return b""


class Rig:
    """A camera of five pictures a second with a key frame each second, and a recorder with ten seconds in memory."""

    def __init__(self) -> None:
        self.clock, self.clips, self.signer = SimClock(), KeptClips(), Counts()
        self.recorder = Recorder(Ring(10, 1 << 20), self.clips, lambda _: None, self.clock, Limits(4, 1 << 20, 300))
        self.backlog = Backlog(Assembler(self.signer, self.clock, self.recorder.add), self.recorder, self.clock)
        self._units = iter(encoded(400))

    def give(self, pictures: int) -> None:
        for unit, _ in (next(self._units) for _ in range(pictures)):
            self.backlog.add(((self.clock.boottime_ns(), unit),), begins_group(unit))
            self.clock.advance(timedelta(seconds=0.2))
            self.recorder.run_once(0)

    def press(self, clip: str, seconds: float) -> list[float]:
        """Begin a clip; return how long the camera showed each fragment of what was in memory, in seconds."""
        self.backlog.begin(lambda: self.recorder.begin(clip, seconds, {}))
        self.recorder.run_once(0)
        return [round((each.end_ns - each.begin_ns) / SECOND, 3) for each in self.clips.kept[clip].fragments[1:]]

    @property
    def ring_s(self) -> float:
        return self.recorder.state()[0]


def test_nothing_is_signed_at_rest_and_all_that_is_there_at_a_press() -> None:
    rig = Rig()
    rig.give(103)
    at_rest = rig.signer.signed

    assert at_rest <= 10  # the first piece shows whether the camera can be recorded
    assert 10 <= rig.ring_s <= 11.5
    assert rig.press("c1", 2) == [*[1] * 10, 0.6]  # and what there is of the group that goes on
    assert rig.signer.signed > at_rest + 50
    assert rig.clips.kept["c1"].fragments[1].begin_ns == rig.clock.boottime_ns() - round(10.6 * SECOND)


def test_after_a_clip_it_rests_again_and_the_next_one_has_what_both_have_seen() -> None:
    rig = Rig()
    rig.give(103)
    rig.press("c1", 2)
    rig.give(20)
    assert rig.clips.kept["c1"].ended == "complete"
    signed = rig.signer.signed
    rig.give(20)

    assert rig.signer.signed <= signed + 5
    fragments = rig.press("c2", 2)
    assert sorted(fragments) == [0.4, 0.6, 0.6, *[1] * 9]  # the first press came in the middle of a group
    assert rig.signer.finished == 1  # between the first piece of all and what was there at the first press
    assert all(one.end_ns == other.begin_ns for one, other in pairwise(rig.clips.kept["c2"].fragments[1:]))


def test_a_wall_clock_that_was_set_while_it_waited_changes_no_time_of_what_was_there() -> None:
    rig = Rig()
    rig.give(63)
    rig.clock.step_wall(timedelta(hours=1))
    rig.give(40)
    rig.press("c1", 2)
    fragments = rig.clips.kept["c1"].fragments[1:-1]
    steps = [after.wall_begin - before.wall_begin for before, after in pairwise(fragments)]

    assert sorted(steps) == [*[timedelta(seconds=1)] * 8, timedelta(hours=1, seconds=1)]


@pytest.mark.parametrize("off_s", [-8, 3600])
def test_a_second_whose_times_are_wrong_costs_neither_the_press_nor_what_was_there_before(off_s: int) -> None:
    """After a stall a camera sends at once what it has kept, or its clock has jumped."""
    rig = Rig()
    rig.give(40)
    units, begin_ns = [next(rig._units)[0] for _ in range(5)], rig.clock.boottime_ns() + off_s * SECOND
    batch = tuple((begin_ns + number * SECOND // 5, unit) for number, unit in enumerate(units))
    rig.backlog.add(batch, True, begin_ns + SECOND)
    lengths = rig.press("c1", 2)

    assert len(lengths) == 9
    assert min(lengths) >= 0
