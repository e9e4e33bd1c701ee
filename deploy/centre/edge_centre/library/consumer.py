"""The contract's rules for a subscriber, put together: fed with what brokers bring, it returns what has happened."""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from typing import Any, NamedTuple

from agent.contract.lamps import LightState
from agent.contract.messages import AlarmData, AlarmsData, ResultData, SecurityData, StateData
from agent.contract.stages import Stage
from edge_centre.library.alarms import MOST_OPEN, Alarms
from edge_centre.library.kept_lists import KeptLists
from edge_centre.library.notices import (
    Alarm,
    Duplicate,
    EpochChanged,
    LivePicture,
    Message,
    NewMessage,
    NewPicture,
    Notice,
    Presence,
    RecordLost,
    Unreadable,
)
from edge_centre.library.order import Numbers, Order
from edge_centre.library.outages import Liveness, Outages
from edge_centre.library.presence import PresenceWatch
from edge_centre.library.ranges import Range
from edge_centre.library.reader import read, refused
from edge_centre.library.record import Record
from edge_centre.library.replays import Replay, Replays
from edge_centre.library.standing import Standing

MOST_DEVICES = 20_000
REBIRTH_AFTER_S = 5.0
REBIRTH_AGAIN_S = 600.0
_MOST_BETWEEN = 1000
"""Between two lists further apart nothing is asked for: the device would replay for longer than people wait."""


class Mark(NamedTuple):
    """Up to which number of an epoch's record nothing is missing."""

    epoch: str
    number: int


