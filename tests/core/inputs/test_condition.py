from agent.contract.vocabulary import Fault
from agent.core.facts import ConditionChanged, Edge, InputFault
from agent.core.inputs.condition import Condition
from agent.core.wiring import ConditionRules

S = 1_000_000_000
MAINS = ConditionRules("mains", "mains", delay_s=60, restore_s=10)
DOOR = ConditionRules("door", "tamper", delay_s=0, restore_s=10)


def told(rules: ConditionRules, *edges: tuple[float, bool], until: float) -> list[tuple[bool, float]]:
    """What is told, and since when, of these edges (the first is the level at start); times in seconds."""
    condition = Condition(rules)
    facts: list[object] = []

    def run(at_ns: int) -> None:
        while (due := condition.due_ns()) is not None and due <= at_ns:
            facts.extend(condition.tick(due))

    for number, (at, active) in enumerate(edge for edge in edges if edge[0] <= until):
        run(int(at * S))
        facts.extend(condition.take(Edge(rules.name, active, int(at * S), at_start=number == 0)))
    run(int(until * S))
    changes = [fact for fact in facts if isinstance(fact, ConditionChanged)]
    assert all((change.input, change.kind) == (rules.name, rules.kind) for change in changes)
    return [(change.active, change.since_ns / S) for change in changes]


def test_the_state_at_start_is_told_whatever_it_is() -> None:
    assert told(DOOR, (1, False), until=1) == [(False, 1)]
    assert told(DOOR, (1, True), until=1) == [(True, 1)]


def test_an_opened_door_is_told_at_its_first_edge_and_closed_when_it_has_stayed_so() -> None:
    edges = [(0, False), (5, True), (5.1, False), (5.2, True), (30, False)]

    assert told(DOOR, *edges, until=5) == [(False, 0), (True, 5)]
    assert told(DOOR, *edges, until=39) == [(False, 0), (True, 5)]
    assert told(DOOR, *edges, until=40) == [(False, 0), (True, 5), (False, 30)]


def test_a_door_that_rattles_all_night_is_told_once() -> None:
    rattle = [(10 + number / 2, number % 2 == 0) for number in range(10_000)]

    assert told(DOOR, (0, False), *rattle, until=5010) == [(False, 0), (True, 10)]


def test_a_mains_failure_is_told_when_it_has_lasted_and_a_shorter_one_never() -> None:
    edges = [(0, False), (100, True), (159, False), (200, True), (300, False)]

    assert told(MAINS, *edges, until=259) == [(False, 0)]
    assert told(MAINS, *edges, until=260) == [(False, 0), (True, 200)]
    assert told(MAINS, *edges, until=500) == [(False, 0), (True, 200), (False, 300)]


def test_a_start_without_mains_is_told_after_the_delay() -> None:
    assert told(MAINS, (0, True), until=59) == []
    assert told(MAINS, (0, True), until=60) == [(True, 0)]
    assert told(MAINS, (0, True), (5, False), until=500) == [(False, 5)]


def test_a_line_that_can_not_be_watched_is_a_fault() -> None:
    condition = Condition(MAINS)

    assert condition.lost("taken", 7) == [InputFault("mains", Fault.UNUSABLE, True, 7, detail="taken")]
    assert condition.faults == {Fault.UNUSABLE: "taken"}
    assert condition.active is None
