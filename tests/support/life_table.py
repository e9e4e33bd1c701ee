"""The tables of docs/alarm-life.md, as the tests hold the code to them."""

from pathlib import Path
from typing import NamedTuple

from agent.contract.lamps import LightState, Pattern
from agent.contract.stages import Stage
from agent.contract.vocabulary import AckAction

ROOT = Path(__file__).parents[2]
FACTS = ("press", "confirmation", "registered", "dispatched", "take-over", "closed", "outrun", "wait over")
STAGES = (
    Stage.IDLE,
    Stage.RAISED,
    Stage.SENT,
    Stage.DELAYED,
    Stage.UNCONFIRMED,
    Stage.REGISTERED,
    Stage.DISPATCHED,
)


class Cell(NamedTuple):
    """What follows: a stage, IDLE for none, and the change that tells of it, empty for nothing."""

    stage: Stage
    change: str


def rows(document: str, header: tuple[str, ...]) -> list[list[str]]:
    """The rows of the table with these columns."""
    lines = iter((ROOT / "docs" / document).read_text(encoding="utf-8").splitlines())
    assert f"| {' | '.join(header)} |" in lines, f"{document} has no table of {header}"
    assert set(next(lines)) <= set("|- ")
    found = []
    while (line := next(lines, "")).startswith("|"):
        found.append([cell.strip().strip("`") for cell in line.strip().strip("|").split("|")])
    return found


def _stage(name: str) -> Stage:
    return Stage.IDLE if name == "none" else Stage(name)


def _cell(stage: Stage, text: str) -> Cell:
    if text == "-":
        return Cell(stage, "")
    name, change = text.split(": ")
    return Cell(_stage(name), change)


TRANSITIONS = {
    (_stage(name), fact): _cell(_stage(name), text)
    for name, *cells in rows("alarm-life.md", ("stage", *FACTS))
    for fact, text in zip(FACTS, cells, strict=True)
}
_LIGHT_ROWS = rows("alarm-life.md", ("stage", "wait", "counted from", "yellow", "green", "beacon", "tone"))
LIGHTS = {_stage(name): LightState(*map(Pattern, patterns)) for name, _, _, *patterns in _LIGHT_ROWS}
HOLDERS = {
    (has_it, action): after
    for has_it, *cells in rows("alarm-life.md", ("who has it", *(action.value for action in AckAction)))
    for action, after in zip(AckAction, cells, strict=True)
}
"""Who has an alarm after an ack: nobody, the sender, or the other one who had it before."""
WAITS = {_stage(name): wait for name, wait, *_ in _LIGHT_ROWS}
