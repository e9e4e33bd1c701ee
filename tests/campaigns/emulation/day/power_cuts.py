"""Power cuts at two moments of their own and at random ones: what each has left, and what the centre hears of it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.campaigns.emulation import lamps
from tests.campaigns.emulation.alarm_log import Alarm, still_open
from tests.campaigns.emulation.book import Book, Row
from tests.campaigns.emulation.cuts.ledger import SAFE_MS, Life, Verdict, judge
from tests.campaigns.emulation.cuts.mains import Mains
from tests.campaigns.emulation.cuts.plan import draw
from tests.campaigns.emulation.kiosk import Kiosk
from tests.support.wait import wait_for

_ARRIVE_S = 90.0
_WITHOUT_PRESSES = 2
"""So many cuts are at moments of their own."""


def play(kiosk: Kiosk, book: Book, *, cuts: int, seed: int) -> None:
    """On a kiosk that is online."""
    with ThreadPoolExecutor(1) as examiner:
        mains = Mains(kiosk, examiner)
        _answered(kiosk, book, mains)
        plan = draw(seed, max(1, cuts - _WITHOUT_PRESSES))
        with book.row(f"{len(plan)} power cuts at random moments: each time it starts again", essential=True) as row:
            row.seen = f"seed {seed}: {mains.suffer(plan)}"
        lives, faults = mains.lives()
        with book.row("every press older than a second was on the disk when the power went") as row:
            _enter(row, judge(lives[_WITHOUT_PRESSES:]))
        with book.row("after each cut file system and databases are whole") as row:
            row.seen = f"{len(lives)} disks: e2fsck, PRAGMA integrity_check"
            assert not faults, "; ".join(faults[:5])
        with book.row("all that was kept arrives at the centre, each press once") as row:
            row.seen = _wait_until_told(kiosk, lives)
        mains.wait_until_online()
        kiosk.close_alarms()


def _answered(kiosk: Kiosk, book: Book, mains: Mains) -> None:
    """The first two cuts: of an alarm that somebody has answered, and closed."""
    with book.row("power cut while an alarm is registered: its lamps are lit again", essential=True) as row:
        alarm = kiosk.press_and_hear("police")
        kiosk.centre.acknowledge(alarm.alarm_id, kiosk.key, "registered")
        assert lamps.watch_s("registered") * 1000 > SAFE_MS  # so the answer is old enough to be on the disk
        kiosk.wiring.wait_for_lights("registered")
        mains.write()
        remains = mains.cut()
        row.figures["boot_s"] = mains.boot()
        kiosk.wiring.wait_for_lights("registered")
        row.seen = f"registered; {mains.boot_s:.0f} s from power-on until the buttons are live"
    with book.row("what was not flushed is gone, what was is there: the cut is real") as row:
        left = remains.result()
        row.seen = f"flushed: {left.flushed.strip() or 'no'}, not flushed: {left.unflushed.strip() or 'no'}"
        assert row.seen == "flushed: yes, not flushed: no", row.seen
    with book.row(
        "power cut as soon as a close is told: the lamps are as the disk has it, and a close counts", essential=True
    ) as row:
        mains.wait_until_online()
        told = kiosk.close_alarm(alarm)
        remains = mains.cut()
        mains.boot()
        open_still = remains.result().presses
        row.seen = "the disk had it not" if open_still else "the disk had it"
        if open_still:
            # It was told before the disk was through with it: only one that took longer than 2 s does that.
            assert open_still == {"police": 1}, str(open_still)
            assert told.data.get("durable") is False, "closed was told as durable, and the disk did not have it"
            row.seen += f": {kiosk.wiring.wait_for_lights('registered')}; closed again"
            mains.wait_until_online()
            kiosk.centre.acknowledge(alarm.alarm_id, kiosk.key, "closed")
        row.seen += f": {kiosk.wiring.wait_for_lights('idle')}"


def _enter(row: Row, verdict: Verdict) -> None:
    forgotten = verdict.forgotten_ms
    young = "none was forgotten" if forgotten is None else f"the oldest forgotten was {forgotten:.0f} ms old"
    row.seen = f"{verdict.kept} of {verdict.made} presses kept, {verdict.old} of them older; {young}"
    row.figures |= {"made": verdict.made, "old": verdict.old, "kept": verdict.kept}
    row.figures["forgotten_ms"] = round(forgotten or 0.0)
    assert not verdict.lost, f"{len(verdict.lost)} lost: {verdict.lost[:5]}"
    assert not verdict.invented, f"{verdict.invented} presses that nobody made"
    assert verdict.old, f"there was nothing to lose: {row.seen}"


def _wait_until_told(kiosk: Kiosk, lives: Sequence[Life]) -> str:
    """Until the centre knows of every press that the disk had at the last cut."""
    kept: Mapping[str, int] = lives[-1].left
    possible = Counter(name for life in lives for name in (*(press.input for press in life.presses), life.cut_off))
    found = [_told(kiosk, name, count) for name, count in sorted(kept.items())]
    for alarm in found:
        assert alarm.raised == 1, f"{alarm.input} was raised {alarm.raised} times"
        made = possible[alarm.input]
        assert alarm.presses <= made, f"{alarm.input}: {alarm.presses} presses told, {made} made"
    known = {alarm.alarm_id for alarm in found}
    others = [alarm for alarm in still_open(kiosk.alarms()) if alarm.alarm_id not in known]
    for alarm in others:
        _check_forgotten(alarm, lives)
    kiosk.forgotten |= {alarm.alarm_id for alarm in others}
    seen = f"{len(found)} alarms, {sum(alarm.presses for alarm in found)} presses"
    return f"{seen}; {len(others)} more told, and cut before the disk had them" if others else seen


def _told(kiosk: Kiosk, name: str, count: int) -> Alarm:
    """The alarm of an input that the kiosk has: the last one that was raised."""

    def complete() -> list[Alarm]:
        last = still_open(kiosk.alarms(name))[-1:]
        return [alarm for alarm in last if alarm.presses >= count and not alarm.untold]

    return wait_for(complete, _ARRIVE_S, f"the centre knows of each of {count} presses of {name}: that")[0]


def _check_forgotten(alarm: Alarm, lives: Sequence[Life]) -> None:
    """A press goes to the centre before the disk has it. So a cut may leave an alarm there that the kiosk forgets, if
    the disk had nothing of that button. How old such a press may be, the books say."""
    cuts = [life for life in lives if not life.left.get(alarm.input)]
    presses = [name for life in cuts for name in (*(press.input for press in life.presses), life.cut_off)]
    assert alarm.raised == 1, f"{alarm.input} was raised {alarm.raised} times"
    assert alarm.presses <= presses.count(alarm.input), f"the disk had {alarm.input}, and the kiosk has it no more"
