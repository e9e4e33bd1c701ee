"""What a kiosk at rest may cost its SIM card, and the arithmetic of docs/scale.md."""

from pathlib import Path

import pytest

from tests.campaigns import measured
from tests.campaigns.fleet import traffic
from tests.campaigns.fleet.__main__ import PAGE
from tests.campaigns.fleet.paper import MOST_AT_REST, Capacity, markdown, needs
from tests.campaigns.fleet.traffic import Chore

DAY = [Chore("health", 1000.0, 2000.0, 1, is_rest=True), Chore("alarm", 2.0, 500_000.0, 4)]


@pytest.mark.timeout(180)
def test_a_kiosk_without_a_camera_takes_at_most_3_mb_a_day_at_rest(tmp_path: Path) -> None:
    day = {each.name: each for each in traffic.measure(tmp_path, rest_s=40.0, pace=4.0)}

    rest = [each for each in day.values() if each.is_rest]
    # Its own echo comes every 225 s whatever the pace: `make traffic` counts it.
    assert [each.name for each in rest if not each.bytes] in ([], ["its own echo"]), rest
    assert sum(each.bytes for each in rest) <= MOST_AT_REST, rest
    assert day["keepalive"].times < 2000, "it pings although something has just been sent"
    assert day["alarm, answered and closed"].messages >= 5


def run(devices: int, peak: int) -> dict[str, object]:
    bare = {"handshakes_a_second": 200.0, "handshake_ms": 1.0}
    stage = {"name": "quiet", "seconds": 10.0, "broker_peak_bytes": peak, "broker_cpu_s": 0.1}
    stage |= {"centre_cpu_s": 2.0, "messages": 1000}
    return {"devices": devices, "broker": "a broker", "baseline": bare, "stages": [stage]}


def test_what_a_fleet_needs_follows_from_its_measured_capacity() -> None:
    capacity = Capacity.of([run(1000, 3000 * 1024), run(100, 300 * 1024)])
    assert (capacity.device_bytes, capacity.centre_ms) == (3 * 1024, 2.0)
    found = needs(capacity, DAY, price=0.5, devices=50_000)
    assert found["bytes on the wire"].startswith("150.0 GB a day")
    assert found["broker: of one processor, at rest"] == "50 %"
    assert found["broker: memory"] == "146 MiB"
    assert found["price of 30 days, at 0.5 a megabyte"] == "2,250,000"
    assert found["reconnect window, 2N/C"] == "500 s"
    assert found["brokers, for a window of 120 s"] == "5"
    assert "| **at rest** |  |  |  | **2,000,000** |" in markdown(DAY, [capacity], 0.5, [1000])


def test_the_page_has_a_place_for_it(tmp_path: Path) -> None:
    page = tmp_path / "scale.md"
    page.write_text(PAGE.read_text(encoding="utf-8"), encoding="utf-8")
    measured.put("paper", "| new |\n", page)
