"""The definitions that `python -m deploy.rabbitmq` writes; what they allow is tried by `make brokers`."""

import json
import re

import pytest

from deploy.rabbitmq.__main__ import main

KIOSK = "gp/jhb-park-station/kiosk-0042"


def test_devices_probes_and_a_centre_at_each_node_are_users_without_a_password(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--device", KIOSK, "--centre", "jhb-centre", "--nodes", "2"]) == 0
    written = json.loads(capsys.readouterr().out)
    name = KIOSK.replace("/", ".")
    centres = ["jhb-centre-1", "jhb-centre-1-alarms", "jhb-centre-2", "jhb-centre-2-alarms"]
    assert [each["name"] for each in written["users"]] == [name, f"{name}.up.alarm", *centres]
    assert {each["password_hash"] for each in written["users"]} == {""}
    assert {each["user"] for each in written["topic_permissions"]} == {each["name"] for each in written["users"]}
    [write] = (each["write"] for each in written["topic_permissions"] if each["user"] == name)
    levels = ("up.state", "down.echo", "down.ack.1", "down.config", "down.echo.x")
    assert [each for each in levels if re.search(write, f"edge.v1.{name}.{each}")] == ["up.state", "down.echo"]


@pytest.mark.parametrize("words", [["--device", "kiosk-0042"], ["--device", "gp/a/.*"], ["--centre", "a.b"]])
def test_a_name_that_would_be_a_pattern_is_refused(words: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        main(words)
    assert refused.value.code == 2
