"""TLS as the MQTT adapter speaks it: what is accepted, and what is told of what is not."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from agent.adapters.paho_broker import PahoBroker
from agent.core.errors import BrokerError
from agent.ports import Connected, OutgoingMessage, Published, Received
from agent.trust.disconnected import Disconnected
from agent.trust.tls_context import TlsFiles, explain_tls
from tests.support.broker_events import WILL, BrokerEvents
from tests.support.certificates import Authority
from tests.support.mosquitto import Mosquitto
from tests.support.wait import wait_for

ALARM = OutgoingMessage("up/alarm/police", b"{}")


class TlsBroker:
    """A Mosquitto with one TLS listener that asks for client certificates."""

    def __init__(self, directory: Path, server: Authority, devices: Authority, **of_server: object) -> None:
        files = server.server(**of_server)  # type: ignore[arg-type]
        self.ca = server.ca
        self.mosquitto = Mosquitto(
            directory,
            extra=[
                f"cafile {devices.ca}",
                f"certfile {files.cert}",
                f"keyfile {files.key}",
                "require_certificate true",
            ],
        )

    @property
    def url(self) -> str:
        return f"mqtts://localhost:{self.mosquitto.port}"


@pytest.fixture(scope="module")
def server_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("server-ca"), "Server CA")


@pytest.fixture(scope="module")
def device_ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("device-ca"), "Device CA")


@pytest.fixture
def tls(tmp_path: Path, server_ca: Authority, device_ca: Authority) -> Iterator[TlsBroker]:
    broker = TlsBroker(tmp_path / "broker", server_ca, device_ca)
    with broker.mosquitto:
        yield broker


def refusal(url: str, files: TlsFiles) -> str:
    """What is told of a connect that TLS ends."""
    events = BrokerEvents()
    broker = PahoBroker("kiosk-1", files, connect_timeout_s=5)
    broker.connect(url, WILL, ["down/#"], events)
    try:
        (ended, *_) = wait_for(events.all, what="an outcome")
        assert isinstance(ended, Disconnected)
        assert ended.kind == "tls"
        return ended.detail
    finally:
        broker.disconnect()


def test_a_client_certificate_is_accepted_and_messages_pass(
    tls: TlsBroker, device_ca: Authority, events: BrokerEvents
) -> None:
    mine = device_ca.client("kiosk-1")
    broker = PahoBroker("kiosk-1", TlsFiles(tls.ca, mine.cert, mine.key))
    broker.connect(tls.url, WILL, ["#"], events)
    events.wait(Connected)

    payloads = [bytes([n]) * 16_000 for n in range(40)]
    for payload in payloads:
        broker.publish(OutgoingMessage("up/x", payload))

    events.wait(Received, 40)
    broker.disconnect()
    assert [e.payload for e in events.of(Received)] == payloads
    assert len(events.of(Published)) == 40


def test_a_server_of_a_wrong_authority_is_told(tls: TlsBroker, device_ca: Authority) -> None:
    mine = device_ca.client("kiosk-1")
    assert "ca_file" in refusal(tls.url, TlsFiles(device_ca.ca, mine.cert, mine.key))


@pytest.mark.parametrize(
    ("of_server", "advice"), [({"hosts": ["broker.example"]}, "not for localhost"), ({"expired": True}, "expired")]
)
def test_a_wrong_server_certificate_is_told(
    tmp_path: Path, server_ca: Authority, device_ca: Authority, of_server: dict[str, object], advice: str
) -> None:
    mine = device_ca.client("kiosk-1")
    broker = TlsBroker(tmp_path / "b", server_ca, device_ca, **of_server)
    with broker.mosquitto:
        assert advice in refusal(broker.url, TlsFiles(broker.ca, mine.cert, mine.key))


@pytest.mark.parametrize(
    ("own", "advice"),
    [
        (None, "wants a client certificate"),
        ("wrong-authority", "does not trust the authority"),
        ("expired", "has expired"),
    ],
)
def test_a_refused_client_certificate_is_told(
    tls: TlsBroker, server_ca: Authority, device_ca: Authority, own: str | None, advice: str
) -> None:
    files = TlsFiles(tls.ca)
    if own is not None:
        authority = server_ca if own == "wrong-authority" else device_ca
        mine = authority.client("kiosk-1", expired=own == "expired")
        files = TlsFiles(tls.ca, mine.cert, mine.key)

    assert advice in refusal(tls.url, files)


def test_tls_to_a_port_that_speaks_none_is_told() -> None:
    assert "does not use TLS" in why_there_is_no_tls(answer_in_plain_text)


def test_a_port_that_takes_a_connection_and_ends_it_is_told_to_have_no_broker_behind_it() -> None:
    """As a forwarded port, a tunnel or a balancer does."""
    assert "check that a broker listens on this port" in why_there_is_no_tls(hang_up)


@pytest.mark.parametrize("error", [ssl.SSLEOFError(), ssl.SSLZeroReturnError()])
def test_an_end_in_the_handshake_is_told_alike_by_every_openssl(error: ssl.SSLError) -> None:
    assert "check that a broker listens on this port" in explain_tls(error, "broker")


def why_there_is_no_tls(answer: Callable[[socket.socket], None]) -> str:
    """What is told of a port that answers so."""
    with socket.socket() as plain:
        plain.bind(("127.0.0.1", 0))
        plain.listen()
        answering = threading.Thread(target=answer, args=(plain,))
        answering.start()

        said = refusal(f"mqtts://localhost:{plain.getsockname()[1]}", TlsFiles())
        answering.join()
    return said


def hang_up(listener: socket.socket) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(10_000)


def answer_in_plain_text(listener: socket.socket) -> None:
    peer, _ = listener.accept()
    with peer:
        peer.recv(10)
        peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.recv(10_000)


@pytest.mark.parametrize("broken", ["ca", "cert", "key"])
def test_a_certificate_file_that_can_not_be_used_is_an_error_at_once(
    tmp_path: Path, device_ca: Authority, broken: str, events: BrokerEvents
) -> None:
    mine = device_ca.client("kiosk-1")
    paths = {"ca": device_ca.ca, "cert": mine.cert, "key": mine.key}
    paths[broken] = tmp_path / "broken.pem"
    paths[broken].write_text("nonsense")

    with pytest.raises(BrokerError, match=r"broken\.pem.*check \[mqtt\]"):
        PahoBroker("kiosk-1", TlsFiles(paths["ca"], paths["cert"], paths["key"])).connect(
            "mqtts://localhost:1", WILL, [], events
        )
    assert not events.all()


def test_an_encrypted_key_is_an_error_and_no_question_at_the_terminal(
    tmp_path: Path, device_ca: Authority, events: BrokerEvents
) -> None:
    mine = device_ca.client("kiosk-1")
    key = serialization.load_pem_private_key(mine.key.read_bytes(), None)
    locked = tmp_path / "locked.pem"
    locked.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )

    with pytest.raises(BrokerError, match=r"locked\.pem"):
        PahoBroker("kiosk-1", TlsFiles(device_ca.ca, mine.cert, locked)).connect(
            "mqtts://localhost:1", WILL, [], events
        )
