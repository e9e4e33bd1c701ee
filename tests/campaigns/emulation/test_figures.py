from typing import Any

import pytest

from tests.campaigns.emulation.book import Row
from tests.campaigns.emulation.figures import CORE_MIB, Meter

CORE = "/opt/edge-agent/bin/python -m agent run |{kib}|{ticks} 50"
CAMERA = "/opt/edge-agent/bin/python -m agent.vision |20480|100 0"


class Machine:
    """Answers as the emulated one: 2 s later the core has used 1 s more, the camera process has come and used 1 s."""

    def __init__(self, core_kib: int = 10240) -> None:
        self._looks = [
            ["10.0", "1000000000", "52428800", "100", CORE.format(kib=1024, ticks=50)],
            ["12.0", "3000000000", "52428800", "100", CORE.format(kib=core_kib, ticks=150), CAMERA],
        ]

    def check(self, _: str) -> str:
        return "\n".join(self._looks.pop(0))


def told(machine: Any, most_percent: float) -> Row:
    row = Row("step", "title")
    meter = Meter(machine)
    meter.stop()
    meter.tell(row, most_percent)
    return row


def test_each_is_told_in_mib_and_percent() -> None:
    row = told(Machine(), 100.0)

    assert row.seen == "unit 50 MiB, 100 %; core 10 MiB, 50 %; camera 20 MiB, 50 % of one emulated processor"
    assert row.figures["camera_percent"] == 50.0


def test_too_much_is_a_fault() -> None:
    with pytest.raises(AssertionError, match="more than 99 %"):
        told(Machine(), 99.0)
    with pytest.raises(AssertionError, match="core takes more than 80 MiB"):
        told(Machine(int(CORE_MIB * 1024) + 1), 100.0)
