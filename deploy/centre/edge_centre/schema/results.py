"""Every result of a command: what its status and code mean, and what its `output` has.

For the schemas and the contract's page; the agent itself does not import it.
"""

from collections.abc import Mapping
from typing import Annotated, NamedTuple, NotRequired

from typing_extensions import TypedDict

from agent.contract.messages import Answer
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction, Count, Level, Outcome, Time, TimeQuality, Uuid, known


class AckOutput(TypedDict):
    """Of every `ack` that was executed."""

    alarm_id: Uuid
    action: AckAction
    stage: NotRequired[Stage]
    """The alarm's stage after it; left out if there is no such alarm."""
    held_by: NotRequired[Answer]
    """Who has the alarm; left out if nobody has."""


class PingOutput(TypedDict):
    """Of `ping`, when it has succeeded."""

    time: Time
    """The device's wall clock."""
    timeq: TimeQuality


class SnapshotOutput(TypedDict):
    """Of `snapshot`, when the camera has answered."""

    snapshot: Level
    """Identifier of the picture under `up/snapshot/{id}`: the `cmd_id`."""


class StepOutput(TypedDict):
    """One step of a self-test."""

    ok: bool
    detail: str
    """For a person."""
    ms: Count
    """How long it took."""


class SelfTestOutput(TypedDict):
    """Of `self-test`, when it has ended."""

    outcome: Outcome
    steps: dict[str, StepOutput]
    """By name."""


class ReplayOutput(TypedDict):
    """Of every `replay` that was executed."""

    first: Count
    last: Count
    """The range, inclusive: at most up to the newest number."""
    count: Count
    """How many messages are sent again."""
    missing: list[tuple[Count, Count]]
    """First and last of each range that the device no longer has; the lowest 100 of them. What still waits is not among
    it: it comes by itself."""


class ClipOutput(TypedDict):
    """Of `clip`, once it is asked for."""

    clip: Uuid
    camera: Level


class ClipHoldOutput(TypedDict):
    """Of `clip-hold`, when it has succeeded."""

    clip: Uuid
    hold: bool
    camera: Level
    """Whose clip it is."""


class Looker(TypedDict):
    """Somebody who looks."""

    live: Uuid
    issuer: str
    by: NotRequired[str]
    """As in their command."""


class LiveOutput(TypedDict):
    """Of `live-start`, when it has succeeded."""

    live: Uuid
    """The look: by it you go on, and end it."""
    camera: Level
    rung: NotRequired[Annotated[str, known("pictures", "stream")]]
    """Pictures, when left out."""
    place: NotRequired[str]
    """Of a stream: the media server's host, as the device's settings have it."""
    lease_s: Count
    looks: list[Looker]
    """All who look through this camera now, this look included."""


class LiveStopOutput(TypedDict):
    """Of `live-stop`, when it has succeeded."""

    live: Uuid
    camera: Level
    pictures: Count
    """How many were sent while it lasted."""


class UploadUrlsOutput(TypedDict):
    """Of `upload-urls`."""

    taken: Count
    """How many URLs the device keeps."""
    refused: list[str]
    """Why it does not keep the others, for a person."""


class UnknownOutput(TypedDict):
    """Of a rejected message whose claims can't be read, or whose key is not known."""

    sha256: str
    """SHA-256 of the payload, of its first 16 KiB if it has more, in hexadecimal digits, by which you know your own."""


class Output(NamedTuple):
    """What the `output` of a command's results has."""

    data: type
    """A TypedDict."""
    codes: tuple[str, ...]
    """Of the results that have it; that of all others is empty."""


OUTPUTS: Mapping[str, Output] = {
    "ack": Output(AckOutput, ("ok", "already-registered", "not-durable", "unknown-alarm", "pressed-since")),
    "ping": Output(PingOutput, ("ok",)),
    "snapshot": Output(SnapshotOutput, ("ok", "no-picture")),
    "self-test": Output(SelfTestOutput, ("ok", "test-failed", "interrupted")),
    "replay": Output(ReplayOutput, ("ok", "asked", "not-confirmed")),
    "clip": Output(ClipOutput, ("ok", "asked", "no-clip")),
    "clip-hold": Output(ClipHoldOutput, ("ok",)),
    "live-start": Output(LiveOutput, ("ok",)),
    "live-stop": Output(LiveStopOutput, ("ok",)),
    "upload-urls": Output(UploadUrlsOutput, ("ok", "bad-url")),
    "unknown": Output(UnknownOutput, ()),
}
"""By the name in the result; `unknown` has it whatever the code, when that is the command's id too."""


class Result(NamedTuple):
    """One row of the table of results."""

    status: str
    code: str
    meaning: str


