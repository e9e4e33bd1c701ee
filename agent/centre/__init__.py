"""The command centre's library: what a program needs that listens to devices and answers them.

`Consumer` is the contract's rules without a connection: it is fed with what brokers bring, and returns what happened.
"""

from agent.centre.consumer import Consumer, Device, Mark
from agent.centre.notices import (
    Alarm,
    AlarmChanged,
    AlarmLost,
    AlarmReopened,
    Duplicate,
    EpochChanged,
    HoleFilled,
    HoleFound,
    Message,
    NewMessage,
    NewPicture,
    Notice,
    Presence,
    PresenceChanged,
    RecordLost,
    RecordSkipped,
    Unreadable,
)
from agent.centre.replays import Replay
from agent.centre.words import printable

__all__ = [
    "Alarm",
    "AlarmChanged",
    "AlarmLost",
    "AlarmReopened",
    "Consumer",
    "Device",
    "Duplicate",
    "EpochChanged",
    "HoleFilled",
    "HoleFound",
    "Mark",
    "Message",
    "NewMessage",
    "NewPicture",
    "Notice",
    "Presence",
    "PresenceChanged",
    "RecordLost",
    "RecordSkipped",
    "Replay",
    "Unreadable",
    "printable",
]
