"""One clip that is being recorded, and what it needs of the card."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from agent.core.camera.recorder_link import Facts
from agent.evidence.clips import Swept
from agent.recorder.pieces import Piece
from agent.trust.evidence.chain import Head
from agent.trust.evidence.fragment import Fragment
from agent.trust.evidence.parameter_sets import ParameterSets


class OpenClip(Protocol):
    """A clip that is being written. What a call says is on the card when it returns. Raises EdgeAgentError."""

    def append(self, *fragments: Fragment) -> None:
        """Write more fragments, as one."""
        ...

    def join(self, why: Mapping[str, Any]) -> None:
        """Write that something else has this clip too."""
        ...


class Clips(Protocol):
    """The clips of one camera. One thread."""

    def begin(self, clip: str, why: Mapping[str, Any], fragments: Sequence[Fragment]) -> OpenClip:
        """Write a new clip with these fragments, the init segment first. Raises EdgeAgentError."""
        ...

    def end(self, clip: str, why: str) -> None:
        """Close a clip."""
        ...

    def hold(self, clip: str, about: Mapping[str, Any], *, held: bool = True) -> None:
        """Keep a clip from being deleted, or release it. Raises EdgeAgentError."""
        ...

    @property
    def head(self) -> Head:
        """The newest entry of the chain."""
        ...

    @property
    def held(self) -> frozenset[str]:
        """The clips that are not deleted."""
        ...

    @property
    def unheard(self) -> Sequence[str]:
        """The clips that ended when the agent was gone; asked before all else."""
        ...

    def recover(self) -> Sequence[str]:
        """Close what an end without warning has left open, and return those clips; called before all else. Raises
        EdgeAgentError."""
        ...

    def sweep(self) -> Swept:
        """Delete what is over the budget or too old."""
        ...


@dataclass(slots=True, eq=False)
class Recording:
    """One clip that was asked for, until it is closed."""

    clip: str
    facts: Facts
    asked_ns: int
    until_ns: int
    queue: deque[Piece]
    """What is not on the card yet. Guarded by the recorder's lock, as `joining`, `why` and the above."""
    joining: list[tuple[str, Facts]] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    why: str = ""
    """Why it ends; empty while it goes on."""
    needs_key: bool = False
    """Whether the next piece must begin a group."""
    skipped: int = 0
    """Pieces that a slow card has lost since the last one."""
    continues: str | None = None
    kept: OpenClip | None = None
    parameters: ParameterSets | None = None
    pieces: int = 0
    size: int = 0
    """Bytes of the pieces."""
    base_ns: int = 0
    end_ns: int = 0
    is_whole: bool = True
