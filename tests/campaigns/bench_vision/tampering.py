"""Whether somebody who tampers with a camera is found in time, and told to have stopped, without false alarms."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any

from tests.campaigns.bench_vision.row import Row

MOST_FOUND_S, MOST_RESTORED_S = 5.0, 10.0


def row(outcomes: Iterable[Mapping[str, Any]]) -> Row:
    """`outcomes` are a kind and a video each: `found_s`, `restored_s` (None: never), `false_alarms`."""
    by_kind: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    false = 0
    for outcome in outcomes:
        false += outcome["false_alarms"]
        if "found_s" in outcome:
            by_kind[outcome["kind"]].append(outcome)
    reached, words = not false, []
    for kind, tried in by_kind.items():
        found_s = [outcome["found_s"] for outcome in tried]
        restored_s = [outcome["restored_s"] for outcome in tried]
        words.append(f"{kind} {_worst(found_s)}, {_worst(restored_s)}")
        reached &= _in_time(found_s, MOST_FOUND_S) and _in_time(restored_s, MOST_RESTORED_S)
    return Row(
        "tamper",
        "tamper found and told to be over, by kind, s at most; false alarms",
        f"≤ {MOST_FOUND_S:.0f}, ≤ {MOST_RESTORED_S:.0f}; 0",
        f"{'; '.join(words)}; {false} false",
        reached,
        {"outcomes": [dict(outcome) for each in by_kind.values() for outcome in each]},
    )


def _worst(seconds: list[float | None]) -> str:
    known = [value for value in seconds if value is not None]
    return f"{max(known):.1f}" if len(known) == len(seconds) else "never"


def _in_time(seconds: list[float | None], limit_s: float) -> bool:
    return all(value is not None and value <= limit_s for value in seconds)
