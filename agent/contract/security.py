"""Every kind of security event, one row each: how severe it is, when it is told, and what its `detail` has."""

from collections.abc import Mapping
from typing import Annotated, Literal, NamedTuple, NotRequired

from typing_extensions import TypedDict

from agent.contract.vocabulary import Count, Label, Level, Severity, Uuid, counts, known

SecurityKind = Literal[
    "boot",
    "tls-failed",
    "broker-refused",
    "broker-overrun",
    "session-taken-over",
    "delivery-stopped",
    "message-refused",
    "centre-state-ignored",
    "command-rejected",
    "command-repeated",
    "config-changed",
    "config-refused",
    "config-rolled-back",
    "keys-changed",
    "command-flood",
    "storage-damaged",
    "record-skipped",
    "sequence-restarted",
    "renamed",
    "test-mode-began",
    "test-mode-ended",
    "model-refused",
    "alarm-unreadable",
    "alarms-lost",
    "alarm-without-input",
    "service-page-opened",
    "service-page-entered",
    "service-page-ended",
    "snapshot-asked",
    "clip-asked",
    "clip-hold-changed",
    "live-started",
    "live-renewed",
    "live-stopped",
    "uploads-allowed",
]


class NoDetail(TypedDict):
    """Nothing."""


class BootDetail(TypedDict):
    """How the agent has started."""

    simulated: bool
    """Whether its hardware is simulated."""
    boot_id: Uuid
    """As `bootid` in the envelope."""


class BrokerDetail(TypedDict):
    """Which broker."""

    broker: str
    """Its address, as in the settings."""


class TopicDetail(TypedDict):
    """The topic of the message."""

    topic: str
    """At most 256 characters of it."""


class RejectedDetail(TypedDict):
    """What was refused, and why."""

    code: str
    """As in the result."""
    topic: str
    """At most 256 characters of it."""


class RepeatedDetail(TypedDict):
    """Whose command it was."""

    kid: str
    """The key that it was signed with."""


class ConfigDetail(TypedDict):
    """Which settings, and who wants them."""

    revision: Count
    issuer: str


class ConfigRefusedDetail(ConfigDetail):
    """Which settings, who wants them, and why not."""

    code: str
    """As in the result."""


class RolledBackDetail(TypedDict):
    """Which settings did not come up."""

    revision: Count
    in_force: Count
    """The revision that counts again."""


class KeysDetail(TypedDict):
    """The ids of keys."""

    came: list[str]
    went: list[str]
    changed: list[str]
    """Each the ids of keys."""


class DamageDetail(TypedDict):
    """What was damaged, and what became of it."""

    file: str
    reason: str
    set_aside: str
    """The file that the damaged one is kept under."""
    salvaged: Count
    """Messages that were saved."""
    lost: Count
    """Messages that are known to be gone."""


class SkippedDetail(TypedDict):
    """Which numbers of the record were skipped."""

    first: Count
    last: Count
    """Inclusive."""


class SequenceDetail(TypedDict):
    """Where the count goes on."""

    seq: Count


class RenamedDetail(TypedDict):
    """What the device was called, and what that has cost."""

    was: str
    """The first part of the topics under that name: `{root}/{province}/{site}/{device}`."""
    given_up: Annotated[dict[str, int], counts("alarm", "state", "security", "event", "picture")]
    """How many messages that had waited, by class; those of open alarms are told anew."""


class TestModeDetail(TypedDict):
    """Which presses are tests, and for how long."""

    input: Label | None
    """Null: those of every input, or of several, which `inputs` names."""
    inputs: NotRequired[list[Label]]
    """Those of these alone; not there when every input is tested."""
    seconds: float


class ModelDetail(TypedDict):
    """Which model it is."""

    camera: Level
    model: str


class UnreadableDetail(TypedDict):
    """The alarm as it was kept."""

    kept: str
    """Its first 2,000 characters."""


class LostDetail(TypedDict):
    """Which alarms are lost."""

    alarm_ids: list[Uuid]
    """Those that are known by name."""
    all_known: bool
    """Whether these are all."""


class InputDetail(TypedDict):
    """Which alarm it is, and of which input."""

    alarm_id: Uuid
    input: Label


