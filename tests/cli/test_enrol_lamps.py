"""What the lamps of a kiosk say before it is enrolled, without an agent."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from agent.__main__ import main
from agent.adapters.binding import CURRENT
from agent.adapters.gpiozero_lights import GpiozeroLights
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.bootstrap import specs
from agent.cli import enrol_lamps
from agent.contract.command_line import BAD_USAGE
from agent.contract.lamps import NOT_ENROLLED, REFUSED, LightState
from agent.core.errors import SettingsError
from agent.core.wiring import LightPins
from agent.provisioning import progress
from agent.provisioning.progress import Step
from agent.settings import load
from tests.support.wait import wait_for

PROFILE = Path(__file__).parents[2] / "firmware_configs/kiosk-pi4/edge-agent.toml"


@pytest.fixture(autouse=True)
def _paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "RUN", tmp_path / "run")
    monkeypatch.setattr(progress, "CARD", tmp_path / "no-card")
    monkeypatch.setattr(enrol_lamps, "_LOOK_S", 0.01)


class Lamps:
    """The process that drives them, in a thread."""

    def __init__(self, state: Path, shown: list[LightState]) -> None:
        self.factory: Any = open_pin_factory({})
        pins = specs.light_pins(load(PROFILE))
        self.pins = LightPins(pins.yellow, pins.green, pins.beacon)
        self.shown = shown
        self.ended = threading.Event()
        self.thread = threading.Thread(
            target=enrol_lamps.show,
            args=(self.pins, self.factory, lambda: enrol_lamps._lamps(state), self.ended),
            daemon=True,
        )

    def say(self, lamps: LightState) -> None:
        wait_for(lambda: bool(self.shown) and self.shown[-1] == lamps, what=f"{lamps}")


@contextmanager
def running(state: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lamps]:
    shown: list[LightState] = []
    really = GpiozeroLights.show

    def show(lights: Any, lamps: LightState) -> None:
        really(lights, lamps)
        shown.append(lamps)

    monkeypatch.setattr(GpiozeroLights, "show", show)
    lamps = Lamps(state, shown)
    lamps.thread.start()
    try:
        yield lamps
    finally:
        lamps.ended.set()
        lamps.thread.join(10)
        lamps.factory.close()
    assert not lamps.thread.is_alive()


def test_a_technician_tells_not_let_in_yet_from_refused_and_from_no_power_by_the_lamps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, monkeypatch) as lamps:
        lamps.say(NOT_ENROLLED)
        progress.tell(Step.REFUSED, "this claim has expired: ask the office for a new one")
        lamps.say(REFUSED)
        progress.tell(Step.WAITING, "the registrar can't be reached: check the cable")
        lamps.say(NOT_ENROLLED)
        (tmp_path / CURRENT).mkdir(parents=True)
        progress.tell(Step.ENROLLED, "kzn/durban-station/kiosk-0001")
        wait_for(lambda: not lamps.thread.is_alive(), what="the pins to be free for the agent")


def test_the_lamps_end_where_a_device_is_enrolled_already(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / CURRENT).mkdir(parents=True)
    with running(tmp_path, monkeypatch) as lamps:
        wait_for(lambda: not lamps.thread.is_alive(), what="its end")
        assert lamps.shown == []


def test_before_the_enrolment_nothing_but_three_lamps_is_driven_and_all_are_released_for_the_agent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, monkeypatch) as lamps:
        lamps.say(NOT_ENROLLED)
        driven = {pin.info.name for pin in lamps.factory.pins.values() if pin.function == "output"}
        assert driven == {f"GPIO{pin}" for pin in lamps.pins.wired().values()}
        lamps.ended.set()
        lamps.thread.join(10)
        assert {pin.function for pin in lamps.factory.pins.values()} == {"input"}


def test_settings_with_mistakes_drive_no_pin_for_it_may_be_the_sirens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "edge-agent.toml"
    config.write_text('[storage]\ndirectory = "/tmp"\n[lights]\nyellow = 5\n[siren]\npin = 5\n')
    monkeypatch.setattr(enrol_lamps, "open_pin_factory", lambda _: pytest.fail("a pin was opened"))
    assert main(["enrol-lamps", "--config", str(config)]) == BAD_USAGE
    assert "pin" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("later", "lit"),
    [
        ("[lights]\nyellow = 17\n", "green beacon"),
        ("[siren]\npin = 27\n", "yellow beacon"),
        ('[siren]\npin = "27"\n', "yellow beacon"),
        ("[sirene]\npin = 27\n", "yellow beacon"),
        ("[lights]\nyellow = 99\ngreen = true\n", "beacon"),
        ("[lights]\ncolour = 5\n", "yellow green beacon"),
        ("[siren\npin = 22\n", "green beacon"),
        ("lights = 5\n", ""),
        ("[lights]\nyellow = 22\ngreen = 22\nbeacon = 22\n", ""),
    ],
)
def test_a_technician_whose_settings_have_a_mistake_sees_refused_on_each_lamp_whose_pin_is_nothing_elses(
    tmp_path: Path, later: str, lit: str
) -> None:
    shutil.copytree(PROFILE.parent, tmp_path / "etc")
    config = tmp_path / "etc/edge-agent.toml"
    mine = tmp_path / "etc/edge-agent.d/95-mine.toml"
    mine.write_text(later)
    if not lit:
        with pytest.raises(SettingsError):
            enrol_lamps.what_to_show(config)
        return
    pins, lamps = enrol_lamps.what_to_show(config)
    assert lamps() == REFUSED
    assert " ".join(pins.wired()) == lit


def test_the_lamps_follow_once_the_mistake_is_mended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrol_lamps, "_MENDED_S", 0.0)
    shutil.copytree(PROFILE.parent, tmp_path / "etc")
    mine = tmp_path / "etc/edge-agent.d/95-mine.toml"
    mine.write_text("[lights]\nyellow = 17\n")
    _, lamps = enrol_lamps.what_to_show(tmp_path / "etc/edge-agent.toml")
    assert lamps() == REFUSED
    mine.write_text("")
    assert lamps() is None, "and what the settings say now is looked at again"


@pytest.mark.parametrize("lamps", [NOT_ENROLLED, REFUSED])
def test_a_resident_who_presses_before_the_enrolment_sees_nothing_that_looks_like_a_call(lamps: LightState) -> None:
    assert (lamps.yellow, lamps.green) == ("alternate", "alternate"), "as when nobody would hear a press"
    assert lamps.tone == "off"


def test_the_services_user_can_not_keep_an_enrolment_waiting_by_a_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever may open a file may lock it."""
    monkeypatch.setattr(progress, "CARD", tmp_path)
    assert progress.tell(Step.WAITING, "nobody has let it in yet") is None
    locks = [each for each in (tmp_path / "run").iterdir() if each.suffix == ".lock"]
    assert [each.stat().st_mode & 0o777 for each in locks] == [0o600]
