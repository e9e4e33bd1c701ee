"""Connections to the brokers, as the settings have them."""

from agent.adapters.paho_broker import PahoBroker
from agent.adapters.tls_context import TlsFiles
from agent.settings import Settings


def make_broker(settings: Settings, *, probe: bool = False) -> PahoBroker:
    """A connection to a broker, still without one; a `probe` takes no other connection's place."""
    mqtt = settings.mqtt
    return PahoBroker(
        client_id=settings.device.id,
        tls=TlsFiles(mqtt.ca_file, mqtt.cert_file, mqtt.key_file),
        password=mqtt.password.get_secret_value() if mqtt.password else None,
        keepalive_s=mqtt.keepalive_s,
        connect_timeout_s=mqtt.connect_timeout_s,
        probe=probe,
    )
