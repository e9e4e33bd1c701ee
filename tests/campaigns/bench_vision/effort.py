"""How much is measured."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Effort:
    """Frames, unless the name says otherwise."""

    pets: int | None
    """Of the video; None for all."""
    still: int
    """Of a scene that has gone still."""
    quiet: int
    """Of each kind of film that shows nobody."""
    near: int
    """Of each video or scene that shows people nearby."""
    blocks: int
    """Of ten frames, for what is compared with a bare inference."""
    rounds: int
    """Of the camera process and a bare program in turn."""
    limits: tuple[int, ...]
    """Inferences a second, each of which no second may exceed."""
    limit_frames: int
    starts: tuple[int, ...]
    """Frames to skip: each budget is measured from each of these starts, and the mean is told."""
    arrivals: int
    """Events at the subscriber."""
    memory_frames: int
    tamper: bool


FULL = Effort(
    pets=None,
    still=300,
    quiet=1440,
    near=100,
    blocks=64,
    rounds=5,
    limits=(5, 10, 30, 60),
    limit_frames=150,
    starts=(0, 3, 7),
    arrivals=20,
    memory_frames=80,
    tamper=True,
)
QUICK = Effort(
    pets=60,
    still=120,
    quiet=6,
    near=6,
    blocks=4,
    rounds=1,
    limits=(10,),
    limit_frames=30,
    starts=(0,),
    arrivals=1,
    memory_frames=5,
    tamper=False,
)
