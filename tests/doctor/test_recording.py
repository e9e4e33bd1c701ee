"""What the doctor says of recordings: whether a camera is recorded, and what to do if not."""

import json
from pathlib import Path
from typing import Any

import pytest

from agent.adapters.running_agent import RunningAgent
from agent.core.diagnosis.finding import Finding, State
from agent.core.diagnosis.recording import Chain, judge_chain, judge_groups, judge_room
from agent.doctor.check import Device
from agent.doctor.recording import recording
from agent.settings import Settings
from agent.trust.evidence_keys import EvidenceKey
from tests.support.certificates import Authority

RECIPIENT = str(EvidenceKey.generate("evidence-1").public())


def settings_of(directory: Path, *, key: bool = True, recipient: str | None = RECIPIENT, **camera: Any) -> Settings:
    files = Authority(directory / "ca").client("gp/site/kiosk-1")
    mqtt: dict[str, Any] = {"brokers": ["mqtt://127.0.0.1:1"]}
    if key:
        mqtt |= {"cert_file": str(files.cert), "key_file": str(files.key)}
    return Settings.model_validate(
        {
            "device": {"province": "gp", "site": "site", "id": "kiosk-1"},
            "storage": {"directory": str(directory)},
            "mqtt": mqtt,
            "cameras": [{"name": "front", "source": "v4l2:/dev/video99", **camera}],
            "evidence": {"recipient": recipient, "keep_free_bytes": 0} if recipient else {},
        }
    )


def examine(settings: Settings, figures: dict[str, Any] | None = None, **part: Any) -> list[Finding]:
    """What is found, with the figures of a running agent if there are any, and what it says of the recorder."""
    agent = None
    if figures is not None:
        directory = settings.storage.directory
        parts = {"recorder-front": part} if part else {}
        report = {"cameras": {"front": {"recording": figures}}, "parts": parts}
        (directory / "status.json").write_text(json.dumps(report))
        agent = RunningAgent(1, simulated=False, runtime_directory=directory)
    device = Device(settings, simulate=False, agent=agent)
    return list(recording(device, settings.cameras[0], lambda _: None))


def test_a_province_that_records_nothing_is_told_so_and_warned_of_nothing(tmp_path: Path) -> None:
    [found] = examine(settings_of(tmp_path, recipient=None))
    assert found.state is State.OK
    assert "[evidence] recipient" in found.what


def test_a_camera_that_is_left_out_is_told_so(tmp_path: Path) -> None:
    [found] = examine(settings_of(tmp_path, evidence=False))
    assert found.state is State.OK
    assert "evidence = false" in found.what


def test_a_device_that_can_sign_nothing_is_sent_to_enrol(tmp_path: Path) -> None:
    [found] = examine(settings_of(tmp_path, key=False))
    assert found.state is State.FAIL
    assert "edge-agent enrol" in found.do


def test_before_an_agent_runs_the_encoder_is_tried(tmp_path: Path) -> None:
    pytest.importorskip("av", reason="a recorder needs PyAV to encode: pip install av")
    encoder, *card = examine(settings_of(tmp_path))
    assert encoder.state is State.OK
    assert encoder.what.startswith("it can be recorded, by ")
    assert [each.state for each in card] == [State.OK, State.OK]
    assert card[1].what == "nothing has been recorded yet"


def test_without_an_encoder_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    found = examine(settings_of(tmp_path))[0]
    assert found.state is State.FAIL
    assert "apt-get install --no-install-recommends python3-av" in found.do


@pytest.mark.parametrize(
    ("figures", "state", "says", "do"),
    [
        ({"state": "ok", "detail": "", "before_s": 15.2, "encoder": "libx264", "held": 2}, "ok", "15 s before", ""),
        ({"state": "ok", "detail": "", "before_s": 8.1, "group_s": 1.0}, "warn", "8 s before it, and 15", "ring_bytes"),
        ({"state": "ok", "detail": "", "before_s": 20.0, "group_s": 10.0}, "warn", "10.0 s apart", "I-frame interval"),
        (
            {
                "state": "degraded",
                "detail": "the stream is HEVC, which can't be evidence here: set the camera to H.264",
            },
            "fail",
            "set the camera to H.264",
            "journalctl",
        ),
        ({"state": "degraded", "detail": "its recorder does not run"}, "fail", "does not run", "journalctl"),
    ],
)
def test_what_the_running_agent_says_of_its_recorder_is_told_with_what_to_do(
    tmp_path: Path, figures: dict[str, Any], state: str, says: str, do: str
) -> None:
    found = examine(settings_of(tmp_path), figures)[0]
    assert found.state.value == state
    assert says in found.what
    assert do in found.do


def test_a_card_without_room_a_damaged_chain_and_key_frames_far_apart_are_warned_of() -> None:
    gib = 1024**3
    [room] = judge_room(free=gib, keep_free=gib, used=0, limit=4 * gib)
    assert (room.state, "larger card" in room.do) == (State.WARN, True)
    assert judge_room(free=gib, keep_free=gib, used=3 * gib, limit=4 * gib)[0].state is State.OK
    [chain] = judge_chain(Chain(3, "3f" * 32, "2026-11-27T19:41:04.123Z", "chain.jsonl, bytes 7 to 9: was altered"))
    assert (chain.state, "copy" in chain.do) == (State.WARN, True)
    [good] = judge_chain(Chain(3, "3f" * 32, "2026-11-27T19:41:04.123Z"))
    assert good.what == "the last clip began 2026-11-27 19:41 UTC; head 3 of the chain: 3f3f3f3f3f3f3f3f"
    assert judge_groups(1.0) == []


def test_a_recorder_that_rests_while_the_kiosk_runs_on_its_battery_is_a_warning(tmp_path: Path) -> None:
    rests = {"ok": False, "detail": "it is stopped: the kiosk runs on its battery", "transient": True}
    found, *_ = examine(settings_of(tmp_path), {"state": "degraded", "detail": "no picture for 12 s"}, **rests)
    assert (found.state, "runs on its battery" in found.what) == (State.WARN, True)
