"""Which device `watch`, `ack` and `command` mean, and by which brokers."""

import argparse
import io
import sys
from pathlib import Path

import pytest

from agent.contract.command_line import BAD_USAGE, Program
from agent.contract.identity import Identity, common_name
from agent.core.errors import SettingsError, UsageError
from agent.trust.tls_context import TlsFiles
from edge_centre.__main__ import PROGRAM, main
from edge_centre.cli import target as centre
from edge_centre.cli.target import Target, print_result, target_of
from tests.support.agent_process import SOURCE, AgentProcess
from tests.support.certificates import Authority

NAME = "gp/park-station/kiosk-1"
KIOSK = Identity("gp", "park-station", "kiosk-1")
WATCH, ACK, COMMAND = ("watch",), ("ack", "a1", "--action", "closed", "--key", "k"), ("command", "ping", "--key", "k")
COMMANDS = pytest.mark.parametrize("command", [WATCH, ACK, COMMAND], ids=lambda words: words[0])


def parsed(*words: object) -> argparse.Namespace:
    return PROGRAM.whole_parser().parse_args([str(word) for word in words])


def test_a_settings_file_whose_topics_are_everybodys_is_refused(tmp_path: Path) -> None:
    agent = AgentProcess(tmp_path, "mqtt://127.0.0.1:1", mqtt={"root": "edge/#"})
    with pytest.raises(SettingsError, match=r"edge-agent.toml:\d+: mqtt.root: "):
        target_of(parsed("watch", "--config", agent.config))


@COMMANDS
def test_a_name_and_a_broker_take_the_place_of_the_settings(command: tuple[str, ...]) -> None:
    tls = ("--ca", "ca.pem", "--cert", "c.pem", "--cert-key", "c.key")
    target = target_of(parsed(*command, "--device", NAME, "--broker", "mqtts://a", *tls, "--root", "acme/v2"))
    identity = Identity("gp", "park-station", "kiosk-1", "acme/v2")
    assert target == Target(identity, ["mqtts://a"], TlsFiles(Path("ca.pem"), Path("c.pem"), Path("c.key")))
    assert target_of(parsed(*command, "--device", NAME, "--broker", "mqtts://a")).identity == KIOSK


@COMMANDS
@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--device", NAME, "--broker", "mqtt://a", "--config", "F"), "leave it out, or --config"),
        (("--device", NAME), "--broker mqtts://HOST:PORT"),
        (("--device", "kiosk-1", "--broker", "mqtt://a"), "write it as in gp/jhb-park-station/kiosk-0042"),
        (("--device", "gp/Park/kiosk-1", "--broker", "mqtt://a"), "use 1 to 64 of a-z, 0-9 and dash"),
        (("--device", "gp/+/kiosk-1", "--broker", "mqtt://a"), "use 1 to 64 of a-z, 0-9 and dash"),
        (("--device", NAME, "--broker", "mqtt://a", "--root", "edge/#"), "level of --root"),
        (("--root", "edge/v1", "--config", "F"), "--root goes with --device"),
        ((), "give --device PROVINCE/SITE/ID and --broker URL, or --config"),
        (("--broker", "mqtt://a"), "give --device PROVINCE/SITE/ID and --broker URL, or --config"),
    ],
)
def test_a_wrong_combination_is_told_with_what_to_write(
    command: tuple[str, ...], words: tuple[str, ...], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centre, "DEFAULT_CONFIG", tmp_path / "edge-agent.toml")
    with pytest.raises(UsageError) as refused:
        target_of(parsed(*command, *words))
    assert says in str(refused.value)


@COMMANDS
def test_on_a_device_its_own_settings_say_it_all(
    command: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = AgentProcess(tmp_path, "mqtt://a.example:1", "mqtt://b.example:1").config
    monkeypatch.setattr(centre, "DEFAULT_CONFIG", settings)
    target = target_of(parsed(*command))
    assert target == target_of(parsed(*command, "--config", settings))
    assert (target.identity.source, target.brokers) == (SOURCE, ["mqtt://a.example:1", "mqtt://b.example:1"])
    assert target_of(parsed(*command, "--broker", "mqtt://c")).brokers == ["mqtt://c"]


def test_all_devices_need_no_name_and_with_a_broker_no_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(centre, "DEFAULT_CONFIG", tmp_path / "edge-agent.toml")

    def target(*words: object) -> Target:
        return target_of(parsed("watch", "--all", *words), every=True)

    every = target("--broker", "mqtt://a", "--root", "acme/v2")
    assert (every.identity.up("#"), every.brokers) == ("acme/v2/+/+/+/up/#", ["mqtt://a"])
    settings = AgentProcess(tmp_path / "kiosk", "mqtt://b.example:1").config
    of_settings = target("--config", settings)
    assert (of_settings.identity.up("#"), of_settings.brokers) == ("edge/v1/+/+/+/up/#", ["mqtt://b.example:1"])
    with pytest.raises(UsageError, match=r"give --broker URL, or --config"):
        target()
    with pytest.raises(UsageError, match="leave it out, or --all"):
        target("--device", NAME, "--broker", "mqtt://a")


@pytest.mark.parametrize("url", ["localhost", "http://a", "mqtt://a:99999", "mqtts://u:p@a", "mqtt://"])
@COMMANDS
def test_an_operator_who_mistypes_the_brokers_address_is_told_of_bad_usage_and_not_of_a_failure(
    command: tuple[str, ...], url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*command, "--device", NAME, "--broker", url]) == BAD_USAGE
    assert capsys.readouterr().err.startswith("edge-centre: --broker: a broker's address ")


@pytest.mark.parametrize("user", [NAME, "gp/" + "s" * 64 + "/kiosk-1"], ids=["by name", "by digest"])
@COMMANDS
def test_a_kiosk_is_not_cut_off_by_a_terminal_that_comes_with_its_certificate(
    command: tuple[str, ...], user: str, tmp_path: Path
) -> None:
    office = Authority(tmp_path / "office", "office")
    device, centres = (office.client(common_name(name)) for name in (user, "jhb-centre"))
    words = (*command, "--device", NAME, "--broker", "mqtts://a", "--cert-key", "c.key", "--cert")
    with pytest.raises(UsageError, match="the broker would cut that device off: give a command centre's"):
        target_of(parsed(*words, device.cert))
    assert target_of(parsed(*words, centres.cert)).tls.cert == centres.cert


def test_a_result_in_letters_that_the_terminal_does_not_have_is_shown_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(shown, encoding="ascii", write_through=True))
    result = {"name": "ping", "status": "succeeded", "code": "ok", "text": "caf\xe9"}
    assert Program("test", "", "", {}, "", lambda _: print_result(result)).main(["ping"]) == 0
    assert shown.getvalue() == b"ping: succeeded (ok): caf\\xe9\n"
