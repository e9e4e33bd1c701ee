"""What the reports of a camera process become."""

from types import SimpleNamespace
from typing import Any, cast

from agent.contract.camera_events import PersonEnteredData
from agent.runtime.cameras.reports import Reports
from tests.support.context import Collected, make_context
from tests.support.message_table import _AT, _WHO

EVENT, ALARM = "01a21ac6-1e90-755d-98d2-2feefdb0a969", "01a21ac7-1e90-755d-98d2-2feefdb0a969"


def test_while_the_sim_cards_data_is_used_up_an_event_leaves_without_its_picture_and_an_alarm_with_it() -> None:
    sent, data = Collected(), SimpleNamespace(is_used_up=False)
    nobody: Any = SimpleNamespace(
        picture_came=lambda *_: False,
        view_came=lambda *_: False,
        camera_event=lambda *_: None,
    )
    reports = Reports(
        "front", "", [], make_context(sent), lambda *_: None, nobody, nobody, nobody, cast("Any", data), {}
    )

    def happens() -> list[str]:
        sent.clear()
        event = PersonEnteredData(**{**_AT, **_WHO, "snapshot": EVENT}, duration_ms=1)
        reports.on_event("person-entered", event)
        reports.on_picture(EVENT, b"\xff\xd8\xff", "")
        reports.on_picture(ALARM, b"\xff\xd8\xff", "")
        assert sent[0].data is not None
        return [str(getattr(sent[0].data, "snapshot", None)), *(each.topic.rpartition("/")[2] for each in sent[1:])]

    assert happens() == [EVENT, EVENT, ALARM]
    data.is_used_up = True
    assert happens() == ["None", ALARM]
