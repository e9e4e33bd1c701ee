"""What the doctor says of a broker that can't be reached, or takes nothing."""

from pathlib import Path

import pytest

from tests.support.doctor import NOWHERE, examine, kiosk
from tests.support.fake_broker import Behaviour, FakeBroker
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.diagnosis


def test_a_name_that_no_server_knows_is_told(tmp_path: Path) -> None:
    found = examine(kiosk(tmp_path, "mqtt://broker.invalid").config, "--simulate", "--only", "broker")
    assert "DNS: the name broker.invalid can't be resolved -> check the name" in found.failure("broker-1")


def test_a_port_on_which_nobody_listens_is_told(tmp_path: Path) -> None:
    found = examine(kiosk(tmp_path).config, "--simulate", "--only", "broker")
    assert "TCP: nothing listens on 127.0.0.1:1 -> check the port" in found.failure("broker-1")


@pytest.mark.parametrize(
    ("connack", "says"),
    [(b"\0\x86\0", "bad user name or password"), (b"\0\x87\0", "not authorized"), (b"\0\x8a\0", "banned")],
)
def test_a_broker_that_refuses_the_login_is_told(tmp_path: Path, connack: bytes, says: str) -> None:
    with FakeBroker(Behaviour(connack=lambda _level: connack)) as refusing:
        found = examine(kiosk(tmp_path, refusing.url).config, "--simulate", "--only", "broker")
    assert says in found.failure("broker-1")
    assert "MQTT: 127.0.0.1" in found.failure("broker-1")


def test_a_broker_that_wants_a_password_is_told(tmp_path: Path) -> None:
    (tmp_path / "passwords").touch()
    with Mosquitto(tmp_path / "broker", extra=[f"password_file {tmp_path}/passwords", "allow_anonymous false"]) as own:
        found = examine(kiosk(tmp_path / "kiosk", own.url).config, "--simulate", "--only", "broker")
    assert "check [mqtt] password" in found.failure("broker-1")


def test_a_broker_that_says_nothing_is_told_within_the_limit(tmp_path: Path) -> None:
    with FakeBroker(Behaviour(silent=True)) as silent:
        device = kiosk(tmp_path, silent.url, mqtt={"connect_timeout_s": 1})
        found = examine(device.config, "--simulate", "--only", "broker")
    assert "did not let us in within 1 s" in found.failure("broker-1") or "said nothing" in found.failure("broker-1")


def test_a_broker_that_takes_no_alarm_or_lets_nobody_answer_is_told(tmp_path: Path) -> None:
    with FakeBroker(Behaviour(puback=0x87)) as refusing:
        found = examine(kiosk(tmp_path / "1", refusing.url).config, "--simulate", "--only", "broker")
    assert "refused the message" in found.failure("broker-1")
    with FakeBroker(Behaviour(suback=0x87)) as deaf:
        found = examine(kiosk(tmp_path / "2", deaf.url).config, "--simulate", "--only", "broker")
    assert "does not let this device hear" in found.failure("broker-1")


def test_the_second_broker_is_looked_at_as_well(tmp_path: Path, broker: Mosquitto) -> None:
    found = examine(kiosk(tmp_path / "kiosk", NOWHERE, broker.url).config, "--simulate", "--only", "broker")
    assert found.one("broker-2", "ok")
    assert found.failure("broker-1")
