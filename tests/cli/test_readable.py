import json
from typing import Any

import pytest

from agent.cli.readable import readable


def line(topic: str, **data: Any) -> str:
    envelope = {"time": "2026-11-24T16:03:24.263Z", "seq": 6, "data": {"historical": False, **data}}
    return readable(f"edge/v1/gp/site/kiosk-1/up/{topic}", json.dumps(envelope).encode())


CODES = {"contact_id": "301", "sia": "AT"}


@pytest.mark.parametrize(
    ("topic", "data", "says"),
    [
        (
            "event/input-fault",
            {"input": "police", "fault": "open", "active": True, "detail": "cut"},
            "police: open, cut",
        ),
        (
            "event/input-fault",
            {"input": "police", "fault": "open", "active": False, "detail": "cut"},
            "police: open is over, cut",
        ),
        (
            "event/power",
            {"input": "relay", "kind": "mains", "active": True, "codes": CODES},
            "mains FAILED (relay, 301 AT)",
        ),
        (
            "event/tamper",
            {"input": "door", "kind": "tamper", "active": False, "codes": {"contact_id": "137", "sia": "TR"}},
            "tamper well (door, 137 TR)",
        ),
    ],
)
def test_what_inputs_say_is_a_line_for_a_person(topic: str, data: dict[str, Any], says: str) -> None:
    assert line(topic, **data) == f"16:03:24.263 {topic:26} #6 {says}"


def test_a_message_of_another_form_is_shown_as_it_is() -> None:
    assert '"fault": "open"' in line("event/input-fault", fault="open")
