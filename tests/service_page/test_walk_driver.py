"""The walk's directory belongs to two users, who may not trust each other."""

from pathlib import Path

import pytest

from agent.core.commissioning.plan import plan
from agent.core.errors import EdgeAgentError
from agent.service_page.walk_driver import WalkDriver
from tests.support.walking import KIOSK


def test_no_link_in_it_makes_a_walk_overwrite_or_open_a_file_elsewhere(tmp_path: Path) -> None:
    database, key, directory = tmp_path / "alarms.db", tmp_path / "device.key", tmp_path / "walk"
    database.write_text("alarms")
    key.write_text("secret")
    key.chmod(0o600)
    directory.mkdir()
    (directory / ".walk.json.new").symlink_to(database)
    driver = WalkDriver(plan(KIOSK), directory)
    driver.orders()
    driver.close()
    assert (directory / "walk.json").is_file()
    assert database.read_text() == "alarms"
    (directory / "walk.lock").unlink()
    (directory / "walk.lock").symlink_to(key)
    with pytest.raises(EdgeAgentError):
        WalkDriver(plan(KIOSK), directory)
    assert key.stat().st_mode & 0o777 == 0o600
