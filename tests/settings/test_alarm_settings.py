"""The waits of an alarm, from the file to the core."""

from pathlib import Path

import pytest

from agent.bootstrap.specs import service, waits
from agent.contract.stages import Waits
from agent.core.errors import SettingsError
from agent.core.facts import CentreWatched, UplinkChanged
from tests.settings.test_inputs import BUTTON, read
from tests.support.sim_clock import SimClock


def test_the_waits_are_those_of_the_core_unless_the_settings_say_otherwise(tmp_path: Path) -> None:
    assert waits(read(tmp_path, BUTTON)) == Waits()
    text = "[alarm]\ndelayed_after_s = 1\nunconfirmed_after_s = 2\nrepeat_after_s = 3\nraise_again_after_s = 4.5\n"
    text += "raise_dispatched_after_s = 6\n"
    assert waits(read(tmp_path, BUTTON, text)) == Waits(1 * 10**9, 2 * 10**9, 3 * 10**9, 4_500_000_000, 6 * 10**9)


@pytest.mark.parametrize("seconds", [5, 10])
def test_an_alarm_can_not_be_unconfirmed_before_it_is_delayed(tmp_path: Path, seconds: int) -> None:
    with pytest.raises(SettingsError, match="unconfirmed_after_s must be above delayed_after_s"):
        read(tmp_path, BUTTON, f"[alarm]\nunconfirmed_after_s = {seconds}\n")


@pytest.mark.parametrize(
    "line",
    [
        "delayed_after_s = 61",
        "unconfirmed_after_s = 301",
        "repeat_after_s = 0",
        "raise_again_after_s = inf",
        "raise_dispatched_after_s = 86401",
    ],
)
def test_no_setting_lets_an_alarm_wait_for_ever(tmp_path: Path, line: str) -> None:
    with pytest.raises(SettingsError):
        read(tmp_path, BUTTON, f"[alarm]\n{line}\n")


@pytest.mark.parametrize(("text", "after_s"), [("", 300), ("[service]\nout_of_service_after_s = 60\n", 60)])
def test_the_kiosk_is_out_of_service_after_the_setting(tmp_path: Path, text: str, after_s: int) -> None:
    clock = SimClock(boottime_ns=7 * 10**9)
    of = service(read(tmp_path, BUTTON, text), clock)
    assert of.next_due_ns() == (7 + after_s) * 10**9
    of.take(UplinkChanged(up=True), 8 * 10**9)
    of.take(CentreWatched(online=True, detail=""), 8 * 10**9)
    assert of.next_due_ns() is None
