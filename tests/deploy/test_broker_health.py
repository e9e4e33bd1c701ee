"""What tells a person that a broker no longer takes alarms (RabbitMQ's is tried by `make brokers`)."""

import os
from pathlib import Path

import pytest

from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import DEPLOYED, Mosquitto
from tests.support.run import ran


def health(broker: Mosquitto, directory: Path, **environ: str) -> tuple[int, list[str]]:
    own = {"PORTS": f"{broker.port} {broker.centre_port}", "DATABASE": str(directory), "FREE_KB": "0"}
    asked = ran(DEPLOYED / "health.sh", env={**os.environ, **own, "CERTIFICATE_DAYS": "0", **environ})
    return asked.returncode, asked.stdout.splitlines()


@pytest.mark.long
def test_a_broker_is_well_until_it_is_not(tmp_path: Path) -> None:
    """The certificates of tests end in a day."""
    with Mosquitto(tmp_path / "broker", authorities=BrokerAuthorities.create(tmp_path)) as broker:
        assert health(broker, tmp_path) == (0, [])
        assert health(broker, tmp_path, CERTIFICATE_DAYS="14") == (
            1,
            [f"port {port}: its certificate ends within 14 days" for port in (broker.port, broker.centre_port)],
        )
        code, said = health(broker, tmp_path, FREE_KB=str(10**15))
        assert code == 1
        assert "KB are free" in said[0]
        broker.freeze()
        assert health(broker, tmp_path, PORTS=str(broker.port)) == (1, [f"port {broker.port}: no answer in TLS"])
        broker.thaw()
