import shutil
from pathlib import Path

from agent.runtime.commissioning.profile import profile_of

PROFILES = Path(__file__).parents[3] / "firmware_configs"


def test_a_device_has_the_profile_whose_files_and_board_are_its_own_and_its_drawing(tmp_path: Path) -> None:
    settings, board = tmp_path / "edge-agent.d", "Raspberry Pi 5 Model B Rev 1.0"
    shutil.copytree(PROFILES / "kiosk-pi5" / "edge-agent.d", settings)
    assert profile_of(board, settings, PROFILES) == ("kiosk-pi5", PROFILES / "kiosk-pi5" / "wiring.svg")
    assert profile_of("Raspberry Pi Zero 2 W Rev 1.0", settings, PROFILES)[0] == "kiosk-zero2w"
    (settings / "90-device.toml").write_text('[device]\nid = "kiosk-7"\n')
    assert profile_of(board, settings, PROFILES)[0] == "kiosk-pi5", "its name is its own"
    (settings / "20-kiosk.toml").write_text("")
    assert profile_of(board, settings, PROFILES) == ("", None)
