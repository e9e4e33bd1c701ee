"""The bench test is held in the hand, far from anybody who could help: every command in it must be right."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.__main__ import whole_parser
from agent.settings import load

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")
KIOSK = load(ROOT / "firmware_configs/kiosk-pi4/edge-agent.toml", environ={})


def code() -> Iterator[str]:
    """What stands in backticks, and each line of a block."""
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PAGE)
    for block in re.findall(r"^```sh\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def commands() -> list[str]:
    """Every call of the agent's program, whichever way it is made."""
    found = []
    for line in code():
        for part in re.split(r"; |\| |> |\$\(", line):
            words = part.strip().removeprefix("sudo ")
            if words.startswith("centre "):
                name, _, rest = words.removeprefix("centre ").partition(" ")
                found.append(f"edge-agent {name} --device bench/bench/kiosk-0001 --broker mqtts://192.168.1.5 {rest}")
            elif words.startswith("edge-agent ") and '"$does"' not in words:
                found.append(words)
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_agent_is_one_that_it_takes(command: str) -> None:
    arguments = shlex.split(command)[1:]
    if arguments == ["--version"]:
        return
    assert whole_parser().parse_args(arguments).run


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 10


def test_the_pins_are_those_of_the_kiosk() -> None:
    named = [{int(pin) for pin in pins.split(",")} for pins in re.findall(r"^pinctrl get (\S+)$", PAGE, re.MULTILINE)]
    lights = KIOSK.lights
    inputs = {line.pin for line in (*KIOSK.buttons, *KIOSK.inputs)} | {b.pin_nc for b in KIOSK.buttons if b.pin_nc}
    assert named == [inputs, {lights.yellow, lights.green, lights.beacon, lights.tone}]
    for button in KIOSK.buttons:
        assert re.search(rf'\b{button.pin}\s+(is the button )?"{button.name}"', PAGE)


def test_its_times_are_those_of_the_settings() -> None:
    assert {button.debounce_ms for button in KIOSK.buttons} == {30}
    assert {button.stuck_after_s for button in KIOSK.buttons} == {30}
    assert (KIOSK.alarm.delayed_after_s, KIOSK.alarm.unconfirmed_after_s) == (10, 30)
    assert KIOSK.service.out_of_service_after_s == 300
    assert KIOSK.health.interval_s == 60


def test_the_events_that_it_waits_for_are_in_the_contract() -> None:
    contract = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    named = set(re.findall(r"event/([a-z-]+)", PAGE))
    assert len(named) > 5
    assert [event for event in sorted(named) if f"up/event/{event}`" not in contract] == []


def test_every_step_says_what_to_see_and_what_to_do_if_it_is_not_seen_and_is_signed_for() -> None:
    body, _, signed = PAGE.partition("## Signed")
    steps = re.split(r"^\*\*([AKCNPH]\d+)\. ", body, flags=re.MULTILINE)[1:]
    names, texts = steps[::2], steps[1::2]
    assert len(names) > 20
    assert len(set(names)) == len(names)
    for name, text in zip(names, texts, strict=True):
        assert "- See:" in text or "| do | see |" in text, name
        assert "- If not:" in text, name
        assert re.search(rf"^\|[^|]*\b{name}\b", signed, re.MULTILINE), name


def test_what_stays_unproven_is_looked_at_in_a_step_that_there_is() -> None:
    table = PAGE.partition("## Not proven")[2].partition("\n## ")[0]
    steps = re.findall(r"\b[AKCNPH]\d+\b(?=[^|]*\|$)", table, re.MULTILINE)
    assert len(steps) > 10
    assert [step for step in steps if f"**{step}. " not in PAGE] == []
