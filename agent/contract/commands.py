"""Decides whether a command may be executed: pure checks of claims whose signature has already been verified."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal, NamedTuple, Self, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from agent.contract.mistakes import mistake
from agent.contract.stores import OBJECT_NAME
from agent.contract.vocabulary import AckAction, CloseReason, Name, TimeQuality, Words

NONCE_LIFE_S = 600
"""How long a nonce proves that a command is fresh. This is twice as long as a nonce stays the newest one, so a sender
who echoes the newest one always has at least five minutes left."""
MAX_LIFE_S = 300
"""The longest validity that a command may claim."""
CLOCK_SKEW_S = 30
"""How far the centre's clock may be ahead of ours."""
MAX_LEAD_US = 24 * 3600 * 10**6
"""How far a counter may be ahead of the time. By convention it is the time of signing, in microseconds since 1970."""

InputName = Annotated[str, Field(pattern=r"^[a-z0-9-]{1,64}$")]
MadeId = Annotated[str, Field(pattern=r"^[0-9a-f-]{36}$")]
"""The UUID of what the device has made: a recording, or a look."""
Role = Literal["operator", "supervisor", "technician", "admin"]


class CommandRejected(Exception):  # noqa: N818 - a verdict, named as the contract names it
    """A command or ack is refused. `code` is the contract's machine-readable reason."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


class Claims(BaseModel):
    """What a command says of itself."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    cmd_id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    """Your own identifier; the result comes under it."""
    name: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    """`ack` or the name of the command; the same as in the topic."""
    args: dict[str, Any] = {}
    """By name of the command. May be left out when there are none."""
    aud: str
    """The device's whole name, `/edge/{province}/{site}/{device}`, as the `source` of its messages; the id alone is
    refused."""
    iss: str = Field(max_length=64)
    """Who holds the key, as the device's key set has it."""
    iat: int = Field(ge=0, lt=2**63)
    """When you sign, in seconds since 1970."""
    exp: int = Field(ge=0, lt=2**63)
    """Until when it may be executed, in seconds since 1970; at most 300 after `iat`."""
    ctr: int = Field(ge=0, lt=2**63)
    """A number that this key has not used yet: the microseconds since 1970 at which you sign."""
    boot_nonce: str | None = Field(default=None, max_length=64)
    """The newest `nonce` that you have heard from the device. Needed while its `timeq` is `unsynced` or its counters
    are unknown, and checked whenever it is given."""


class _Args(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class AckArgs(_Args):
    """`ack`: the centre speaks of an alarm."""

    alarm_id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    """The alarm, and the last level of the topic."""
    action: AckAction = Field(strict=False)
    press_count: int | None = Field(default=None, ge=0)
    """The one that you have seen. Leave it out and a press that you don't know of is closed as well."""
    by: Name | None = None
    """The name that the centre gives the person who answers."""
    unit: Name | None = None
    """Who was sent; only with `dispatched`."""
    reason: CloseReason | None = None
    """Only with `closed`."""
    note: Words | None = Field(default=None, max_length=200)
    """Only with `closed`."""

    @model_validator(mode="after")
    def _goes_with_the_action(self) -> Self:
        for names, action in ((("unit",), AckAction.DISPATCHED), (("reason", "note"), AckAction.CLOSED)):
            for name in names:
                if getattr(self, name) is not None and self.action is not action:
                    raise ValueError(f"{name} goes with {action} only")
        return self


class PingArgs(_Args):
    """`ping`: are you there?"""


class RebirthArgs(_Args):
    """`rebirth`: publish state, meta and the open alarms again."""

    clip: MadeId | None = None
    """A recording: besides, say again what of it a store has taken since the agent's start (`uploaded`)."""


class SnapshotArgs(_Args):
    """`snapshot`: a picture now."""

    camera: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,64}$")
    """Its name; the first camera when left out."""
    reason: Annotated[Words, Field(min_length=1, max_length=200)] | None = None
    """Why: it stands in the record, so it names nobody. When left out, the record says that none was given."""


