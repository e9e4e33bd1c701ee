import json
from pathlib import Path

import pytest

from agent.__main__ import main
from tests.sim.test_control import Kiosk, kiosk

__all__ = ["kiosk"]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    config = tmp_path / "edge-agent.toml"
    config.write_text(
        f"""
[device]
province = "gp"
site = "site"
id = "kiosk-1"
[storage]
directory = "{tmp_path}"
[mqtt]
brokers = ["mqtt://localhost"]
[[buttons]]
name = "police"
pin = 17
"""
    )
    return config


def sim(config: Path, *arguments: str) -> int:
    return main(["sim", "--config", str(config), *arguments])


def test_press_prints_one_line_a_press(config: Path, kiosk: Kiosk, capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(config, "press", "police", "--hold", "0", "--count", "3", "--interval", "0.01") == 0

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [set(line) for line in lines] == [{"input", "edge_boottime_ns"}] * 3
    assert len(kiosk.edges) == 6


def test_hold_inputs_and_release(config: Path, kiosk: Kiosk, capsys: pytest.CaptureFixture[str]) -> None:
    sim(config, "hold", "police")
    capsys.readouterr()
    sim(config, "inputs")
    assert json.loads(capsys.readouterr().out)["police"] == "pressed"
    sim(config, "release", "police")
    capsys.readouterr()
    sim(config, "inputs")
    assert json.loads(capsys.readouterr().out)["police"] == "released"


def test_outputs_prints_the_lights(config: Path, kiosk: Kiosk, capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(config, "outputs") == 0

    assert json.loads(capsys.readouterr().out) == dict.fromkeys(("yellow", "green", "beacon", "tone"), "off")


def test_without_an_agent_one_line_says_how_to_start_it(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(config, "outputs") == 1

    printed = capsys.readouterr()
    assert printed.err.count("\n") == 1
    assert f"edge-agent run --simulate --config {config}" in printed.err
    assert not printed.out


def test_an_unknown_name_lists_the_names(config: Path, kiosk: Kiosk, capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(config, "press", "doctor") == 1

    assert "police, tamper" in capsys.readouterr().err


def test_an_unknown_fault_lists_the_faults(config: Path, kiosk: Kiosk, capsys: pytest.CaptureFixture[str]) -> None:
    assert sim(config, "fault", "flood") == 1

    assert "disk-full" in capsys.readouterr().err
