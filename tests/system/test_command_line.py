"""The commands, as a technician and a control room use them."""

import gc
import json
import signal
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from agent.__main__ import COMMANDS, PROGRAM
from agent.contract.command_line import Program
from deploy.lab.__main__ import PROGRAM as LAB
from edge_centre.__main__ import PROGRAM as OFFICE
from edge_centre.key_files import make_key
from edge_centre.registrar import __main__ as registrar
from tests.support.agent_process import TREE, USER, AgentProcess, run_cli, start_cli
from tests.support.centre import Centre
from tests.support.mosquitto import Mosquitto

SUBCOMMANDS = {
    "sim": ["press", "hold", "release", "outputs", "inputs", "fault"],
    "model": ["fetch", "list", "verify", "try"],
    "bench": ["vision"],
    "conform": ["centre", "device", "verify"],
    "evidence": ["verify"],
}
NAMED = [*PROGRAM.commands, *OFFICE.commands, *OFFICE.others, "bench"]
HELPS = [[name] for name in NAMED] + [[name, sub] for name, subs in SUBCOMMANDS.items() for sub in subs]


READ_THE_SETTINGS = {"run", "check-config", "doctor", "watch", "ack", "command", "sim", "bench vision"}


def _program(words: Sequence[str | Path]) -> Program:
    name = str(words[0]) if words else ""
    return next((each for each in (PROGRAM, OFFICE, LAB) if name in {*each.commands, *each.others}), PROGRAM)


class Said(NamedTuple):
    """What a command has come to."""

    returncode: int | str | None
    stdout: str
    stderr: str