class IdentifyArgs(_Args):
    """`identify`: blink, so that a technician finds the kiosk."""

    seconds: float = Field(default=10.0, gt=0, le=60)
    """For how long."""


class TestModeArgs(_Args):
    """`test-mode`: presses are tests for some time."""

    seconds: float = Field(default=300.0, ge=0, le=600)
    """For how long; 0 ends it."""
    input: InputName | None = None
    """Presses of this input; of every input when this and `inputs` are left out."""
    inputs: list[InputName] | None = Field(default=None, min_length=1, max_length=32)
    """Presses of these inputs; only without `input`."""

    @model_validator(mode="after")
    def _names_them_once(self) -> Self:
        if self.input is not None and self.inputs is not None:
            raise ValueError("give input or inputs, not both")
        return self

    def named(self) -> list[str] | None:
        """Return the inputs that it names; None if it means every one."""
        return self.inputs if self.input is None else [self.input]


class SelfTestArgs(_Args):
    """`self-test`: try everything that a press needs, now."""

    siren: bool = False
    """Also sound the siren for a moment, as for somebody who listens: a technician or an admin may order that. It does
    so anyway where its settings say so."""


class ConfigSetArgs(_Args):
    """`config-set`: settings, as the last layer of those that the device has."""

    revision: int = Field(ge=1, lt=2**53)
    """Above every one that the device has seen."""
    changes: dict[str, Any]
    """A tree like a settings file's. It replaces the one of the revision before. A technician's is laid over that
    one, each list as it shall be; alone they change only what is judged in front of the device."""
    second: str | None = None
    """The same order, signed by another person, where that takes two."""


class KeysSetArgs(_Args):
    """`keys-set`: the keys that this device obeys from now on."""

    revision: int = Field(ge=1, lt=2**53)
    """Above the last one."""
    keys: list[dict[str, Any]] = Field(min_length=1, max_length=64)
    """The entries of a JWK set, all of them."""
    second: str | None = None
    """The same order, signed by another person, where that takes two."""


class ServicePageArgs(_Args):
    """`service-page`: serve a technician's phone, in the cabinet."""

    seconds: float = Field(default=900.0, ge=0, le=900)
    """For how long; 0 ends it."""
    code_hash: str | None = Field(
        default=None, pattern=r"^scrypt-16384-8-1\$[A-Za-z0-9_-]{22}\$[A-Za-z0-9_-]{43}$", max_length=128
    )
    """Of the 8 digits that open it; when left out, the claim's code opens it, else one that the beacon blinks."""


class ClipArgs(_Args):
    """`clip`: keep what a camera has in memory, and what follows."""

    camera: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,64}$")
    """The first camera that is recorded when left out."""
    seconds: float = Field(default=30.0, ge=1, le=3600)
    """How long it goes on from now. How much is there of the time before is a setting of the device."""
    alarm_id: InputName | None = None
    """The alarm that it is for, if any."""
    event_id: InputName | None = None
    """The event that it is for, if any."""
    reason: Annotated[Words, Field(min_length=1, max_length=200)]
    """Why: it stands in the clip's manifest for good, so it names nobody."""


class ClipHoldArgs(_Args):
    """`clip-hold`: keep a clip from being deleted by age or for room, or release it."""

    clip: MadeId
    hold: bool
    """False releases it."""
    reason: Annotated[Words, Field(min_length=1, max_length=200)]
    """Why, such as the number of a case: it stands in the camera's chain for good, so it names nobody."""


