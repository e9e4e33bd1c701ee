"""The installation guide names files, pins and commands; they must be the real ones."""

import re
from pathlib import Path

import pytest

from agent.bootstrap.specs import input_lines, light_pins
from agent.contract.command_line import DEFAULT_CONFIG
from agent.contract.lamps import IDENTIFY, NOT_ENROLLED, OUT_OF_SERVICE, REFUSED, TEST_MODE, LightState, for_open_alarms
from agent.contract.stages import Stage
from agent.settings import load
from deploy.package import tree
from deploy.wiring.header import PHYSICAL
from deploy.wiring.pages import guide

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "deploy" / "README.md").read_text()


def test_every_file_of_the_repository_that_it_names_exists() -> None:
    named = set(re.findall(r"(?:deploy|firmware_configs)/[\w./-]*\w", GUIDE))
    assert len(named) > 3
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_its_wires_are_those_that_the_settings_of_the_kiosk_want() -> None:
    assert guide() == GUIDE, "run: make wiring"
    wiring = GUIDE.partition("## 4. Wiring")[2].partition("\n## ")[0]
    settings = load(ROOT / "firmware_configs/kiosk-pi4/edge-agent.toml", environ={})
    wanted = [line.pin for line in input_lines(settings)] + [*light_pins(settings).wired().values()]
    rows = {row.split(" | ")[1]: row.split(" | ")[2] for row in wiring.splitlines() if "GPIO" in row}
    assert {f"GPIO{pin}": str(PHYSICAL[pin]) for pin in wanted} == {
        name: pin for name, pin in rows.items() if "," not in name
    }


def test_it_puts_the_claim_where_the_unit_looks_for_it_and_the_agent_has_its_settings_where_it_says() -> None:
    unit = (ROOT / "deploy/systemd/edge-agent.service").read_text()
    config = re.findall(r"^ExecStart=.* run --config (\S+)$", unit, re.MULTILINE)[0]
    assert Path(config) == DEFAULT_CONFIG
    enrols = (ROOT / "deploy/systemd/edge-agent-enrol.service").read_text()
    [claim] = re.findall(r"^ConditionPathExists=(/boot/firmware/\S+)$", enrols, re.MULTILINE)
    assert f"`{claim}`" in GUIDE


def test_a_device_takes_two_commands_with_arguments_that_exist() -> None:
    office, device = (re.findall(r"```sh\n(.*?)\n```", GUIDE.split("\n## ")[part], re.DOTALL)[0] for part in (2, 3))
    assert device == "sudo edge-agent commission"
    command, *arguments = office.removeprefix("make ").split(" ")
    recipe = (ROOT / "Makefile").read_text().partition(f"\n{command}:")[2].partition("\n\n")[0]
    table = re.findall(r"^\| `(?:\w+=.*)` \|", GUIDE, re.MULTILINE)
    named = {*re.findall(r"\b([A-Z_]+)=", " ".join((*arguments, *table))), "BOARD", "LOGIN"}
    assert {"PROFILE", "DEVICE", "SSH_KEY", "OUT", "CLAIM", "WIFI", "RELEASE", "ARCH"} <= named
    assert [each for each in named if f"$({each})" not in recipe] == []


def test_what_it_takes_from_the_package_is_there() -> None:
    [named] = re.findall(r" /(usr/share/\S+) /etc", GUIDE)
    assert named == f"{tree.PROFILES}/camera-pi4/edge-agent.*"
    assert (ROOT / "firmware_configs/camera-pi4/edge-agent.toml").exists()


def test_it_takes_away_what_the_package_has_put_there_before_it_copies_another_profile() -> None:
    removal = GUIDE.index("sudo rm -r /etc/edge-agent/edge-agent.toml /etc/edge-agent/edge-agent.d\n")
    assert removal < GUIDE.index("sudo cp -r /usr/share/edge-agent/profiles/")


def test_the_package_begins_with_a_kiosks_settings_which_are_the_same_for_each_board() -> None:
    script = (ROOT / "deploy/package/debian/postinst").read_text()
    assert "\nKIND=kiosk-pi4\n" in script
    assert "\nEXAMPLE=$PROFILES/$KIND\n" in script
    assert f"PROFILES=/{tree.PROFILES}\n" in script
    kiosks = [
        load(ROOT / f"firmware_configs/kiosk-{board}/edge-agent.toml", environ={}).model_copy(update={"device": None})
        for board in ("pi4", "pi5", "zero2w")
    ]
    assert kiosks[1:] == kiosks[:-1]


def test_the_broker_gets_every_file_that_its_configuration_names() -> None:
    text = (ROOT / "deploy/mosquitto/edge-agent.conf").read_text()
    named = re.findall(r"^(?:acl_file|cafile|certfile|keyfile) (\S+)$", text, re.MULTILINE)
    assert len(named) == 7
    role = (ROOT / "deploy/centre/edge_centre/kit/role/tasks/broker.yml").read_text()
    assert [path for path in named if not re.search(rf"[/\[]{Path(path).name}[\",]", role)] == []


@pytest.mark.parametrize(
    "lights",
    [
        for_open_alarms([]),
        for_open_alarms([Stage.RAISED]),
        for_open_alarms([Stage.DELAYED]),
        for_open_alarms([Stage.UNCONFIRMED]),
        for_open_alarms([Stage.REGISTERED]),
        for_open_alarms([Stage.DISPATCHED]),
        IDENTIFY,
        TEST_MODE,
        OUT_OF_SERVICE,
        NOT_ENROLLED,
        REFUSED,
    ],
)
def test_it_explains_every_pattern_of_the_lights(lights: LightState) -> None:
    assert f"| {lights.yellow} | {lights.green} | {lights.beacon} | " in GUIDE
