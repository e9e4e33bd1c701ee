"""What the device says of its recordings and of their uploads: identifiers, times and hashes."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from typing_extensions import TypedDict

from agent.contract.messages import Payload
from agent.contract.stores import OBJECT_NAME
from agent.contract.vocabulary import Count, Label, Time, Uuid

EvidenceChange = Literal[
    "begun",
    "ended",
    "cut",
    "failed",
    "deleted",
    "held",
    "released",
    "head",
    "wanted",
    "uploaded",
    "upload-failed",
]
ObjectName = Annotated[str, Field(json_schema_extra={"pattern": OBJECT_NAME})]


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
    """When its first picture was taken: the clip's, or of `uploaded` the segment's."""
    ends: Time | None = None
    """When its last picture was over; of `ended`, `cut` and `uploaded`, left out of a `cut` where it is not known."""
    before_s: float | None = None
    """Of `begun`: how many seconds before the press, the event or the command it begins."""
    bytes: Count | None = None
    """Of `ended`: what its pictures take of the card. Of `uploaded`: the object's length."""
    objects: tuple[ObjectName, ...] | None = None
    """Of `wanted`: the names of the segments that wait for a URL, the most urgent first."""
    sizes: tuple[Count, ...] | None = None
    """Of `wanted`: the length of each in bytes, in the same order. A URL should be good for that length only."""
    object: ObjectName | None = None
    """Of `uploaded` and `upload-failed`: the segment's name. One that ends in `_end` is empty and the last of its clip:
    all that comes of it is at the store. It has no `begins`, `ends`, `first` and `last`."""
    place: str | None = None
    """Of `uploaded`: where it is, the store's host and the path. Of `upload-failed`: the host, if there was one."""
    sha256: str | None = None
    """Of `uploaded`: the object's, in hex."""
    first: Count | None = None
    """Of `uploaded`: the first fragment in it, by its `index` in the clip's manifest."""
    last: Count | None = None
    """Of `uploaded`: the last one."""
    reason: str = ""
    """Of `ended` and `deleted`: why, in a word (`complete`, `asked`, `changed`, `stopped`, `the agent ended`; `age`,
    `bytes`, `free`). Of `held` and `released`: what the command says. Of `failed` and `upload-failed`: for a
    person."""
    chain: ChainHead | None = None
    """As of after this; left out when it is not on the card yet, and of what is told of
    uploads and of `failed`."""