Call = Callable[..., Said]


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Calls what says something at once in this process: a Python for each word of the command line takes long."""

    def called(*words: str | Path) -> Said:
        code: int | str | None
        try:
            code = _program(words).main([str(word) for word in words])
        except SystemExit as end:
            code = end.code
        finally:
            gc.enable()
        return Said(code, *capsys.readouterr())

    return called


@pytest.mark.parametrize("words", HELPS, ids=" ".join)
def test_every_command_has_a_help_with_an_example_of_itself_and_reads_the_settings_of_the_device(
    call: Call, words: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    # `sim` wants to know the agent before the action.
    called = ["sim", "--config", "F", *words[1:]] if words[0] == "sim" and len(words) > 1 else words
    done = call(*called, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    example = done.stdout.partition("Example")[2]
    assert f"{_program(words).name} {words[0]}" in example
    assert words[-1] in example
    if " ".join(words) in READ_THE_SETTINGS:
        assert "default: /etc/edge-agent/edge-agent.toml" in " ".join(done.stdout.split())


def test_a_program_that_serves_for_months_collects_its_garbage(monkeypatch: pytest.MonkeyPatch) -> None:
    collects: list[bool] = []

    def serve(*_: object) -> int:
        collects.append(gc.isenabled())
        return 0

    monkeypatch.setattr(registrar, "main", serve)
    assert OFFICE.main(["registrar", "serve"]) == 0
    assert collects == [True]


@pytest.mark.parametrize("words", [[], ["fly"], ["ack"], ["ack", "--config"]], ids=" ".join)
def test_a_call_that_can_not_be_meant_exits_with_2(words: list[str]) -> None:
    done = run_cli(*words)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["docter"], "doctor"),
        (["model", "fecth"], "fetch"),
        (["sim", "--config", "F", "presss", "police"], "press"),
        (["bench", "vison"], "vision"),
    ],
)
def test_a_misspelt_command_is_told_with_the_nearest_one_and_where_its_help_is(
    call: Call, words: list[str], meant: str
) -> None:
    done = call(*words)
    assert done.returncode == 2
    of = f" {words[0]}" * (len(words) > 1)
    assert f"did you mean {meant}? `{_program(words).name}{of} --help` shows what each does" in done.stderr


def test_without_a_command_or_with_one_unlike_any_all_of_them_are_shown(call: Call) -> None:
    assert set(COMMANDS) <= set(call().stderr.split())
    unlike = call("fly").stderr
    assert all(name in unlike for name in COMMANDS)


def test_the_help_leads_on_to_the_service_its_log_and_the_manual(call: Call) -> None:
    said = call("--help").stdout
    assert all(each in said for each in ("systemctl status edge-agent", "journalctl -u edge-agent", "man edge-agent"))


def test_check_config_prints_what_is_in_force_and_no_secret(tmp_path: Path) -> None:
    camera = {"name": "front", "source": "rtsp://viewer:rtsp-secret@camera.example/1"}
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1", cameras=[camera], mqtt={"password": "mqtt-secret"})
    done = run_cli("check-config", agent.config, environ={"EDGE_AGENT_HEALTH__INTERVAL_S": "7"})
    assert done.returncode == 0
    settings = json.loads(done.stdout)
    assert settings["device"]["id"] == "kiosk-0042"
    assert settings["health"]["interval_s"] == 7
    assert settings["cameras"][0]["source"] == "rtsp://***@camera.example/1"
    assert "secret" not in done.stdout


def test_check_config_tells_of_a_name_that_is_too_long_for_a_certificate(tmp_path: Path) -> None:
    device = {"province": "kwazulu-natal", "site": "durban-central-station-platform-14-north", "id": "kiosk-0042"}
    mqtt = {"cert_file": "device.pem", "key_file": "device.key"}
    agent = AgentProcess(tmp_path, "mqtts://127.0.0.1:1", device=device, mqtt=mqtt)
    done = run_cli("check-config", agent.config)
    assert done.returncode == 0
    assert "has 65 characters, and a certificate's name at most 64" in done.stderr
    agent = AgentProcess(tmp_path, "mqtts://127.0.0.1:1", mqtt=mqtt)
    assert "a certificate's name" not in run_cli("check-config", agent.config).stderr


def test_watch_prints_one_json_object_a_message(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        agent.press()
        raised = centre.wait_for_alarm("raised")
        done = run_cli("watch", "--config", agent.config, "--json", "--seconds", "1.5")
        assert (done.returncode, done.stderr) == (0, "")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        assert all(set(line) == {"topic", "retain", "payload"} for line in lines)
        kept = {line["topic"]: line["payload"]["data"] for line in lines if line["retain"]}
        assert kept[f"{TREE}/up/state"]["state"] == "online"
        assert [alarm["alarm_id"] for alarm in kept[f"{TREE}/up/alarms"]["open"]] == [raised.data["alarm_id"]]
        assert any(line["topic"] == f"{TREE}/up/health" and not line["retain"] for line in lines)


def test_a_reader_that_goes_away_is_no_failure_of_watch(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        centre.wait_for("alarms")
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        with start_cli("watch", "--json", "--config", agent.config, **pipes) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            process.stdout.readline()
            process.stdout.close()
            assert process.wait(15) == 0  # it finds out at the next health message
            assert process.stderr.read() == ""


def test_press_ack_and_commands_work_from_the_command_line(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        pressed = run_cli("sim", "--config", agent.config, "press", "police", "--count", "2", "--interval", "0.3")
        lines = [json.loads(line) for line in pressed.stdout.splitlines()]
        assert [line["input"] for line in lines] == ["police", "police"]
        assert lines[0]["edge_boottime_ns"] < lines[1]["edge_boottime_ns"]
        alarm_id = centre.wait_for_alarm("updated", press_count=2).data["alarm_id"]

        signed = ("--config", agent.config, "--key", agent.key_file)
        thandi = run_cli("ack", *signed, "--action", "registered", "--by", "Thandi", alarm_id)
        assert (thandi.returncode, f"registered by Thandi ({agent.key.issuer})" in thandi.stdout) == (0, True)
        sipho = run_cli("ack", *signed, "--action", "registered", "--by", "Sipho", alarm_id)
        assert (sipho.returncode, f"Thandi ({agent.key.issuer}) has it already" in sipho.stdout) == (0, True)
        watched = run_cli("watch", "--config", agent.config, "--seconds", "1")
        assert f"police registered, Thandi ({agent.key.issuer}) has it" in watched.stdout
        outputs = run_cli("sim", "--config", agent.config, "outputs")
        assert json.loads(outputs.stdout) == {"yellow": "on", "green": "on", "beacon": "flash", "tone": "off"}

        unknown = run_cli("ack", *signed, "--action", "registered", "0199c9a2-7c44-7d11-8a8e-3f5d0c3b9a10")
        assert unknown.returncode == 1
        assert "unknown-alarm" in unknown.stdout
        assert "take the id of an open alarm from `edge-centre watch`" in unknown.stderr
        ping = run_cli("command", *signed, "ping")
        assert (ping.returncode, ping.stdout.startswith("ping: succeeded")) == (0, True)
        update = run_cli("command", *signed, "update")
        assert (update.returncode, "unknown-command" in update.stdout) == (1, True)
        picture = run_cli("command", *signed, "snapshot")
        assert (picture.returncode, "no-camera" in picture.stdout) == (1, True)


def test_at_a_centre_the_name_of_the_device_and_a_broker_do(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        there = ("--device", USER, "--broker", broker.url)
        answer = run_cli("ack", *there, alarm_id, "--action", "registered", "--key", agent.key_file)
        assert (answer.returncode, answer.stderr) == (0, "")
        ping = run_cli("command", *there, "ping", "--key", agent.key_file)
        assert (ping.returncode, ping.stderr) == (0, "")
        assert "police registered" in run_cli("watch", *there, "--seconds", "1").stdout
        every = run_cli("watch", "--all", "--broker", broker.url, "--seconds", "1").stdout.splitlines()
        assert all(line.startswith(f"{USER} ") for line in every)
        assert any("police registered" in line for line in every)


@pytest.mark.parametrize(
    ("option", "says"),
    [
        (("--by", "a\nb"), "edge-centre: by must be one line"),
        (("--unit", "car 7"), "edge-centre: unit goes with dispatched only"),
        (("--note", "n"), "edge-centre: note goes with closed only"),
        (("--presses", "-1"), "edge-centre: press_count must be"),
    ],
)
def test_an_ack_that_the_kiosk_would_refuse_is_refused_before_it_is_sent(
    call: Call, tmp_path: Path, option: tuple[str, str], says: str
) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1")
    done = call("ack", "a1", "--action", "registered", *option, "--config", agent.config, "--key", agent.key_file)
    assert (done.returncode, says in done.stderr) == (2, True), done.stderr


def test_json_that_lost_its_quotes_in_the_shell_is_refused_before_it_is_sent(call: Call, tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1")
    words = ("config-set", "revision=7", "changes={health: {interval_s: 30}}")
    done = call("command", *words, "--config", agent.config, "--key", agent.key_file)
    assert (done.returncode, done.stderr.startswith("edge-centre: changes is not JSON: ")) == (2, True), done.stderr


@pytest.mark.parametrize("word", ["#", "+", "a/b", "ALARM-ID", ""])
def test_what_can_be_no_alarm_or_command_is_refused_before_it_is_sent(call: Call, tmp_path: Path, word: str) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1")
    for words in (("ack", "--action", "closed", word), ("command", word)):
        done = call(*words, "--config", agent.config, "--key", agent.key_file)
        assert done.returncode == 2
        assert done.stderr.startswith(f"edge-centre: {word!r} is not a valid ")
        assert len(done.stderr.splitlines()) == 1


def test_an_ack_goes_on_until_the_kiosk_is_there_to_answer_it(tmp_path: Path, broker: Mosquitto) -> None:
    with Centre(broker.port) as centre, AgentProcess(tmp_path, broker.url) as agent:
        agent.press()
        alarm_id = centre.wait_for_alarm("updated", stage="sent").data["alarm_id"]
        agent.kill()
        ack = ("ack", "--config", agent.config, "--key", agent.key_file, alarm_id, "--action", "registered")
        with start_cli(*ack, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            assert "has not answered yet" in process.stderr.readline()
            agent.start()
            assert process.wait(60) == 0
        agent.wait_for_outputs(yellow="on", green="on")
        # What a restart finds is said again; the ack itself acted once.
        registered = [m.data for m in centre.messages("alarm/") if m.data["stage"] == "registered"]
        assert registered.count(registered[0]) == len(registered)


def test_a_key_that_the_device_does_not_know_is_named_at_once_and_ctrl_c_ends_a_wait(
    tmp_path: Path, broker: Mosquitto
) -> None:
    make_key("operator", tmp_path / "elsewhere")
    [stranger] = (tmp_path / "elsewhere").glob("*.key.json")
    with AgentProcess(tmp_path, broker.url) as agent:
        done = run_cli("command", "--config", agent.config, "--key", stranger, "ping")
        assert (done.returncode, "unknown-key" in done.stdout) == (1, True)
        assert "public half" in done.stderr
        agent.kill()
        ping = ("command", "--config", agent.config, "--key", agent.key_file, "ping")
        with start_cli(*ping, stderr=subprocess.PIPE) as process:
            assert process.stderr is not None
            process.stderr.readline()
            process.send_signal(signal.SIGINT)
            assert process.wait(60) == 130
            assert "Traceback" not in process.stderr.read()


def test_commands_say_in_one_line_when_there_is_nobody_to_talk_to(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1")
    for words in (
        ("sim", "--config", agent.config, "outputs"),
        ("watch", "--config", agent.config),
        ("command", "--config", agent.config, "--key", agent.key_file, "ping"),
    ):
        done = run_cli(*words)
        assert done.returncode == 1
        assert done.stderr.startswith(f"{_program(words).name}: ")
        assert len(done.stderr.splitlines()) == 1
