"""Whether a subscriber who does as the contract says has the right time of every message, whatever the clock did."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from tests.campaigns.chaos.ledger import Arrival
from tests.campaigns.week.chronicle import Chronicle
from tests.campaigns.week.wall import MONDAY, Wall

_LOOK_S = 5.1
"""The agent looks at its clock once a second, or when the week has it do anything at all. A message that was made so
shortly before a correction may have either time."""
_SLACK_S = 2.0


def judge_times(ordered: Sequence[Arrival], wall: Wall, chronicle: Chronicle) -> Iterable[str]:
    """To each `time` is added every later correction of its boot. What is then wrong by as much as the clock was at the
    end of the boot nobody can know, and neither of a step that no agent has lived to see."""
    corrections: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for each in ordered:
        if each.type == "edge.event.time-correction.v1":
            corrections[each.data["boot_id"]].append((each.envelope["monoms"] / 1000, each.data["offset_ms"] / 1000))
    unseen_s: dict[str, float] = {boot: at_s for at_s, boot in wall.steps if not _is_seen(at_s, chronicle)}
    wrong: Counter[str] = Counter()
    for each in ordered:
        boot, at_s = each.envelope["bootid"], each.envelope["monoms"] / 1000
        later = [(told_s, by_s) for told_s, by_s in corrections[boot] if told_s >= at_s]
        if at_s <= unseen_s.get(boot, -1.0) or any(told_s <= at_s + _LOOK_S for told_s, _ in later):
            continue
        said_s = (datetime.fromisoformat(each.envelope["time"]) - MONDAY).total_seconds()
        if abs(said_s + sum(by_s for _, by_s in later) - wall.wrong_by_s[boot] - at_s) > _SLACK_S:
            wrong[boot] += 1
    for boot, count in wrong.items():
        yield f"of boot {boot} {count} messages have another time than the corrections tell"


def _is_seen(step_s: float, chronicle: Chronicle) -> bool:
    return any(life.begin_s <= step_s and step_s + _LOOK_S <= life.end_s for life in chronicle.lives)