class LiveStartArgs(_Args):
    """`live-start`: look through a camera now, by a few pictures a second or a stream, or go on looking."""

    camera: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,64}$")
    """The first camera when left out."""
    live: MadeId | None = None
    """The look that goes on, which is yours: same `iss`, same `by`. A new one begins when left out."""
    rung: Literal["pictures", "stream"] = "pictures"
    """`pictures` on `up/live/{camera}`, or the recorder's `stream` to the media server that the device's settings name.
    A look that goes on stays what it was."""
    fps: int = Field(default=2, ge=1, le=5)
    """Pictures a second, at most; of no account for a stream."""
    lease_s: int = Field(default=30, ge=5, le=300)
    """How long it goes on from now, unless you say `live-start` again or `live-stop`."""
    by: Name | None = None
    """The name that the centre gives the person who looks."""
    reason: Annotated[Words, Field(min_length=1, max_length=200)]
    """Why: it stands in the record, so it names nobody."""


class LiveStopArgs(_Args):
    """`live-stop`: look no longer."""

    live: MadeId
    """The look: your own. A supervisor or an admin may end any."""
    by: Name | None = None
    """As in `live-start`."""


class UploadUrl(_Args):
    """Where a device may put one segment, or any."""

    url: str = Field(pattern=r"^https?://[!-~]{1,2040}$")
    """A presigned URL for PUT. With `{name}` in it, it is for any segment, whose name the device puts there."""
    name: str | None = Field(default=None, pattern=OBJECT_NAME)
    """The segment that it is for, as `wanted` names it. When left out, and without `{name}` in the URL, it is for the
    next segment that has none."""


class UploadUrlsArgs(_Args):
    """`upload-urls`: where segments of recordings may be put."""

    urls: list[UploadUrl] = Field(min_length=1, max_length=64)
    """A whole command is at most 16 KiB."""
    expires: int = Field(ge=0, lt=2**53)
    """Until when the device may use them, in seconds since 1970: as their signatures say, or earlier."""


class RebootArgs(_Args):
    """`reboot`: start the machine again."""


