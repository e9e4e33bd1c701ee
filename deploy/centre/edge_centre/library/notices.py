"""What a consumer of the contract can find out: small values, one for each thing that happens."""

from dataclasses import dataclass, field
from enum import StrEnum
from math import inf
from typing import Literal

from agent.contract.messages import AlarmData, Envelope, Payload
from agent.contract.stages import Stage
from agent.contract.vocabulary import SELF_TEST, TimeQuality

LossReason = Literal["missing", "not-sent", "epoch", "crowded-out"]
"""Why messages of the record are given up: the device no longer has them; it says that it has sent them, and they never
come; it has lost its memory; or there were too many holes to remember this one."""
DeviceLoss = Literal["", "vanished", "unheard", "epoch"]
"""Why a device no longer knows an open alarm; see `AlarmLost`."""


@dataclass(frozen=True, slots=True)
class Message:
    """One envelope. Nothing in it is believed about another device than `source`."""

    broker: str
    topic: str
    retain: bool
    heard_s: float
    """When it came, on the clock of whoever feeds the consumer."""
    envelope: Envelope
    data: Payload | None
    """None of a type that this version does not know; `envelope.data` has it as it came."""

    @property
    def source(self) -> str:
        """The device, as `/edge/{province}/{site}/{device}`."""
        return self.envelope.source

    @property
    def is_historical(self) -> bool:
        """Whether it comes late, also if its type is not known here."""
        return self.envelope.data.get("historical") is True

    @property
    def trusted_time(self) -> str | None:
        """When the device made it, RFC 3339; None while its clock is not set: then use the time when you got it."""
        return self.envelope.time if self.envelope.timeq is TimeQuality.SYNCED else None


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message came for the first time."""

    message: Message


@dataclass(frozen=True, slots=True)
class NewPicture:
    """A picture came for the first time: a JPEG for the alarm, event or command with that identifier."""

    source: str
    picture_id: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A message or picture came again, and was dropped."""

    source: str
    id: str
    broker: str


@dataclass(frozen=True, slots=True)
class LivePicture:
    """A picture of a camera through which somebody looks. It is told each time it comes."""

    source: str
    camera: str
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Unreadable:
    """What came is no message of the contract, and was dropped. `reason` is one printable line."""

    broker: str
    topic: str
    reason: str


class Presence(StrEnum):
    """Whether a device is there."""

    UNKNOWN = "unknown"
    """It has not said yet."""
    ONLINE = "online"
    OFFLINE = "offline"
    """It was shut down in order."""
    LOST = "lost"
    """Its broker says that the connection broke."""
    SILENT = "silent"
    """It said that it is online, and nothing for 2.3 intervals of its health."""


@dataclass(frozen=True, slots=True)
class PresenceChanged:
    """A device came, went, fell silent, or has started again (`restarted`; then both presences may be `online`)."""

    source: str
    presence: Presence
    before: Presence
    restarted: bool = False


@dataclass(frozen=True, slots=True)
class DevicesGone:
    """Nobody would hear a press at these devices: lost, silent or shut down, and not back soon. Each is told once.

    Those of a place that went dark at the same time are told together.
    """

    place: str
    """What they have in common: `gp/park-station/kiosk-1` if it is only one, or its site, or the first words of the
    names of several sites (`gp/soweto`), or the province; empty if it is all that there is."""
    sources: tuple[str, ...]
    of: int
    """How many devices were there at that place before."""
    unheard: tuple[str, ...] = ()
    """The brokers by which they last spoke, if we are connected to none of them: then perhaps it is only us."""
    heard_s: float = field(default=-inf, compare=False)
    """When the last of them spoke, on the clock of `now_s` (of a `Centre`, `time.monotonic`); -inf if none has yet."""


@dataclass(frozen=True, slots=True)
class DevicesBack:
    """Devices that were told gone speak again."""

    place: str
    """The place of the message in which they were told gone."""
    sources: tuple[str, ...]
    left: int
    """How many of that message are still gone."""


@dataclass(frozen=True, slots=True)
class EpochChanged:
    """A device has lost its memory: a new card, or a disk that gave nothing back. It knows no older alarm."""

    source: str
    epoch: str


@dataclass(frozen=True, slots=True)
class HoleFound:
    """Messages of the record (alarms, security, events) did not come: `first` to `last`, inclusive."""

    source: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class HoleFilled:
    """A message of a hole came after all."""

    source: str
    number: int


@dataclass(frozen=True, slots=True)
class RecordLost:
    """Messages of the record are lost for good: `first` to `last`, inclusive."""

    source: str
    first: int
    last: int
    why: LossReason


@dataclass(frozen=True, slots=True)
class RecordSkipped:
    """After a power cut the device went on above these numbers. Those that never came were never given, or are lost."""

    source: str
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm as its newest message has it."""

    source: str
    data: AlarmData
    """Holder and answers are in here, too."""
    epoch: str
    seq: int
    changed_s: float
    bootid: str
    """The boot that `data.raises_again_monoms` counts in."""
    lost: DeviceLoss = ""
    """Why the device no longer knows it, if so. It is open until a person has found out: send somebody, or call."""

    @property
    def alarm_id(self) -> str:
        """Its identifier, which is unique among all devices."""
        return self.data.alarm_id

    @property
    def is_open(self) -> bool:
        """Whether it is not closed."""
        return self.data.stage is not Stage.CLOSED

    @property
    def is_self_test(self) -> bool:
        """Whether it is the test alarm of a self-test, which a program answers."""
        return self.data.input == SELF_TEST

    @property
    def may_send_somebody(self) -> bool:
        """Whether it is no test and no exercise."""
        return self.data.status == "actual" and not self.is_self_test


@dataclass(frozen=True, slots=True)
class AlarmChanged:
    """An alarm is new (`before` is None), or its stage, presses, holder or something else has changed."""

    alarm: Alarm
    before: Alarm | None

    @property
    def rings(self) -> bool:
        """Whether people have to be called: it is new, however late it comes, or has raised itself again."""
        reraised = -1 if self.before is None else self.before.data.reraised
        return self.alarm.is_open and self.alarm.data.reraised > reraised


@dataclass(frozen=True, slots=True)
class AlarmReopened:
    """An alarm that was heard closed is open: the device lost its power before the close was on its disk.

    Without `presses` since the close, a program closes it again, with the `press_count` of `closed`. With some, it is
    an alarm for people.
    """

    alarm: Alarm
    closed: Alarm

    @property
    def presses(self) -> int:
        """How often somebody has pressed since the close."""
        return max(0, self.alarm.data.press_count - self.closed.data.press_count)


@dataclass(frozen=True, slots=True)
class AlarmLost:
    """The device no longer knows an open alarm. No lamp shows it, and the device can't close it.

    `alarm.lost` says why. `vanished`: power was cut before its disk had the press, or the disk was damaged. `unheard`:
    only an older list of another broker has it, so it was most likely closed while nobody listened here, and the device
    can't be asked: nobody is called for that. If a close comes later, an AlarmChanged tells. `epoch`: the device has
    lost its memory.
    """

    alarm: Alarm


Notice = (
    NewMessage
    | NewPicture
    | LivePicture
    | Duplicate
    | Unreadable
    | PresenceChanged
    | DevicesGone
    | DevicesBack
    | EpochChanged
    | HoleFound
    | HoleFilled
    | RecordLost
    | RecordSkipped
    | AlarmChanged
    | AlarmReopened
    | AlarmLost
)
