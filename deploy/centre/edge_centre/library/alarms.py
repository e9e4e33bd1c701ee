"""The alarms of one device, as the centre must see them."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, replace

from agent.contract.lamps import LightState, for_open_alarms
from agent.contract.messages import AlarmData, Envelope
from agent.contract.stages import Stage
from edge_centre.library.notices import Alarm, AlarmChanged, AlarmLost, AlarmReopened, DeviceLoss
from edge_centre.library.order import Order

LOST_AFTER_S = 5.0
"""How long the message of a close may come after the list in which the alarm is missing."""
UNHEARD_AFTER_S = 15.0
"""The same where only a replay can still bring it."""
MOST_OPEN = 500
_MOST_CLOSED = 200
AlarmNotice = AlarmChanged | AlarmReopened | AlarmLost


@dataclass(slots=True)
class _Entry:
    alarm: Alarm
    order: Order
    is_heard: bool
    """Whether the device has said it while we listened."""
    is_told: bool
    """False while nothing but an older list has it: it may have been closed."""


class Alarms:
    """Every open alarm of one device, and the last that were closed. Pure, one thread."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        """The one that was heard of last comes last."""
        self._missing: dict[str, tuple[float, DeviceLoss]] = {}
        """Open ones that the device no longer seems to know: when they count as lost, and why."""
        self._listed = Order(0, -1)
        """That of the newest list."""
        self._is_kept = False
        """Whether a broker had kept that list."""
        self._there: frozenset[str] = frozenset()
        """The alarms in it."""
        self._rank = 0
        """That of the newest epoch."""

    @property
    def open(self) -> list[Alarm]:
        """Those that are not closed, the ones that the device has lost included; not those that were not told yet."""
        return [entry.alarm for entry in self._entries.values() if entry.alarm.is_open and entry.is_told]

    def get(self, alarm_id: str) -> Alarm | None:
        """Return an alarm that is remembered, and was told."""
        entry = self._entries.get(alarm_id)
        return None if entry is None or not entry.is_told else entry.alarm

    def lamps(self) -> LightState:
        """Return what the kiosk's lamps show for its alarms."""
        return for_open_alarms(
            Stage(alarm.data.stage)
            for alarm in self.open
            if not alarm.lost and not alarm.data.silent and not alarm.is_self_test
        )

    @property
    def may_be_closed(self) -> bool:
        """Whether one is missing that may have been closed while nobody listened here."""
        return any(why != "epoch" and not self._entries[each].is_heard for each, (_, why) in self._missing.items())

    def has_room(self, alarm_id: str) -> bool:
        """Return whether this alarm can be remembered: so many open ones at a time come from no kiosk."""
        return alarm_id in self._entries or sum(each.alarm.is_open for each in self._entries.values()) < MOST_OPEN

    def crowd_out(self) -> bool:
        """Give up one alarm for another that there is no room for, so that of each button the newest is known.

        It is one of the button that has most: the oldest that nobody has, but for its first. Returns whether there
        was one.
        """
        by_input: dict[str, list[Alarm]] = {}
        for alarm in (entry.alarm for entry in self._entries.values() if entry.alarm.is_open):
            by_input.setdefault(alarm.data.input, []).append(alarm)
        most = max(by_input.values(), key=len)
        left = next((alarm for alarm in most[1:-1] if alarm.data.held_by is None), None)
        if left is not None:
            del self._entries[left.data.alarm_id]
            self._missing.pop(left.data.alarm_id, None)
        return left is not None

    def tell(self, data: AlarmData, envelope: Envelope, order: Order, now_s: float) -> list[AlarmNotice]:
        """Take in a message of an alarm."""
        known = self._entries.get(data.alarm_id)
        is_doubtful = known is not None and not known.is_told and self._is_outdated(data.alarm_id, order)
        told = self._apply(data, envelope, order, now_s, is_heard=not data.historical, is_told=not is_doubtful)
        self._miss(data.alarm_id, now_s)
        return told

    def tell_open(
        self,
        listed: Sequence[AlarmData],
        envelope: Envelope,
        order: Order,
        now_s: float,
        *,
        retain: bool,
        is_newest: bool = True,
    ) -> list[AlarmNotice]:
        """Take in a list of the open alarms. One that is missing in it is lost, unless its close still comes.

        Of a list that is not the newest (`is_newest`) nothing is told: it shows what may have been closed since.
        """
        if is_newest and order <= self._listed:
            return []
        if is_newest:
            self._listed, self._is_kept = order, retain
            self._there = frozenset(data.alarm_id for data in listed)
        told: list[AlarmNotice] = []
        for data in listed:
            if self.has_room(data.alarm_id):
                told += self._apply(data, envelope, order, now_s, is_heard=not retain, is_told=is_newest)
        for alarm_id in self._entries:
            self._miss(alarm_id, now_s)
        return told

    def new_epoch(self, rank: int, now_s: float) -> None:
        """The device has lost its memory: what it does not tell of soon, it does not know any more."""
        self._rank = rank
        for alarm_id in self._entries:
            self._miss(alarm_id, now_s)

    def tick(self, now_s: float, *, knows_all: bool) -> list[AlarmNotice]:
        """Return the alarms that are lost by now. `knows_all`: all that the device has said of this epoch since the
        oldest list has come, so that a close would have, too."""
        lost: list[AlarmNotice] = []
        for alarm_id, (due_s, why) in list(self._missing.items()):
            if now_s >= due_s:
                del self._missing[alarm_id]
                entry = self._entries[alarm_id]
                is_sure = why == "unheard" and knows_all and entry.order.epoch == self._listed.epoch
                lost_by: DeviceLoss = "vanished" if is_sure else why
                entry.alarm, entry.is_told = replace(entry.alarm, lost=lost_by, changed_s=now_s), True
                lost.append(AlarmLost(entry.alarm))
        return lost

    def settle(self, alarm_id: str) -> None:
        """Forget a lost alarm: a person has found out what became of it."""
        entry = self._entries.get(alarm_id)
        if entry is not None and entry.alarm.lost:
            del self._entries[alarm_id]

    def _apply(
        self, data: AlarmData, envelope: Envelope, order: Order, now_s: float, *, is_heard: bool, is_told: bool
    ) -> list[AlarmNotice]:
        entry = self._entries.get(data.alarm_id)
        if entry is not None and order <= entry.order:
            return []
        alarm = Alarm(self._source, data, envelope.epoch, order.seq, now_s, envelope.bootid)
        before = None if entry is None or not entry.is_told else entry.alarm
        is_heard = is_heard or (entry is not None and entry.is_heard)
        is_told = is_told or not alarm.is_open or (before is not None and before.is_open)
        self._entries[data.alarm_id] = _Entry(alarm, order, is_heard, is_told)
        self._entries.move_to_end(data.alarm_id)
        self._missing.pop(data.alarm_id, None)
        if not alarm.is_open:
            self._forget_old()
        if not is_told:
            return []
        if before is not None and not before.is_open and alarm.is_open:
            return [AlarmReopened(alarm, before)]
        if before is not None and not before.lost and _is_same(before.data, data):
            return []
        return [AlarmChanged(alarm, before)]

    def _miss(self, alarm_id: str, now_s: float) -> None:
        """Begin to miss an open alarm that the newest epoch, or its newest list, does not know."""
        entry = self._entries[alarm_id]
        is_old = entry.order.epoch < self._rank
        is_missing = self._is_outdated(alarm_id, entry.order) and not entry.alarm.is_self_test
        if not (is_old or is_missing) or not entry.alarm.is_open or entry.alarm.lost:
            return
        why: DeviceLoss = "epoch" if is_old else "vanished"
        after_s = LOST_AFTER_S if is_old or entry.is_heard else UNHEARD_AFTER_S
        if not entry.is_told:
            why, after_s = "unheard", UNHEARD_AFTER_S
        elif not is_old and not entry.is_heard and self._is_kept:
            why, after_s = "unheard", 0.0  # the list that had it turns out to be the older of two that brokers had kept
        self._missing.setdefault(alarm_id, (now_s + after_s, why))

    def _is_outdated(self, alarm_id: str, order: Order) -> bool:
        """Whether a word of an open alarm is older than the newest list, which has it no longer."""
        return order < self._listed and alarm_id not in self._there

    def _forget_old(self) -> None:
        closed = [alarm_id for alarm_id, entry in self._entries.items() if not entry.alarm.is_open]
        for alarm_id in closed[:-_MOST_CLOSED]:
            del self._entries[alarm_id]


def _is_same(one: AlarmData, other: AlarmData) -> bool:
    return one.model_copy(update={"historical": False}) == other.model_copy(update={"historical": False})