class ReplayArgs(_Args):
    """`replay`: send a part of the record again."""

    first: int = Field(ge=1)
    """The first number of the record that you want."""
    last: int | None = Field(default=None, ge=1)
    """The last one, inclusive; the newest when left out."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.last is not None and self.last < self.first:
            raise ValueError("last is below first")
        return self


CommandArgs = (
    AckArgs
    | PingArgs
    | RebirthArgs
    | SnapshotArgs
    | IdentifyArgs
    | TestModeArgs
    | SelfTestArgs
    | ConfigSetArgs
    | KeysSetArgs
    | RebootArgs
    | ReplayArgs
    | ServicePageArgs
    | ClipArgs
    | ClipHoldArgs
    | LiveStartArgs
    | LiveStopArgs
    | UploadUrlsArgs
)

Args = TypeVar("Args", bound=BaseModel)

_ALL: frozenset[Role] = frozenset(get_args(Role))


class Command(NamedTuple):
    """What a device can be told to do."""

    args: type[CommandArgs]
    roles: frozenset[Role]
    """Who may say so."""
    patience_s: int = 10
    """How long its result may take, where another part carries it out."""


TABLE: Mapping[str, Command] = {
    "ack": Command(AckArgs, _ALL - {"technician"}),
    "ping": Command(PingArgs, _ALL),
    "rebirth": Command(RebirthArgs, _ALL),
    "snapshot": Command(SnapshotArgs, _ALL - {"technician"}),
    "identify": Command(IdentifyArgs, _ALL),
    "test-mode": Command(TestModeArgs, _ALL - {"operator"}),
    "self-test": Command(SelfTestArgs, _ALL, patience_s=300),
    "config-set": Command(ConfigSetArgs, frozenset({"admin", "technician"}), patience_s=120),
    "keys-set": Command(KeysSetArgs, frozenset({"admin"})),
    "reboot": Command(RebootArgs, frozenset({"admin", "technician"}), patience_s=60),
    "replay": Command(ReplayArgs, _ALL - {"technician"}, patience_s=1800),
    "service-page": Command(ServicePageArgs, frozenset({"admin", "technician"}), patience_s=60),
    "clip": Command(ClipArgs, _ALL - {"technician"}),
    "clip-hold": Command(ClipHoldArgs, frozenset({"admin", "supervisor"})),
    "live-start": Command(LiveStartArgs, _ALL - {"technician"}),
    "live-stop": Command(LiveStopArgs, _ALL - {"technician"}),
    # Whoever names the store has the recordings: as much as to export them.
    "upload-urls": Command(UploadUrlsArgs, frozenset({"admin", "supervisor"})),
}
_MAY_WALK: frozenset[Role] = frozenset({"admin", "technician"})
SECOND_ROLES: frozenset[Role] = frozenset({"admin", "supervisor"})
"""Who may sign as the second, where an order takes two."""
TWO_SIGNERS = ("config-set", "keys-set")
"""The commands that may take two."""
DESIRED = {"config": "config-set", "keys": "keys-set"}
"""The orders that brokers may keep for a device, by the last level of their topic, `down/...`."""
COMMANDS = tuple(name for name in TABLE if name != "ack")
"""The names under `down/command/{name}`."""


@dataclass(frozen=True, slots=True)
class UsedCounters:
    """The counters of one key that can no longer be accepted."""

    floor: int = -1
    """The counter of a command must be above this, unless a fresh nonce dates the command."""
    crowded_out: int = -1
    """The counter of every command must be above this. It is the highest counter that was forgotten because more
    commands came lately than can be remembered."""
    seen: frozenset[int] = frozenset()
    """The counters above these limits that were already accepted."""
    is_whole: bool = True
    """Whether every accepted counter is known. False when the disk can't be read, because it may know of more."""


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the device knows when a command arrives."""

    source: str
    """The full name of this device, as in its messages: `/edge/{province}/{site}/{device}`."""
    topic_kind: str
    """`ack` or `command`, the level under `down/`."""
    topic_name: str
    """The last level: an ack's alarm id, or a command's name."""
    window: UsedCounters
    nonce_age_s: float | None
    """Age of the nonce that the command echoes; None if it echoes none, or one from another start of the agent."""
    wall: datetime
    quality: TimeQuality


def read_claims(claims: dict[str, Any]) -> Claims:
    """Parse the claims. Raises CommandRejected `malformed`."""
    try:
        return Claims.model_validate(claims)
    except ValidationError as error:
        raise CommandRejected("malformed", mistake(error, "claim ")) from error


def check(claims: Claims, role: str, now: Circumstances) -> CommandArgs:
    """Return the arguments of a command that may be executed. Raises CommandRejected with the contract's code."""
    if claims.aud != now.source:
        raise CommandRejected("wrong-audience", f"meant for {claims.aud[:200]!r}, this is {now.source!r}")
    is_dated = _check_time(claims, now)
    _check_counter(claims, now, is_dated=is_dated)
    command = TABLE.get(claims.name)
    if command is None or (claims.name == "ack") != (now.topic_kind == "ack"):
        raise CommandRejected("unknown-command", f"this device has no command {claims.name!r}")
    args = _read_args(claims, command.args)
    expected = args.alarm_id if isinstance(args, AckArgs) else claims.name
    if now.topic_name != expected:
        raise CommandRejected("wrong-topic", f"signed for {expected!r} but sent to {now.topic_name[:64]!r}")
    if role not in command.roles and not _is_technicians_close(role, args):
        allowed = ", ".join(sorted(TABLE[claims.name].roles))
        raise CommandRejected("not-permitted", f"the role {role} may not {claims.name}; allowed: {allowed}")
    if isinstance(args, SelfTestArgs) and args.siren and role not in _MAY_WALK:
        raise CommandRejected("not-permitted", f"the role {role} may not have the siren sounded")
    return args


