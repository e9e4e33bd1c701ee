"""The hour and the day on a bench are held in the hand, far from anybody who could help: every command is right."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.__main__ import PROGRAM
from agent.settings import load
from deploy.wiring.header import PHYSICAL
from edge_centre.__main__ import PROGRAM as OFFICE

ROOT = Path(__file__).parents[2]
HOUR = (ROOT / "docs/hardware.md").read_text(encoding="utf-8")
DAY = (ROOT / "docs/how-to/bench-day.md").read_text(encoding="utf-8")
KIOSK = load(ROOT / "firmware_configs/kiosk-pi4/edge-agent.toml", environ={})


def code() -> Iterator[str]:
    """What stands in backticks, and each line of a block."""
    yield from re.findall(r"(?<!`)`([^`\n]+)`(?!`)", HOUR + DAY)
    for block in re.findall(r"^```sh\n(.*?)^```$", HOUR + DAY, re.MULTILINE | re.DOTALL):
        yield from block.replace("\\\n", " ").splitlines()


def commands() -> list[str]:
    """Every call of the agent's program, whichever way it is made."""
    found = []
    for line in code():
        for part in re.split(r"; |\| |> |\$\(", line):
            words = re.sub(r"^ssh -t \S+ ", "", part.strip()).removeprefix("sudo ")
            if words.startswith("centre "):
                name, _, rest = words.removeprefix("centre ").partition(" ")
                found.append(f"edge-centre {name} --device bench/bench/kiosk-0001 --broker mqtts://192.168.1.5 {rest}")
            elif words.startswith(("edge-agent ", "edge-centre ")) and '"$does"' not in words:
                found.append(words)
    return sorted(set(found))


@pytest.mark.parametrize("command", commands())
def test_every_command_of_the_agent_is_one_that_it_takes(command: str) -> None:
    program, *arguments = shlex.split(command)
    if arguments == ["--version"]:
        return
    assert {"edge-agent": PROGRAM, "edge-centre": OFFICE}[program].whole_parser().parse_args(arguments).run


def test_there_are_commands_to_look_at() -> None:
    assert len(commands()) > 10


@pytest.mark.parametrize("page", [HOUR, DAY], ids=["hour", "day"])
def test_the_pins_are_those_of_the_kiosk(page: str) -> None:
    named = [{int(pin) for pin in pins.split(",")} for pins in re.findall(r"^pinctrl get (\S+)$", page, re.MULTILINE)]
    lights = KIOSK.lights
    inputs = {line.pin for line in (*KIOSK.buttons, *KIOSK.inputs)} | {b.pin_nc for b in KIOSK.buttons if b.pin_nc}
    assert named == [inputs, {lights.yellow, lights.green, lights.beacon, lights.tone}]
    if page is DAY:
        for button in KIOSK.buttons:
            assert re.search(rf'\b{button.pin}\s+(is the button )?"{button.name}"', DAY)


def test_its_times_are_those_of_the_settings() -> None:
    assert {button.debounce_ms for button in KIOSK.buttons} == {30}
    assert {button.stuck_after_s for button in KIOSK.buttons} == {30}
    assert (KIOSK.alarm.delayed_after_s, KIOSK.alarm.unconfirmed_after_s) == (10, 30)
    assert KIOSK.service.out_of_service_after_s == 300
    assert KIOSK.health.interval_s == 75


def test_the_events_that_it_waits_for_are_in_the_contract() -> None:
    contract = (ROOT / "docs/contract.md").read_text(encoding="utf-8")
    named = set(re.findall(r"event/([a-z-]+)", HOUR + DAY))
    assert len(named) > 5
    assert [event for event in sorted(named) if f"up/event/{event}`" not in contract] == []


def test_every_step_says_what_to_see_and_what_to_do_if_it_is_not_seen_and_is_signed_for() -> None:
    body, _, signed = DAY.partition("## Signed")
    steps = re.split(r"^\*\*([AKCNPH]\d+)\. ", body, flags=re.MULTILINE)[1:]
    names, texts = steps[::2], steps[1::2]
    assert len(names) > 20
    assert len(set(names)) == len(names)
    for name, text in zip(names, texts, strict=True):
        assert "- See:" in text or "| do | see |" in text, name
        assert "- If not:" in text, name
        assert re.search(rf"^\|[^|]*\b{name}\b", signed, re.MULTILINE), name


def test_the_hour_is_an_hour_and_each_step_asks_for_figures_that_the_form_has() -> None:
    body, _, form = HOUR.partition("## The bench hour")[2].partition("### The form")
    steps = re.split(r"^### B(\d+)\. ", body, flags=re.MULTILINE)[1:]
    assert steps[::2] == [str(number) for number in range(1, len(steps) // 2 + 1)]
    minutes = [int(re.findall(r"^\*(\d+) minutes\b", text, re.MULTILINE)[0]) for text in steps[1::2]]
    assert sum(minutes) <= 60
    assert "**Plan two hours**" in body, "nobody needs no set-up and makes no mistake"
    for text in steps[1::2]:
        assert "\n- See: " in text
        assert "\n- If not: " in text
    asked = re.findall(r"\*\*(\d+)\*\* ", body)
    assert asked == re.findall(r"^\| (\d+) \| [^|]+ \| [^|]* \| \|$", form, re.MULTILINE)
    assert asked == [str(number) for number in range(1, len(asked) + 1)]


def test_whoever_goes_to_the_bench_is_told_beforehand_what_its_commands_need() -> None:
    needed = HOUR.partition("You need:\n")[2].partition("### B1. ")[0]
    for_the_day = DAY.partition("**Parts and tools**")[2].partition("\n\n")[0]
    plain, with_cameras = sorted({int(each) * 2**20 for each in re.findall(r"\b(\d+)MiB", DAY)})[-2:]
    assert plain < 16e9 < with_cameras < 32e9
    for text in (needed, for_the_day):
        for what in ("16 GB", "32 GB", "internet access", "parted"):
            assert what in text
    assert "mDNS" in needed, "by which the laptop finds kiosk-0001.local"


def test_the_hours_wires_are_those_of_the_kiosk() -> None:
    rows = re.findall(r"^\| ([^|]+) \| (\d+) \|", HOUR.partition("### B3. ")[2].partition("### B4. ")[0], re.MULTILINE)
    inputs = {each.name: each.pin for each in KIOSK.inputs if each.kind != "service"}  # at rest that one is open
    lights, [police] = KIOSK.lights, [each for each in KIOSK.buttons if each.name == "police"]
    pins = {"yellow LED": lights.yellow, "green LED": lights.green, "LED for the beacon": lights.beacon}
    pins |= {"its normally open leg": police.pin, "its normally closed leg": police.pin_nc}
    pins |= {f"jumper for the {name}": pin for name, pin in inputs.items()}
    assert {what: int(pin) for what, pin in rows} == {what: PHYSICAL[pin] for what, pin in pins.items() if pin}


def test_what_stays_unproven_is_looked_at_in_a_step_that_there_is() -> None:
    table = HOUR.partition("## Not proven")[2].partition("\n## ")[0]
    steps = [step for row in table.splitlines() for step in re.findall(r"\b[ABKCNPH]\d+\b", row)]
    assert len(steps) > 10
    assert [step for step in steps if f"**{step}. " not in DAY and f"### {step}. " not in HOUR] == []
    figures = [row.split(" | ")[3] for row in table.splitlines() if row.startswith("| ") and row.count(" | ") == 4]
    known = int(re.findall(r"^\| (\d+) \|", HOUR, re.MULTILINE)[-1])
    assert all(int(each) <= known for row in figures for each in re.findall(r"\d+", row))