class Device:
    """What is known of one device."""

    def __init__(self, source: str, mark: Mark | None, presence: PresenceWatch) -> None:
        self.source = source
        self._mark = mark
        self._numbers = Numbers()
        self._presence = presence
        self._alarms = Alarms(source)
        self._lists = KeptLists()
        self._record: Record | None = None
        self._between: Record | None = None
        """The numbers between a list that a broker had kept and a newer one: what is missing there may be a close."""
        self._between_top = 0
        self._kept_top: int | None = None
        """The highest number at the first list with open alarms that a broker had kept."""
        self._replays = Replays(source)
        self._asked: Record | None = None
        """Of which record the last replay is."""
        self._boot = (Order(0, -1), "", 0.0)
        """The machine's boot, as the newest fresh message has it, and when it began on the clock of `now_s`."""
        self._rank = 0
        self._rebirth_s: float | None = None
        """When to ask for a rebirth, unless it has told its state by then."""

    @property
    def presence(self) -> Presence:
        """Whether it is there."""
        return self._presence.presence

    @property
    def nonce(self) -> str | None:
        """The newest one; an ack or a command echoes it."""
        return self._numbers.nonce

    @property
    def open_alarms(self) -> list[Alarm]:
        """The alarms that are not closed, the ones that the device has lost included."""
        return self._alarms.open

    @property
    def lamps(self) -> LightState:
        """What its lamps show for its alarms, if it is not out of service, or in test mode."""
        return self._alarms.lamps()

    @property
    def holes(self) -> list[Range]:
        """What is missing from its record, as far as it is not lost for good."""
        return [hole for record in self._records for hole in record.holes]

    @property
    def mark(self) -> Mark | None:
        """Up to where its record is complete; None while it has told of none."""
        return self._mark if self._record is None else Mark(self._numbers.epoch, self._record.settled)

    def alarm(self, alarm_id: str) -> Alarm | None:
        """Return an alarm that is open, or was closed lately."""
        return self._alarms.get(alarm_id)

    def raises_again_s(self, alarm: Alarm) -> float | None:
        """Return when this alarm raises itself again unless an ack comes before, on the clock of `now_s`.

        None if no person has it, and while nothing fresh was heard of the boot that its newest message is of.
        """
        due_ms = alarm.data.raises_again_monoms
        _, bootid, began_s = self._boot
        return None if due_ms is None or alarm.bootid != bootid else began_s + due_ms / 1000

    def settle(self, alarm_id: str) -> None:
        """Forget an alarm that the device has lost: a person has found out what became of it."""
        self._alarms.settle(alarm_id)

    def see(self, picture: NewPicture, broker: str) -> list[Notice]:
        """Take in a picture."""
        is_new = self._numbers.is_new(f"snapshot/{picture.picture_id}")
        return [picture if is_new else Duplicate(self.source, picture.picture_id, broker)]

    def hear(
        self, message: Message, *, ahead: bool = False, brokers: Set[str] = frozenset(), spell: int = 0
    ) -> list[Notice]:
        """Take in a message. `brokers` and `spell`: see `KeptLists`."""
        envelope, data, now_s = message.envelope, message.data, message.heard_s
        is_will = isinstance(data, StateData) and data.state == "lost"
        # A will is the broker's word, and may be of an epoch that is long over.
        live = not message.retain and not is_will
        told: list[Notice] = [*self._presence.alive(now_s, message.broker)] if live else []
        order = self._numbers.place(
            envelope.epoch, envelope.seq, envelope.nonce, live=live, ahead=ahead, made=message.trusted_time
        )
        told += self._renew(now_s, live=live)
        is_newest = order is not None and order.epoch == self._rank
        if is_newest and self._between is not None and envelope.record is not None:
            told += self._between.hear(envelope.record)
        is_replayed = message.is_historical and is_newest and self._has(envelope.record)
        is_new = self._numbers.is_new(envelope.id, ahead=ahead) and not is_replayed
        told.append(NewMessage(message) if is_new else Duplicate(self.source, envelope.id, message.broker))
        if is_newest and not is_will and not ahead:
            told += self._count(message, is_new=is_new)
        if order is not None and message.retain and isinstance(data, AlarmsData):
            if is_new:
                self._numbers.hear_nonce(order, envelope.nonce)
            return told + self._compare(self._lists.take(message, brokers, spell, is_new=is_new), now_s)
        if not is_new or order is None:
            return told
        if live and is_newest and not message.is_historical and order > self._boot[0]:
            self._boot = order, envelope.bootid, now_s - envelope.monoms / 1000
        self._numbers.hear_nonce(order, envelope.nonce)
        return told + self._understand(message, order)

    def tick(self, now_s: float, listening_since_s: float | None) -> list[Notice]:
        """Return what has become true by waiting."""
        top = self._between_top
        knows_all = top > 0 and self._between is not None and self._between.is_whole(top)
        told: list[Notice] = [*self._alarms.tick(now_s, knows_all=knows_all)]
        told += self._presence.tick(now_s, listening_since_s)
        return told + [notice for record in self._records for notice in record.tick(now_s)]

    def decide(self, now_s: float) -> list[Notice]:
        """Return what kept lists say, if they have waited long enough for those of other brokers."""
        return self._compare(self._lists.due(now_s), now_s)

    @property
    def is_undecided(self) -> bool:
        """Whether a list that a broker had kept still waits for those of the other brokers."""
        return self._lists.is_waiting

    def wants_rebirth(self, now_s: float) -> bool:
        """Return whether it has to be told `rebirth`: it speaks, and has not said its state. Seldom true twice."""
        if self._rebirth_s is None or now_s < self._rebirth_s:
            return False
        self._rebirth_s = now_s + REBIRTH_AGAIN_S
        return self._presence.rank != self._rank

    def replay(self, now_s: float) -> Replay | None:
        """Return the replay that it has to be asked for now, if any."""
        if self.presence is not Presence.ONLINE:
            return None
        for record in self._records:
            if (due := self._replays.due(record, now_s)) is not None:
                self._asked = record
                return due
        return None

    def replayed(self, asked: Replay, result: ResultData | None, now_s: float) -> list[Notice]:
        """Take in what came of a replay."""
        return [] if self._asked is None else [*self._replays.answered(asked, result, self._asked, now_s)]

    @property
    def _records(self) -> list[Record]:
        return [record for record in (self._between, self._record) if record is not None]

    def _has(self, number: int | None) -> bool:
        return number is not None and self._record is not None and self._record.has(number)

    def _renew(self, now_s: float, *, live: bool) -> list[Notice]:
        """Begin anew when the device has lost its memory."""
        before, self._rank = self._rank, self._numbers.newest_rank()
        if live and self._presence.rank != self._rank and self._rebirth_s is None:
            self._rebirth_s = now_s + REBIRTH_AFTER_S
        if not before or self._rank == before:
            return []
        self._rebirth_s = now_s + REBIRTH_AFTER_S
        told: list[Notice] = [EpochChanged(self.source, self._numbers.epoch)]
        self._alarms.new_epoch(self._rank, now_s)
        told += [RecordLost(self.source, *hole, "epoch") for hole in self.holes]
        self._between, self._between_top, self._kept_top, self._replays = None, 0, None, Replays(self.source)
        if self._record is not None:
            # What we follow from its beginning can have no number that we missed.
            self._record = Record(self.source, 0)
        return told

    def _count(self, message: Message, *, is_new: bool) -> list[Notice]:
        """Follow the numbers of the record, also by a repetition: the first time it may have come ahead."""
        envelope = message.envelope
        done, number = envelope.recorddone, envelope.record
        if self._record is None:
            base = self._base(envelope.epoch, done if number is None else min(done, number - 1), message)
            if base is None:
                return []
            self._record = Record(self.source, base)
        told: list[Notice] = [] if number is None else [*self._record.hear(number)]
        self._record.hear_done(done, message.heard_s)
        if is_new and isinstance(message.data, SecurityData) and message.data.kind == "record-skipped":
            first, last = (_number(message.envelope.data.get("detail"), name) for name in ("first", "last"))
            told += self._record.skip(first, last)
        return told

    def _base(self, epoch: str, heard: int, message: Message) -> int | None:
        """Return the number from which on we follow the record; None while that is not known.

        It is where an earlier run left off, or else what the device says at the first fresh word that we hear: what a
        broker has retained, or comes late, is older than that.
        """
        if self._mark is not None:
            return self._mark.number if self._mark.epoch == epoch else 0
        is_fresh = not message.retain and not message.is_historical
        return max(0, heard) if is_fresh else None

    def _understand(self, message: Message, order: Order) -> list[Notice]:
        envelope, data, now_s = message.envelope, message.data, message.heard_s
        if isinstance(data, AlarmData):
            told: list[Notice] = []
            if data.stage != Stage.CLOSED and not self._alarms.has_room(data.alarm_id):
                told.append(refused(message.broker, message.topic, f"more than {MOST_OPEN} open alarms of one device"))
                if not self._alarms.crowd_out():
                    return told
            return [*told, *self._alarms.tell(data, envelope, order, now_s)]
        if isinstance(data, AlarmsData):
            return self._list(message, data, order, now_s)
        if isinstance(data, StateData):
            return [*self._presence.state(order.epoch, data, now_s)]
        if envelope.type.startswith("edge.health.") and not message.retain:
            self._presence.health(envelope.bootid, envelope.monoms)
        return []

    def _compare(self, lists: Sequence[Message], now_s: float) -> list[Notice]:
        """Take in lists that brokers had kept: only the newest says what is open."""
        found: list[tuple[Order, Message, AlarmsData]] = []
        for message in lists:
            order = self._numbers.order(message.envelope.epoch, message.envelope.seq)
            if order is not None and isinstance(message.data, AlarmsData):
                found.append((order, message, message.data))
        found.sort(key=lambda each: each[0])
        told: list[Notice] = []
        for order, message, data in found:
            told += self._list(message, data, order, now_s, is_newest=message is found[-1][1])
        return told

    def _list(
        self, message: Message, data: AlarmsData, order: Order, now_s: float, *, is_newest: bool = True
    ) -> list[Notice]:
        told = self._alarms.tell_open(
            data.open, message.envelope, order, now_s, retain=message.retain, is_newest=is_newest
        )
        if order.epoch == self._rank:
            self._look_between(message, has_open=bool(data.open))
        return [*told]

    def _look_between(self, message: Message, *, has_open: bool) -> None:
        """Have a close asked for that was told before we listened.

        An old list of one broker has the alarm, a newer one of another has not, and if the device has told of a close,
        its number is between those of the two lists.
        """
        top = message.envelope.recordtop
        if message.retain and has_open and self._kept_top is None:
            self._kept_top = top
        if self._kept_top is None or not self._alarms.may_be_closed:
            return
        if self._between is None and top - self._kept_top <= _MOST_BETWEEN:
            self._between = Record(self.source, self._kept_top)
        if self._between is not None:
            self._between_top = max(self._between_top, top)
            self._between.hear_done(top, message.heard_s)


