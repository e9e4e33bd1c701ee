"""What the device says of its recordings: identifiers, times and hashes. The recordings themselves stay on its card."""

from typing import Literal, get_args

from pydantic import ConfigDict
from typing_extensions import TypedDict

from agent.contract.messages import Payload
from agent.contract.vocabulary import Count, Label, Time, Uuid

EvidenceChange = Literal["begun", "ended", "cut", "failed", "deleted", "held", "released", "head"]
CHANGES: tuple[EvidenceChange, ...] = get_args(EvidenceChange)


class ChainHead(TypedDict):
    """The newest entry of a camera's chain. Keep each: nobody can write a chain anew behind one that you have."""

    seq: Count
    """Its number, from 1 and without gaps."""
    head: str
    """Its SHA-256, in hex."""


class EvidenceData(Payload):
    """`up/evidence`: what became of a recording, and the newest entry of its camera's chain."""

    model_config = ConfigDict(defer_build=True)

    camera: Label
    clip: Uuid | None = None
    """The clip; left out of `head`."""
    into: Uuid | None = None
    """The clip in which it is, when so many were asked for at once that they share one. That one ends, is held and is
    deleted under its own name."""
    continues: Uuid | None = None
    """The clip that ended because the form of the camera's pictures changed or its file was long enough, and goes on in
    this one."""
    alarm_id: Uuid | None = None
    """The alarm that it was kept for."""
    event_id: Label | None = None
    """The event of a camera that it was kept for."""
    command_id: Label | None = None
    """The `cmd_id` of the command that asked for it."""
    begins: Time | None = None
    """When its first picture was taken."""
    ends: Time | None = None
    """When its last picture was over; only of `ended` and `cut`, and left out of a `cut` where it is not known."""
    before_s: float | None = None
    """Of `begun`: how many seconds before the press, the event or the command it begins."""
    bytes: Count | None = None
    """What it takes of the card; only of `ended`."""
    reason: str = ""
    """Of `ended` and `deleted`: why, in a word (`complete`, `asked`, `changed`, `stopped`, `the agent ended`; `age`,
    `bytes`, `free`). Of `held` and `released`: what the command says. Of `failed`: for a person."""
    chain: ChainHead | None = None
    """As of after this; left out when it is not on the card yet, and of `failed`."""
