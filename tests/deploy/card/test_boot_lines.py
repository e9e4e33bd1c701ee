"""What a profile adds to config.txt and cmdline.txt."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from deploy.card.boot_lines import WORDS, command_line, config
from deploy.card.errors import CardError
from deploy.wiring.boot import read_boot
from deploy.wiring.header import board_of
from tests.support.boot_partition import CONFIG, IMAGERS_WORDS, ROOT

pytestmark = pytest.mark.enrolment

PROFILES = Path(__file__).parents[3] / "firmware_configs"
KIOSK = (PROFILES / "kiosk-pi4/config.txt").read_text()
CAMERA = (PROFILES / "camera-pi4/config.txt").read_text()


def test_a_profiles_lines_come_to_the_end_where_they_are_in_force_on_its_board() -> None:
    merged = config(CONFIG, KIOSK)
    assert merged.startswith(CONFIG.rstrip())
    assert "\n[all]\n" in merged.partition("# >>> edge-agent")[2]
    boot = read_boot(merged, "", board_of("kiosk-pi4"))
    assert boot.mistakes == []
    assert boot.pins[17].pull == "pu"


@given(st.lists(st.sampled_from([KIOSK, CAMERA]), min_size=1, max_size=4))
def test_however_often_it_is_merged_the_last_profile_alone_is_there_once(profiles: list[str]) -> None:
    text = CONFIG
    for each in profiles:
        text = config(text, each)
    assert text == config(CONFIG, profiles[-1])


def test_lines_that_somebody_has_appended_by_hand_before_are_not_there_twice() -> None:
    assert config(CONFIG + KIOSK, KIOSK) == config(CONFIG, KIOSK)


def test_what_a_technician_has_written_below_stays() -> None:
    assert "dtoverlay=mine" in config(config(CONFIG, KIOSK) + "dtoverlay=mine\n", CAMERA)


def test_half_a_block_is_not_guessed_at() -> None:
    with pytest.raises(CardError, match="write the card again"):
        config(config(CONFIG, KIOSK).replace("# <<< edge-agent\n", ""), KIOSK)


def test_wifi_stays_on_where_the_device_uses_it() -> None:
    for profile in ("kiosk-pi4", "kiosk-pi5"):
        lines = (PROFILES / profile / "config.txt").read_text()
        off, on = config(CONFIG, lines).splitlines(), config(CONFIG, lines, wifi=True).splitlines()
        assert [line for line in off if line.startswith("dtoverlay=disable-wifi")]
        assert not [line for line in on if line.startswith("dtoverlay=disable-wifi")]
        assert [line for line in on if line.startswith("dtoverlay=disable-bt")]


def test_a_word_is_added_once_and_the_others_stay_in_their_order() -> None:
    once = command_line(ROOT + "\n", WORDS)
    assert once == f"{ROOT} cgroup_enable=memory\n"
    assert command_line(once, WORDS) == once


def test_a_word_stands_before_what_the_imager_cuts_off_at_the_end_of_its_first_start() -> None:
    merged = command_line(f"{ROOT}{IMAGERS_WORDS}\n", WORDS)
    kept, _, _ = merged.partition(" systemd.run")  # as its sed does
    assert kept == f"{ROOT} cgroup_enable=memory"


@pytest.mark.parametrize("text", ["", "\n", f"{ROOT}\nmore\n"])
def test_a_command_line_that_the_firmware_would_not_read_whole_is_refused(text: str) -> None:
    with pytest.raises(CardError, match="not one line"):
        command_line(text, WORDS)