_MEANINGS: Mapping[str, Mapping[str, str]] = {
    "succeeded": {
        "not-durable": "the alarm is closed and the lamps are off, but the disk has not taken it within 2 s: after a"
        " power cut it would be open again, and say so",
        "already-registered": "of a `registered` ack: another person has the alarm, and keeps it",
        "ok": "done, and a close is on the disk; of a snapshot: the picture is on its way, under the command's id; of"
        " a clip: what was in memory is on the card; of a `live-start`: it is in the record, and pictures or the stream"
        " follow",
    },
    "in-progress": {
        "asked": "a camera was asked for a picture, a recorder for a clip or its hold, or a self-test or a replay"
        " begins, or the service page was asked for; another result follows",
        "trying": "new settings are tried; another result follows, after a restart of the agent",
        "rebooting": "the machine restarts; another result follows",
    },
    "failed": {
        "forbidden-setting": "`text` names the settings that can't be changed from afar. Like every `config-set` and"
        " `keys-set` that fails, it changes nothing",
        "bad-settings": "the settings have mistakes: `text` has all of them",
        "second-signer": "`text` says what takes a second signature; none came, or it is not right",
        "old-revision": "the revision is not above the last one that the device has seen",
        "bad-keys": "the key set is not one, has no admin, or lacks the signer's own key",
        "not-kept": "the disk does not take it; of a `live-start`: so nobody looks",
        "rolled-back": "the new settings did not come up, `text` says why; the old ones are in force",
        "not-rebooted": "the agent has started again, the machine has not",
        "test-failed": "the self-test has found something: `output` says what",
        "interrupted": "an alarm came in between, which a self-test gives way to; order it again",
        "not-confirmed": "of a replay: no broker would take all of it; order it again",
        "no-disk": "of a replay: the disk does not answer",
        "busy": "a self-test or a replay is already running, or other settings are being tried, or keys written, or 8"
        " look already, or looks have begun or gone on too often within a minute, or the camera has given a `snapshot`"
        " within 10 s and no alarm is open: more than that is a look (`live-start`)",
        "no-data": "of a look: this month's data of the SIM card is used up, and no alarm is open",
        "unknown-alarm": "there is no open alarm with that id",
        "pressed-since": "of a `closed` ack whose `press_count` is lower than the alarm's: somebody has pressed since,"
        " nothing is closed, and the alarm has raised itself again",
        "alarm-open": "no self-test, no reboot and no trial of settings begins while an alarm is open, nor test mode"
        " while one is open that is not a test",
        "no-code": "of a `service-page`: the claim had no code and there is no beacon; send `code_hash`",
        "no-page": "of a `service-page`: nothing opens, `text` says why",
        "unknown-input": "there is no input with that name",
        "no-camera": "no such camera, or it does not work",
        "not-recorded": "no such camera, or it is not recorded, or its recorder does not work now",
        "no-clip": "the recorder could not keep one: `text` says why",
        "unknown-clip": "no recorder has a clip of that name",
        "no-picture": "the camera could not give one; of a `live-start`: it has none now, `text` says why",
        "unknown-live": "there is no such look, or it is over: begin another",
        "no-stream": "of a `live-start`: this camera has no stream, as the settings name no media server, or it is not"
        " recorded now; look by pictures",
        "stream-failed": "of a `live-start` that would go on: its stream has ended, `text` says why; begin another, or"
        " look by pictures",
        "not-yours": "the look is another person's; a supervisor or an admin may end it",
        "no-uploads": "uploads are off: the settings name no host for them, or no camera is recorded",
        "bad-url": "of `upload-urls`: the device keeps none of the URLs; `output` says why",
        "unknown-outcome": "the agent ended after it had accepted the command and before there was a result; it came"
        " again, and was not executed again. Never of an ack",
    },
    "timed-out": {
        "no-answer": "the camera or the recorder did not answer within 10 s, the device did not begin to reboot within"
        " 60 s, the trial of settings did not end within 120 s, the self-test within 300 s, or the replay within 1,800"
        " s",
    },
}
RESULTS = tuple(Result(status, code, meaning) for status, codes in _MEANINGS.items() for code, meaning in codes.items())
"""In the order in which the contract's page lists them."""

REJECTIONS: Mapping[str, str] = {
    "retained": "the message was retained on the broker: clear it there",
    "too-large": "more than 16 KiB",
    "malformed": "no JWS, not EdDSA, no `kid`, no JSON, or a claim is missing or of the wrong form",
    "unknown-key": "the `kid` is not in the device's key set",
    "bad-signature": "the signature is not that of the key",
    "wrong-issuer": "the key belongs to somebody else than `iss`",
    "wrong-audience": "meant for another device, or for an id without its province and site",
    "replayed": "`ctr` was used already, or is below the window: sign again",
    "counter-ahead": "`ctr` is more than 24 h ahead of the device's clock: use microseconds since 1970",
    "wrong-boot-nonce": "the agent has restarted since: sign again, with the newest `nonce`",
    "nonce-expired": "the device's clock is not set, and the nonce was first given out 600 s ago or more: sign again,"
    " with the newest one",
    "too-long-lived": "`exp` is more than 300 s after `iat`",
    "counters-unknown": "the device can't read what it has accepted before (its disk does not answer, or was damaged,"
    " or it says what can't be true): sign again, with its newest `nonce`",
    "clock-unsynced": "the device's clock is not set: sign again, with its newest `nonce`",
    "expired": "`exp` has passed",
    "not-yet-valid": "`iat` is more than 30 s in the future",
    "unknown-command": "the device has no such command, or it came on the wrong kind of topic",
    "bad-arguments": "`args` is not of the form above",
    "wrong-topic": "the last level of the topic is another alarm or command than the signed one",
    "not-permitted": "the key's role may not do this",
}
"""By the code of a result with the status `rejected`: not executed, and also a security event `command-rejected`."""