class PageOpenedDetail(TypedDict):
    """Who has asked for it."""

    by: Annotated[str, known("contact", "command")]
    who: str
    """The name of the contact's input, or who holds the command's key."""
    seconds: float
    """For how long."""
    blinks: bool
    """Whether the beacon tells its code."""


class PageEnteredDetail(TypedDict):
    """From where."""

    peer: str
    """The phone's address."""


class PageEndedDetail(TypedDict):
    """What came of it."""

    wrong_codes: Count


class SnapshotAskedDetail(TypedDict):
    """Which picture, and who wants it."""

    camera: Level
    snapshot: str
    """Identifier of the picture under `up/snapshot/{id}`: the `cmd_id`."""
    issuer: str
    reason: NotRequired[str]
    """As in the command; left out if none was given."""


class ClipAskedDetail(TypedDict):
    """Which clip, and who wants it."""

    clip: Uuid
    camera: Level
    issuer: str
    reason: str
    """As in the command."""


class ClipHoldDetail(TypedDict):
    """Which clip, and who has said so."""

    clip: Uuid
    hold: bool
    issuer: str
    reason: str
    """As in the command."""


class LookDetail(TypedDict):
    """Which look, and whose."""

    live: Uuid
    camera: Level
    issuer: str
    role: str
    """Of the key."""
    by: NotRequired[str]
    """The name that the centre gives the person."""
    reason: str
    """As in the command; of an end, that with which it began."""
    rung: NotRequired[Annotated[str, known("pictures", "stream")]]
    """Pictures, when left out."""
    place: NotRequired[str]
    """Of a stream: the host of the media server to which it goes."""


class LookStartedDetail(LookDetail):
    """Which look, whose, and for how long."""

    fps: Count
    """Pictures a second, at most."""
    lease_s: Count


class LookStoppedDetail(LookDetail):
    """Which look, whose, and what came of it."""

    why: Annotated[str, known("asked", "lease", "camera", "stream", "not-kept", "restart")]
    """`camera`: it gave no picture for 10 s. `stream`: it could not be pushed, or no longer. `not-kept`: the disk did
    not take the beginning, and no picture was sent. `restart`: the agent has ended."""
    failure: NotRequired[str]
    """What has ended a stream, for a person."""
    ended_by: NotRequired[str]
    """Who has ended it with `live-stop`."""
    seconds: NotRequired[float]
    """How long it lasted; left out, with `pictures`, when the agent was killed meanwhile."""
    pictures: NotRequired[Count]
    """How many were sent while it lasted."""


class UploadsDetail(TypedDict):
    """To whom recordings may go, and who has said so."""

    hosts: list[str]
    """The hosts of the URLs, with a port where it is not 443."""
    issuer: str


class SecurityRow(NamedTuple):
    """One kind of security event."""

    severity: Severity
    when: str
    detail: type = NoDetail
    """A TypedDict."""


