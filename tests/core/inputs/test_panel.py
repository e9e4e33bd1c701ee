"""Whatever the lines do: what is counted is what was pressed, and no input changes what another one tells."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.contract.vocabulary import Fault
from agent.core.facts import Edge, InputFact, Pressed
from agent.core.inputs.contact import Contact
from agent.core.inputs.panel import Panel
from agent.core.wiring import ButtonRules, ConditionRules

MS = 1_000_000
Move = tuple[int, int, bool, bool]
"""Pause in ms before it, number of the input, active, normally closed."""

RULES = [
    ButtonRules("plain", chatter_presses=3, chatter_window_s=1, stuck_after_s=2),
    ButtonRules("pair", supervised=True, chatter_presses=5, chatter_window_s=2, stuck_after_s=3),
    ButtonRules("held", supervised=True, hold_s=0.5, stuck_after_s=3),
]
CONDITIONS = [ConditionRules("door", "tamper", 0, 1), ConditionRules("mains", "mains", 3, 1)]
NAMES = [*(rules.name for rules in RULES), *(rules.name for rules in CONDITIONS)]
MOVES = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 60), st.sampled_from([99, 500, 1000, 4000])),
        st.integers(0, len(NAMES) - 1),
        st.booleans(),
        st.booleans(),
    ),
    max_size=60,
)


def edges(moves: list[Move]) -> list[Edge]:
    now_ms, made = 1000, []
    for pause, number, active, nc in moves:
        now_ms += pause
        made.append(Edge(NAMES[number], active, now_ms * MS, normally_closed=nc and 1 <= number <= 2))
    return made


def run(panel: Panel, edges: list[Edge], end_ms: int, *, punctual: bool = True) -> list[InputFact]:
    """All facts of these edges, deadlines met exactly or only at the next edge, and what is left at the end."""
    facts: list[InputFact] = []

    def pass_time(now_ns: int) -> None:
        while punctual and (due := panel.next_due_ns()) is not None and due <= now_ns:
            facts.extend(panel.tick(due))
            after = panel.next_due_ns()
            assert after is None or after > due or panel.tick(due) == [], "the same deadline twice"

    for edge in edges:
        pass_time(edge.boottime_ns)
        facts += panel.take(edge)
    pass_time(end_ms * MS)
    return facts + panel.tick(end_ms * MS)


def counted(facts: list[InputFact], name: str) -> int:
    return sum(fact.count for fact in facts if isinstance(fact, Pressed) and fact.input == name)


def counted_by_contact(train: list[Edge], rules: ButtonRules) -> int:
    """The presses that the normally-open line of this button alone tells."""
    contact = Contact(rules.debounce_ms)
    own = [edge for edge in train if edge.input == rules.name and not edge.normally_closed]
    return sum((contact.tick(edge.boottime_ns) is not None) + contact.press(edge) for edge in own) + (
        contact.tick(10**18) is not None
    )


@settings(deadline=None, database=None)
@given(moves=MOVES, punctual=st.booleans())
def test_a_plain_button_counts_exactly_what_its_contact_saw(moves: list[Move], punctual: bool) -> None:
    train = edges(moves)
    expected = counted_by_contact(train, RULES[0])

    panel = Panel(RULES, CONDITIONS)
    facts = run(panel, train, 10_000_000, punctual=punctual)

    assert counted(facts, "plain") == expected == panel.figures()["plain"]["presses"]


@settings(deadline=None, database=None)
@given(moves=MOVES)
def test_no_press_of_a_supervised_button_is_missed_whatever_its_other_line_does(moves: list[Move]) -> None:
    train = edges(moves)
    facts = run(Panel(RULES, CONDITIONS), train, 10_000_000)

    assert counted(facts, "pair") >= counted_by_contact(train, RULES[1])


@settings(deadline=None, database=None)
@given(moves=MOVES)
def test_an_input_tells_the_same_whatever_all_the_others_do(moves: list[Move]) -> None:
    together = run(Panel(RULES, CONDITIONS), edges(moves), 10_000_000)

    for name in NAMES:
        own = [edge for edge in edges(moves) if edge.input == name]
        alone = run(Panel(RULES, CONDITIONS), own, 10_000_000)
        assert [fact for fact in together if fact.input == name] == alone


@settings(deadline=None, database=None)
@given(moves=MOVES)
def test_each_fault_begins_before_it_ends_and_at_rest_only_a_dead_line_is_left(moves: list[Move]) -> None:
    train = edges(moves)
    now_ns = train[-1].boottime_ns if train else 0
    train += [Edge(name, False, now_ns, normally_closed=nc) for name in NAMES[:3] for nc in (True, False)]
    panel = Panel(RULES, CONDITIONS)
    facts = run(panel, train, 10_000_000)

    active: set[tuple[str, Fault]] = set()
    for fact in facts:
        if not isinstance(fact, Pressed) and hasattr(fact, "fault"):
            key = (fact.input, fact.fault)
            assert (key in active) is not fact.active
            active ^= {key}
    assert {fault for _, fault in active} <= {Fault.OPEN, Fault.SHORT}
    assert panel.next_due_ns() is None
    for name in NAMES[:3]:
        assert set(panel.figures()[name]["faults"]) == {fault for owner, fault in active if owner == name}


@settings(deadline=None, database=None)
@given(moves=MOVES)
def test_the_first_press_of_a_plain_button_is_told_by_its_own_edge(moves: list[Move]) -> None:
    panel = Panel(RULES, CONDITIONS)
    for edge in edges(moves):
        facts = panel.take(edge)
        if edge.input == "plain" and edge.active:
            assert Pressed("plain", edge.boottime_ns, edge.boottime_ns) in facts
            return


def test_the_figures_tell_what_is_wrong_with_each_input() -> None:
    panel = Panel([ButtonRules("police", supervised=True)], [ConditionRules("door", "tamper", 0, 1)])
    panel.lost("police", "pin 5 is taken", 0)
    panel.take(Edge("police", True, 0))
    panel.tick(100 * MS)

    assert panel.figures()["police"] == {"presses": 1, "cut_short": 0, "faults": ["unusable", "short"]}
    assert panel.figures()["door"] == {"active": None, "faults": []}


def test_presses_that_no_summary_has_told_are_told_before_the_end() -> None:
    panel = Panel([ButtonRules("police", debounce_ms=0, chatter_presses=1)])
    facts = []
    for number in range(10):
        facts += panel.take(Edge("police", number % 2 == 0, number * MS))

    assert counted(facts, "police") == 2
    assert counted(panel.flush(), "police") == 3


def test_an_edge_of_an_input_that_is_not_there_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        Panel([]).take(Edge("police", True, 0))


@pytest.mark.parametrize("fault", [Fault.OPEN, Fault.STUCK, Fault.UNUSABLE])
def test_a_button_with_a_fault_that_may_hide_presses_is_not_relied_on_and_another_one_is(fault: Fault) -> None:
    panel = Panel([ButtonRules("police", supervised=True), ButtonRules("medical")])
    assert panel.hears(["police"])
    if fault is Fault.UNUSABLE:
        panel.lost("police", "pin 5 is taken", 0)
    panel.take(Edge("police", fault is Fault.STUCK, 0))
    panel.take(Edge("police", fault is not Fault.UNUSABLE, 0, normally_closed=True))
    panel.tick(60_000 * MS)

    assert panel.figures()["police"]["faults"] == [fault]
    assert not panel.hears(["police"])
    assert panel.hears(["police", "medical"])
    assert panel.hears([])


def test_a_shorted_or_a_rainy_button_is_still_relied_on() -> None:
    panel = Panel([ButtonRules("police", supervised=True, chatter_presses=1)])
    panel.take(Edge("police", True, 0))
    panel.take(Edge("police", False, 100 * MS))
    panel.take(Edge("police", True, 200 * MS))
    panel.tick(300 * MS)

    assert set(panel.figures()["police"]["faults"]) == {Fault.SHORT, Fault.CHATTER}
    assert panel.hears(["police"])
