import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import gpiozero
import pytest

from agent.adapters import gpiozero_pins
from agent.adapters.gpiozero_pins import open_pin_factory
from agent.core.errors import HardwareError


def test_simulated_pins_are_no_matter_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GPIOZERO_MOCK_PIN_CLASS", "mockpwmpin")
    monkeypatch.setenv("GPIOZERO_MOCK_REVISION", "nonsense")

    factory = open_pin_factory({})

    assert factory.pin(17).state in {True, False}
    assert gpiozero.Device.pin_factory is None


@pytest.mark.skipif(importlib.util.find_spec("lgpio") is not None, reason="lgpio is installed")
def test_without_lgpio_the_error_says_what_to_install() -> None:
    with pytest.raises(HardwareError, match="install python3-lgpio"):
        open_pin_factory(None)


class LgpioError(Exception):
    """Stands for lgpio.error."""


@pytest.mark.parametrize(
    ("trouble", "nodes", "advice"),
    [
        (gpiozero.PinUnknownPi("no revision"), ["gpiochip0"], "use --simulate"),
        (LgpioError("can not open gpiochip"), ["gpiochip0"], "group gpio"),
        (LgpioError("can not open gpiochip"), [], "there is no GPIO chip"),
    ],
)
def test_a_chip_that_can_not_be_opened_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, nodes: list[str], advice: str
) -> None:
    def refuse() -> None:
        raise trouble

    for node in nodes:
        (tmp_path / node).touch()
    _install(monkeypatch, tmp_path, refuse)

    with pytest.raises(HardwareError, match=advice):
        open_pin_factory(None, patience_s=0)


def test_a_chip_that_udev_has_not_given_to_its_group_yet_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[Any] = [LgpioError("can not open gpiochip"), LgpioError("can not open gpiochip"), "the factory"]

    def answer() -> str:
        if isinstance(said := answers.pop(0), LgpioError):
            raise said
        return str(said)

    (tmp_path / "gpiochip0").touch()
    _install(monkeypatch, tmp_path, answer)

    assert open_pin_factory(None) == "the factory"


def _install(monkeypatch: pytest.MonkeyPatch, devices: Path, factory: Callable[[], object]) -> None:
    """A library lgpio that makes this factory."""
    monkeypatch.setattr(gpiozero_pins, "_DEVICES", devices)
    lgpio, module = ModuleType("lgpio"), ModuleType("gpiozero.pins.lgpio")
    vars(lgpio).update(error=LgpioError)
    vars(module).update(LGPIOFactory=factory)
    monkeypatch.setitem(sys.modules, "lgpio", lgpio)
    monkeypatch.setitem(sys.modules, "gpiozero.pins.lgpio", module)


def test_a_directory_that_can_not_be_written_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    class NoFifo:
        """lgpio makes a FIFO in the working directory while it is imported."""

        def find_spec(self, name: str, path: object = None, target: object = None) -> None:
            if name == "lgpio":
                raise OSError(30, "Read-only file system")

    monkeypatch.setattr(sys, "meta_path", [NoFifo(), *sys.meta_path])

    with pytest.raises(HardwareError, match="LG_WD"):
        open_pin_factory(None)
