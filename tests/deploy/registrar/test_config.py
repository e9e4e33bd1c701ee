"""What registrar.toml may say."""

import tomllib
from pathlib import Path

import pytest

from agent.provisioning.settings_files import layer
from agent.settings import load
from agent.trust.evidence_keys import EvidenceKey
from edge_centre.registrar.config import ConfigError, read_config
from edge_centre.registrar.device_settings import settings_text
from tests.support.registrar import NAME, run_registrar, write_province

pytestmark = pytest.mark.enrolment

GOOD = ["mqtts://broker-a.example", "mqtts://10.0.0.7:8883", "mqtts://[fd00::7]:8883"]
BAD = [
    *("", "broker-a.example", "broker-a.example:8883", "https://broker-a.example", "mqtt://broker-a.example:1883"),
    *("mqtts://", "mqtts://broker a", "mqtts://a:0", "mqtts://a:65536", "mqtts://a:b", "mqtts://a/b", "mqtts://a/"),
    *("mqtts://user@a", "mqtts://a?b", "mqtts://a\n", "mqtts://[a"),
]


def test_brokers_are_what_a_device_connects_to(tmp_path: Path) -> None:
    assert read_config(write_province(tmp_path, brokers=GOOD)).brokers == tuple(GOOD)


@pytest.mark.parametrize("broker", BAD)
def test_what_is_no_broker_is_refused(tmp_path: Path, broker: str) -> None:
    with pytest.raises(ConfigError) as refused:
        read_config(write_province(tmp_path, brokers=[*GOOD, broker]))
    assert f"brokers.3: Value error, {broker!r} is no broker: it is mqtts://HOST" in str(refused.value)


def test_what_devices_are_told_of_recordings_are_settings_that_they_know(tmp_path: Path) -> None:
    recipient = str(EvidenceKey.generate("evidence-1").public())
    hosts = ["store.example:9000"]
    told = {"evidence.recipient": recipient, "evidence.max_age_days": 21, "evidence.upload_hosts": hosts}
    text = settings_text(read_config(write_province(tmp_path, **told)), NAME, None)
    rest = '[storage]\ndirectory = "state"\n[[buttons]]\nname = "police"\npin = 17\n'
    (tmp_path / "edge-agent.toml").write_text(rest + layer(NAME, tmp_path, tomllib.loads(text)))
    known = load(tmp_path / "edge-agent.toml", environ={})
    assert (known.evidence.recipient, known.evidence.max_age_days) == (recipient, 21)
    assert known.upload.hosts == ("store.example:9000",)


def test_a_registrar_does_not_start_with_it_and_says_so_in_one_line(tmp_path: Path) -> None:
    done = run_registrar(write_province(tmp_path, brokers=["broker-a.example"]), "serve")
    assert done.returncode == 2
    [line] = done.stderr.splitlines()
    assert "'broker-a.example' is no broker" in line
