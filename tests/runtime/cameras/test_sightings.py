from agent.contract.envelope import MessageFactory
from agent.core.camera.link import PersonEntered, PersonLeft, SnapshotFailed
from agent.runtime.cameras.sightings import sighting
from tests.support.drafts import IDENTITY


def test_what_a_camera_reports_becomes_an_event() -> None:
    entered = PersonEntered(
        event_id="e1", boottime_ns=1, persons=1, duration_ms=1, track="a-1", score=0.9, box=(0, 0, 1, 1)
    )
    left = PersonLeft(event_id="e1", boottime_ns=2, persons=0, duration_ms=1, track="a-1")
    drafts = [sighting("front", message, MessageFactory(IDENTITY)) for message in (entered, left)]

    assert [draft.topic.rpartition("up/")[2] for draft in drafts if draft] == [
        "event/person-entered",
        "event/person-left",
    ]
    assert {draft.data.model_dump()["camera"] for draft in drafts if draft and draft.data} == {"front"}


def test_what_is_nobodys_news_becomes_none() -> None:
    assert sighting("front", SnapshotFailed(id="p", detail="no picture"), MessageFactory(IDENTITY)) is None