def check_desired(claims: Claims, role: str, now: Circumstances, seen: int) -> ConfigSetArgs | KeysSetArgs | None:
    """Return the arguments of an order that is retained under one of `DESIRED`. Raises CommandRejected.

    It stays good for as long as it says, so neither a counter nor a nonce counts: its revision shows whether it is
    new. None if it is not above `seen`, the highest one so far: it comes at every connection, expired or not.
    """
    if claims.aud != now.source:
        raise CommandRejected("wrong-audience", f"meant for {claims.aud[:200]!r}, this is {now.source!r}")
    if claims.name != (name := DESIRED[now.topic_kind]):
        raise CommandRejected("unknown-command", f"there is no {claims.name!r} here: sign it as {name}")
    if role != "admin":  # a technician changes what is in front of them, and leaves no order behind
        raise CommandRejected("not-permitted", f"the role {role} may leave no {claims.name}")
    args: ConfigSetArgs | KeysSetArgs
    args = _read_args(claims, ConfigSetArgs) if name == "config-set" else _read_args(claims, KeysSetArgs)
    if args.revision <= seen:
        return None
    if now.quality is not TimeQuality.UNSYNCED and now.wall.timestamp() >= claims.exp:
        raise CommandRejected("expired", f"expired {now.wall.timestamp() - claims.exp:.0f} s ago")
    return args


def _read_args(claims: Claims, model: type[Args]) -> Args:
    try:
        return model.model_validate(claims.args)
    except ValidationError as error:
        raise CommandRejected("bad-arguments", f"{claims.name}: {mistake(error)}") from error


def _check_time(claims: Claims, now: Circumstances) -> bool:
    """Check the times of a command. Return whether a fresh nonce dates it, whatever the clock says."""
    echoes = claims.boot_nonce is not None
    if echoes and now.nonce_age_s is None:
        raise CommandRejected("wrong-boot-nonce", "the device has restarted since: sign again with its newest nonce")
    if claims.exp - claims.iat > MAX_LIFE_S:
        raise CommandRejected("too-long-lived", f"valid for more than {MAX_LIFE_S} s")
    is_dated = now.nonce_age_s is not None and now.nonce_age_s < NONCE_LIFE_S
    if now.quality is TimeQuality.UNSYNCED:
        if not echoes:
            raise CommandRejected("clock-unsynced", "this device's clock is not set: sign again with its newest nonce")
        if not is_dated:
            text = f"its nonce is {now.nonce_age_s:.0f} s old: sign again with the newest one of this device"
            raise CommandRejected("nonce-expired", text)
        return True
    if not now.window.is_whole and not echoes:
        text = "the device can't read what it has accepted before: sign again with its newest nonce"
        raise CommandRejected("counters-unknown", text)
    unix = now.wall.timestamp()
    if unix >= claims.exp:
        raise CommandRejected("expired", f"expired {unix - claims.exp:.0f} s ago")
    if claims.iat > unix + CLOCK_SKEW_S:
        raise CommandRejected("not-yet-valid", f"issued {claims.iat - unix:.0f} s in the future")
    if claims.ctr > unix * 10**6 + MAX_LEAD_US:
        raise CommandRejected("counter-ahead", f"counter {claims.ctr} is more than a day ahead: use microseconds")
    return is_dated


def _check_counter(claims: Claims, now: Circumstances, *, is_dated: bool) -> None:
    """Reject a counter that was used before, or that is at or below the floor.

    A command that a fresh nonce dates skips the floor: it was signed within the last minutes, and every counter
    accepted since then is known.
    """
    window = now.window
    floor = window.crowded_out if is_dated else max(window.floor, window.crowded_out)
    if not is_dated and window.floor > now.wall.timestamp() * 10**6 + MAX_LEAD_US:
        text = "the last counter of this key is more than a day ahead: sign again with the device's newest nonce"
        raise CommandRejected("counters-unknown", text)
    if claims.ctr in window.seen:
        raise CommandRejected("replayed", f"counter {claims.ctr} was used already")
    if claims.ctr <= floor:
        raise CommandRejected("replayed", f"counter {claims.ctr} is not above {floor}")


def _is_technicians_close(role: str, args: CommandArgs) -> bool:
    return role == "technician" and isinstance(args, AckArgs) and args.action is AckAction.CLOSED