class Consumer:
    """The memory of a subscriber, one for all brokers. Pure: it reads no clock, and one thread at a time may call it.

    Nothing that it is fed makes it raise, and its memory is bounded by the number of devices.
    """

    def __init__(
        self,
        root: str = "edge/v1",
        marks: Mapping[str, Mark] | None = None,
        liveness: Mapping[str, Liveness] | None = None,
        brokers: Collection[str] = (),
    ) -> None:
        """`marks` and `liveness` are those of an earlier run, by device: what was missed since is asked for, and whose
        silence would be told is waited for. `brokers` are all that are listened to: what one of them has kept of a
        device's open alarms waits for the others, for less than a second."""
        self._root = root
        self._brokers = frozenset(brokers)
        self._spell = 0
        """How often every connection was lost."""
        self._undecided: dict[str, Device] = {}
        self._marks = dict(marks or {})
        self._devices: dict[str, Device] = {}
        self._presences = {source: PresenceWatch(source, before) for source, before in (liveness or {}).items()}
        """Of the devices, and of those that an earlier run knew."""
        self._outages = Outages(liveness or {})
        self._standing: dict[str, Standing] = {}
        self._up: dict[str, float] = {}
        """The brokers that we are connected to, and since when."""
        self._listening = Standing()

    def connection(self, broker: str, up: bool, now_s: float) -> None:
        """Note that the connection to a broker stands, or is lost: while none stands, silence is ours."""
        self._standing.setdefault(broker, Standing()).note(up=up, now_s=now_s)
        self._up = {each: stands.since_s for each, stands in self._standing.items() if stands.since_s is not None}
        self._spell += not self._up
        self._listening.note(up=bool(self._up), now_s=now_s)

    def stood_still(self, now_s: float) -> None:
        """Note that you have just read, or have still to read, what came long ago: all silence until now is yours."""
        for each in (self._listening, *self._standing.values()):
            each.restart(now_s)
        self._up = dict.fromkeys(self._up, now_s)

    def hear(
        self, broker: str, topic: str, payload: bytes, retain: bool, now_s: float, *, ahead: bool = False
    ) -> list[Notice]:
        """Take in what a broker has brought; return what has happened. `now_s` must never fall; its zero is yours.

        `ahead`: by a session of alarms alone, so that it proves nothing of what else the device has said. The other
        session brings it again.
        """
        got = read(broker, topic, payload, retain, now_s, self._root)
        if isinstance(got, Unreadable | LivePicture):
            return [] if ahead else [got]
        device = self._devices.get(got.source)
        if device is None:
            if len(self._devices) >= MOST_DEVICES:
                return [refused(broker, topic, f"more than {MOST_DEVICES} devices")]
            presence = self._presences.setdefault(got.source, PresenceWatch(got.source))
            device = self._devices[got.source] = Device(got.source, self._marks.get(got.source), presence)
        if isinstance(got, NewPicture):
            return device.see(got, broker)
        told = device.hear(got, ahead=ahead, brokers=self._brokers, spell=self._spell)
        if device.is_undecided:
            self._undecided[got.source] = device
        return told

    def decide(self, now_s: float) -> list[Notice]:
        """Return what is open by lists that brokers had kept. Call it ten times a second: an alarm may wait for it."""
        told = [notice for device in self._undecided.values() for notice in device.decide(now_s)]
        self._undecided = {source: device for source, device in self._undecided.items() if device.is_undecided}
        return told

    @property
    def is_undecided(self) -> bool:
        """Whether a list of open alarms still waits for those of other brokers."""
        return bool(self._undecided)

    def tick(self, now_s: float) -> list[Notice]:
        """Return what has become true by waiting. Call it twice a second or so."""
        since_s = self._listening.since_s
        told = self.decide(now_s)
        told += [notice for device in self._devices.values() for notice in device.tick(now_s, since_s)]
        if since_s is None or not self._outages.is_due(now_s):
            return told
        followed = {source: each for source, each in self._presences.items() if each.is_followed}
        absences = {source: each.absence(now_s, since_s, self._up) for source, each in followed.items()}
        return told + self._outages.survey(now_s, absences)

    def replays(self, now_s: float) -> Iterator[Replay]:
        """Yield the replays that are due. Order each of them, and tell `replayed` what came of it."""
        for device in self._devices.values():
            if (replay := device.replay(now_s)) is not None:
                yield replay

    def replayed(self, asked: Replay, result: ResultData | None, now_s: float) -> list[Notice]:
        """Take in the final result of a replay, or None if there is none; return what is lost for good."""
        device = self._devices.get(asked.source)
        return [] if device is None else device.replayed(asked, result, now_s)

    def rebirths(self, now_s: float) -> list[str]:
        """Return the devices that have to be told `rebirth` now: they speak, but what they have retained was
        not heard, as some brokers do not deliver it to a subscription with wildcards."""
        return [source for source, device in self._devices.items() if device.wants_rebirth(now_s)]

    @property
    def devices(self) -> Mapping[str, Device]:
        """Every device that was heard of, by its source."""
        return self._devices

    def open_alarms(self) -> list[Alarm]:
        """Return every open alarm of every device."""
        return [alarm for device in self._devices.values() for alarm in device.open_alarms]

    def liveness(self) -> dict[str, Liveness]:
        """Return what to give to the next run, as its `liveness`. Leave out a device that is no longer in use."""
        followed = {source: each.health_s for source, each in self._presences.items() if each.is_followed}
        return {source: Liveness(self._outages.place_of(source), health_s) for source, health_s in followed.items()}

    def marks(self) -> dict[str, Mark]:
        """Return what to give to the next run, as its `marks`."""
        told = {source: device.mark for source, device in self._devices.items()}
        return self._marks | {source: mark for source, mark in told.items() if mark is not None}


def _number(detail: Any, name: str) -> int:
    """Return a whole number from a security event's detail; 0 where there is none."""
    value = detail.get(name) if isinstance(detail, dict) else None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return value if type(value) is int and 0 <= value < 2**53 else 0