SECURITY: Mapping[SecurityKind, SecurityRow] = {
    "boot": SecurityRow("info", "the agent has started", BootDetail),
    "tls-failed": SecurityRow(
        "warning",
        "a certificate is wrong, ours or the broker's; once an outage, told when the connection is back",
    ),
    "broker-refused": SecurityRow(
        "warning",
        "the broker refused the login or a subscription, or does not allow the device's own state; once an outage",
    ),
    "broker-overrun": SecurityRow(
        "warning",
        "the broker sent a message with QoS 2, more than 100 messages before it confirmed the subscription, or a packet"
        " of more than 1 MiB that is no message: the connection was ended; once an outage",
    ),
    "session-taken-over": SecurityRow(
        "warning",
        "another client has connected to the broker under this device's client id, and the broker ended the device's"
        " own connection: a copy of its card, or whoever may choose client ids there, as a command centre may at"
        " Mosquitto; told once the device is back, which is at once",
    ),
    "delivery-stopped": SecurityRow(
        "warning",
        "a broker that used to return the device's echo no longer did: nothing sent to the device arrived, acks"
        " included. The device has reconnected, or has gone to another broker",
        BrokerDetail,
    ),
    "message-refused": SecurityRow(
        "warning",
        "the broker refused a message, can't carry one of that size, or ended every connection on which it was sent"
        " alone; told once for each, and once for an alarm that a cluster passes on in part",
        TopicDetail,
    ),
    "centre-state-ignored": SecurityRow(
        "warning", "what a centre says of itself is not of the contract's form", TopicDetail
    ),
    "command-rejected": SecurityRow("warning", "an ack or command was refused", RejectedDetail),
    "command-repeated": SecurityRow("info", "a `cmd_id` came again", RepeatedDetail),
    "config-changed": SecurityRow("warning", "new settings are being tried", ConfigDetail),
    "config-refused": SecurityRow("warning", "settings were refused for what they say", ConfigRefusedDetail),
    "config-rolled-back": SecurityRow("warning", "new settings did not come up; `text` says why", RolledBackDetail),
    "keys-changed": SecurityRow("warning", "the key set has changed", KeysDetail),
    "command-flood": SecurityRow(
        "warning", "messages came faster than they can be read or verified, and some were not"
    ),
    "storage-damaged": SecurityRow("warning", "a database was damaged", DamageDetail),
    "record-skipped": SecurityRow(
        "info",
        "after a power cut, some numbers of the record were never given, or were lost",
        SkippedDetail,
    ),
    "sequence-restarted": SecurityRow(
        "warning",
        "the numbers of earlier runs could not be read: `seq` goes on at the time in milliseconds since 1970",
        SequenceDetail,
    ),
    "renamed": SecurityRow(
        "warning",
        "the device has got another name, and had messages under the old one that no broker takes from it any more:"
        " they were given up. Its open alarms are told under the new name",
        RenamedDetail,
    ),
    "test-mode-began": SecurityRow("info", "presses are tests now", TestModeDetail),
    "test-mode-ended": SecurityRow("info", "presses are in earnest again"),
    "model-refused": SecurityRow(
        "alert",
        "a camera's model lies where the agent itself can write, or is not what its manifest says, and does not run;"
        " `text` says what runs instead, if anything does; once a start of the agent",
        ModelDetail,
    ),
    "alarm-unreadable": SecurityRow(
        "alert", "an alarm that was open before the start can't be read by this version", UnreadableDetail
    ),
    "alarms-lost": SecurityRow(
        "alert",
        "a damaged database has lost alarms that were open, or may have. Keep them visible and send somebody or call",
        LostDetail,
    ),
    "alarm-without-input": SecurityRow(
        "warning",
        "an open alarm is of an input that is not in the settings any more; it can still be closed",
        InputDetail,
    ),
    "service-page-opened": SecurityRow(
        "warning",
        "somebody in the cabinet, or a command, has asked for the service page; `text` says where a phone reaches it, "
        "or that none can",
        PageOpenedDetail,
    ),
    "service-page-entered": SecurityRow("warning", "a phone has entered its code", PageEnteredDetail),
    "service-page-ended": SecurityRow("info", "nobody can reach it any more; `text` says why", PageEndedDetail),
    "snapshot-asked": SecurityRow(
        "warning", "somebody has asked for a picture by a command; never left out", SnapshotAskedDetail
    ),
    "clip-asked": SecurityRow("warning", "somebody has asked for a recording by a command", ClipAskedDetail),
    "clip-hold-changed": SecurityRow(
        "warning", "somebody has asked to keep a clip whatever its age, or to release it", ClipHoldDetail
    ),
    "live-started": SecurityRow(
        "warning",
        "somebody begins to look through a camera: on the disk before the first picture is sent; none of the"
        " three is ever left out",
        LookStartedDetail,
    ),
    "live-renewed": SecurityRow("info", "they go on looking", LookStartedDetail),
    "live-stopped": SecurityRow(
        "info",
        "they look no longer; of a look that a kill or a power cut has ended, told at the next start",
        LookStoppedDetail,
    ),
    "uploads-allowed": SecurityRow(
        "warning",
        "somebody has given URLs to which segments of recordings are uploaded; told once until it is somebody else, or"
        " another host",
        UploadsDetail,
    ),
}
"""By kind, in the order in which the contract's page lists them."""
