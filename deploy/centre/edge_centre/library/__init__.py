"""The command centre's library: what a program needs that listens to devices and answers them.

`Centre` is connected to every broker, tells what happens, and carries acks and commands. `Consumer`, which it is built
on, is the contract's rules without a connection: it is fed with what brokers bring, and returns what happened.
"""

from agent.contract.errors import BrokerError, SettingsError
from agent.contract.vocabulary import AckAction
from agent.contract.words import do_not, printable
from agent.trust.jose_keys import PrivateKey
from agent.trust.orders import Signed
from agent.trust.tls_context import TlsFiles
from edge_centre.library.centre import Centre
from edge_centre.library.config import co_sign, sign_config, sign_kept
from edge_centre.library.consumer import Consumer, Device, Mark
from edge_centre.library.heads import Heads, HeadsError, Refused
from edge_centre.library.notices import (
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
from edge_centre.library.orders import AbandonedError, NoAnswerError
from edge_centre.library.outages import Liveness
from edge_centre.library.replays import Replay

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
