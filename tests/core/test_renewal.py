import json
from datetime import UTC, datetime, timedelta

import pytest

from agent.core.renewal import Renewal, due_at, parse_renewal

BEGINS = datetime(2026, 6, 1, tzinfo=UTC)
ENDS = BEGINS + timedelta(days=90)
TRIED = "2026-08-01T10:00:00Z"


def test_renewal_is_due_at_two_thirds_of_life_and_not_for_all_devices_at_once() -> None:
    names = [f"kzn/durban-station/kiosk-{number:04}" for number in range(200)]
    dues = [due_at(BEGINS, ENDS, name) - BEGINS for name in names]
    assert min(dues) >= timedelta(days=60)
    assert max(dues) <= timedelta(days=64)
    by_day = [due.days for due in dues]
    assert max(by_day.count(day) for day in set(by_day)) < 80
    assert dues == [due_at(BEGINS, ENDS, name) - BEGINS for name in names], "it is the same for ever"


def test_what_became_of_a_renewal_is_read_with_and_without_its_beginning() -> None:
    text = {"tried_at": TRIED, "error": "no", "failures": 3, "failing_since": "2026-07-31T10:00:00+02:00"}
    tried, since = datetime(2026, 8, 1, 10, tzinfo=UTC), datetime(2026, 7, 31, 8, tzinfo=UTC)
    assert parse_renewal(json.dumps(text)) == Renewal(tried, "no", 3, since)
    assert parse_renewal(Renewal(tried, "no", 3, since).text()) == Renewal(tried, "no", 3, since)
    assert parse_renewal(json.dumps({"tried_at": TRIED, "error": None, "failures": 0})) == Renewal(tried)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"tried_at": 5, "error": null, "failures": 0}',
        '{"tried_at": "soon", "error": null, "failures": 0}',
        '{"tried_at": "2026-08-01T10:00:00", "error": null, "failures": 0}',
        f'{{"tried_at": "{TRIED}", "failures": 0}}',
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_renewal(text)
