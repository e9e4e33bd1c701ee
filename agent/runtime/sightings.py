"""What a camera process reports, as a message to the centre."""

from dataclasses import dataclass

from agent.core.link import PersonEntered, PersonLeft, ToCore
from agent.core.messages import Draft, PersonEnteredData, PersonLeftData
from agent.core.wire import Drafts


@dataclass(frozen=True, slots=True)
class CameraSaid:
    """A camera process reports."""

    camera: str
    message: ToCore


def sighting(said: CameraSaid, drafts: Drafts) -> Draft | None:
    """The event of a report; None for one that is nobody's news."""
    match said.message:
        case PersonEntered() as entered:
            return drafts.person_entered(
                PersonEnteredData(
                    event_id=entered.event_id,
                    camera=said.camera,
                    persons=entered.persons,
                    score=entered.score,
                    box=entered.box,
                    snapshot=entered.event_id if entered.snapshot else None,
                )
            )
        case PersonLeft() as left:
            return drafts.person_left(
                PersonLeftData(
                    event_id=left.event_id,
                    camera=said.camera,
                    duration_ms=left.duration_ms,
                    persons_max=left.persons_max,
                )
            )
        case _:
            return None
