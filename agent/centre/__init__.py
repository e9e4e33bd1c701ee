"""The command centre's library: what a program needs that listens to devices and answers them.

`Centre` is connected to every broker, tells what happens, and carries acks and commands. `Consumer`, which it is built
on, is the contract's rules without a connection: it is fed with what brokers bring, and returns what happened.
"""

from agent.adapters.jose_keys import PrivateKey
from agent.adapters.tls_context import TlsFiles
from agent.centre.centre import Centre
from agent.centre.config import co_sign, sign_config, sign_kept
from agent.centre.consumer import Consumer, Device, Mark
from agent.centre.heads import Heads, HeadsError, Refused
from agent.centre.notices import (
    Alarm,
    AlarmChanged,
    AlarmLost,
    AlarmReopened,
    DevicesBack,
    DevicesGone,
    Duplicate,
    EpochChanged,
    HoleFilled,
    HoleFound,
    LivePicture,
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
from agent.centre.orders import AbandonedError, NoAnswerError, Signed
from agent.centre.outages import Liveness
from agent.centre.replays import Replay
from agent.centre.words import do_not, printable
from agent.contract.errors import BrokerError, SettingsError
from agent.contract.vocabulary import AckAction

__all__ = [
    "AbandonedError",
    "AckAction",
    "Alarm",
    "AlarmChanged",
    "AlarmLost",
    "AlarmReopened",
    "BrokerError",
    "Centre",
    "Consumer",
    "Device",
    "DevicesBack",
    "DevicesGone",
    "Duplicate",
    "EpochChanged",
    "Heads",
    "HeadsError",
    "HoleFilled",
    "HoleFound",
    "LivePicture",
    "Liveness",
    "Mark",
    "Message",
    "NewMessage",
    "NewPicture",
    "NoAnswerError",
    "Notice",
    "Presence",
    "PresenceChanged",
    "PrivateKey",
    "RecordLost",
    "RecordSkipped",
    "Refused",
    "Replay",
    "SettingsError",
    "Signed",
    "TlsFiles",
    "Unreadable",
    "co_sign",
    "do_not",
    "printable",
    "sign_config",
    "sign_kept",
]
