"""The control room's worker and figures under Node, with brokers and a clock that a test holds."""

import pytest

from tests.support.control_room import program
from tests.support.run import ran


@pytest.mark.parametrize(
    "name",
    [
        "room_program",
        "gone_program",
        "look_program",
        "look_page_program",
        "memory_program",
        "figures_program",
        "events_program",
    ],
)
def test_what_conform_cannot_see_is_right_too(name: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    done = ran("node", "--expose-gc", program(name, tmp_path_factory), timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\n# fail 0\n" in done.stdout.replace("ℹ", "#")  # noqa: RUF001 - what Node writes before a figure
    assert "\n# pass 0\n" not in done.stdout.replace("ℹ", "#")  # noqa: RUF001
