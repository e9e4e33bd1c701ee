from agent.runtime.supervision.health import HealthBoard, PartState


def test_only_a_change_between_working_and_not_working_is_told() -> None:
    told: list[tuple[str, bool]] = []
    board = HealthBoard(lambda part, state: told.append((part, state.ok)))
    for ok, detail in [(True, ""), (True, ""), (False, "a"), (False, "b"), (True, ""), (True, "")]:
        board.report("uplink", ok=ok, detail=detail)

    assert told == [("uplink", False), ("uplink", True)]


def test_a_part_that_never_worked_is_told() -> None:
    told: list[PartState] = []
    board = HealthBoard(lambda part, state: told.append(state))
    board.report("camera-front", ok=False, detail="no model")

    assert told == [PartState(False, "no model")]


def test_the_board_shows_the_newest_detail_and_can_not_be_changed_from_outside() -> None:
    board = HealthBoard(lambda part, state: None)
    board.report("uplink", ok=False, detail="a")
    board.report("uplink", ok=False, detail="b")
    board.parts().clear()

    assert board.parts() == {"uplink": PartState(False, "b")}


def test_whoever_is_told_may_look_at_the_board() -> None:
    seen: list[dict[str, PartState]] = []
    board = HealthBoard(lambda part, state: seen.append(board.parts()))
    board.report("uplink", ok=False)

    assert seen == [{"uplink": PartState(False)}]
