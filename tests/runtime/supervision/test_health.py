from agent.contract.events import PartData
from agent.runtime.supervision.health import HealthBoard, PartState
from tests.support.context import Collected, reporter


def published(drafts: Collected) -> list[tuple[str, str, str]]:
    return [
        (draft.topic.rpartition("/")[2], draft.data.part, draft.data.detail)
        for draft in drafts
        if isinstance(draft.data, PartData)
    ]


def test_only_a_change_between_working_and_not_working_is_published() -> None:
    drafts = Collected()
    board = HealthBoard(reporter(drafts))
    for ok, detail in [(True, ""), (True, ""), (False, "a"), (False, "b"), (True, ""), (True, "")]:
        board.report("uplink", ok=ok, detail=detail)

    assert published(drafts) == [("part-degraded", "uplink", "a"), ("part-restored", "uplink", "")]


def test_a_part_that_never_worked_is_published() -> None:
    drafts = Collected()
    HealthBoard(reporter(drafts)).report("camera-front", ok=False, detail="no model")

    assert published(drafts) == [("part-degraded", "camera-front", "no model")]


def test_the_board_shows_the_newest_detail_and_can_not_be_changed_from_outside() -> None:
    board = HealthBoard(reporter())
    board.report("uplink", ok=False, detail="a")
    board.report("uplink", ok=False, detail="b")
    board.parts().clear()

    assert board.parts() == {"uplink": PartState(False, "b")}
