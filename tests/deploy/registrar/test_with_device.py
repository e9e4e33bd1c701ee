"""A device's own client, the registrar behind nginx, and a real Mosquitto that knows issuing authority and root."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.contract.identity import Identity
from agent.contract.vocabulary import TimeQuality
from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Set, Store
from agent.provisioning.enrol import Order, enrol
from agent.provisioning.est import Login, RefusedError, Registrar
from agent.provisioning.renew import renew
from agent.service_page.asked import CERTIFICATE
from agent.trust.claim import Claim, read
from agent.trust.jose_keys import PrivateKey
from edge_centre.authority import new_key, write_certificates, write_key
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import Mosquitto
from tests.support.registrar import BOARD, HOST, NAME, OTHER_BOARD, ServedRegistrar, authorities
from tests.support.service_page import Page
from tests.support.subscriber import Subscriber, assert_refused
from tests.support.walking import KIOSK

pytestmark = pytest.mark.enrolment

SUPERVISOR = PrivateKey.generate("supervisor", "thandi")
TOPIC = f"{Identity(*NAME.split('/')).base}/up/alarm/police"


class _Device:
    """A device's state directory, and its client. `pause` is what happens while it waits."""

    boot_id = "boot"

    def __init__(self, directory: Path, registrar: ServedRegistrar, board: str) -> None:
        self.store = Store(directory)
        self.board = board
        self._url = f"https://localhost:{registrar.port}"
        self.trust = authorities("server").certificate.public_bytes(Encoding.PEM).decode()
        self.lines: list[str] = []
        self.while_it_waits = iter([lambda: None])

    def boottime_ns(self) -> int:
        return 0

    def wall(self) -> datetime:
        return datetime.now(UTC)

    def quality(self) -> TimeQuality:
        return TimeQuality.SYNCED

    @property
    def tools(self) -> Tools:
        return Tools(self, lambda _: next(self.while_it_waits)(), self.lines.append)

    def enrol(self, claim: Claim | None = None) -> CertificateFiles:
        login = Login(claim.name, claim.secret) if claim else None
        order = Order(NAME, self._url, self.trust, self.board, login)
        with self.store.locked():
            return _files(enrol(order, self.store, Registrar(self._url, self.trust), self.tools))

    def renew(self, broker: Mosquitto) -> CertificateFiles:
        def let_in(new: Set) -> None:
            with Subscriber(broker.port, files=_files(new)) as device:
                assert device.connected

        with self.store.locked():
            current = self.store.current()
            assert current is not None
            new = renew(self.store, current, Registrar, let_in, self.tools, serials=[self.board], now=True)
            assert new is not None
            return _files(new)


def _files(credentials: Set) -> CertificateFiles:
    return CertificateFiles(credentials.authorities, credentials.certificate, credentials.key)


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[ServedRegistrar]:
    with ServedRegistrar(tmp_path / "registrar", SUPERVISOR) as served:
        yield served


@pytest.fixture
def at_broker(tmp_path: Path) -> BrokerAuthorities:
    """What a broker of the province is given."""
    key = new_key()
    write_key(tmp_path / "broker.key", key)
    certificate = authorities("server").server(key.public_key(), ["localhost", "127.0.0.1"])
    write_certificates(tmp_path / "broker.pem", certificate)
    devices, root = (authorities(kind).certificate for kind in ("issuing", "device"))
    write_certificates(tmp_path / "device-ca.pem", devices, root)
    files = CertificateFiles(tmp_path / "none", tmp_path / "broker.pem", tmp_path / "broker.key")
    ours = SimpleNamespace(
        server=SimpleNamespace(server=lambda _: files),
        devices=SimpleNamespace(ca=tmp_path / "device-ca.pem"),
        centres=SimpleNamespace(ca=tmp_path / "device-ca.pem"),
    )
    return cast("BrokerAuthorities", ours)


def claimed(registrar: ServedRegistrar, *words: str) -> Claim:
    claim = read(registrar.run("claim", *NAME.split("/")[1:], *words).stdout)
    assert isinstance(claim, Claim)
    return claim


def test_a_device_enrols_by_claim_renews_and_its_leaf_alone_opens_the_broker(
    registrar: ServedRegistrar, at_broker: BrokerAuthorities, tmp_path: Path
) -> None:
    device = _Device(tmp_path / "state", registrar, BOARD)
    with Mosquitto(tmp_path / "broker", authorities=at_broker) as broker:
        first = device.enrol(claimed(registrar, "--board", BOARD))
        with Subscriber(broker.port, files=first) as connected:
            assert not connected.publish(TOPIC, b"help").is_failure
        second = device.renew(broker)
        assert first.cert.parent != second.cert.parent
        with Subscriber(broker.port, files=second) as connected:
            assert not connected.publish(TOPIC, b"help").is_failure


def test_a_phone_that_trusts_the_offices_root_of_pages_alone_opens_an_enrolled_devices_page_by_its_name(
    registrar: ServedRegistrar, tmp_path: Path
) -> None:
    device = _Device(tmp_path / "state", registrar, BOARD)
    device.enrol(claimed(registrar))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / CERTIFICATE).write_bytes((device.store.directory / "current/page.pem").read_bytes())
    with Page(tmp_path / "page", "https", has=replace(KIOSK, source=f"/edge/{NAME}")) as page:
        port = int(page.phone().host.partition(":")[2])
        assert opened(port, registrar.directory / "page-root.pem", HOST) == 401
        for root, host in (("page", "kiosk-0002.local"), ("server", HOST), ("device", HOST)):
            with pytest.raises(ssl.SSLCertVerificationError):
                opened(port, registrar.directory / f"{root}-root.pem", host)

    assert page.told[0] == f"the office vouches for {HOST}"


def opened(port: int, root: Path, host: str) -> int:
    """What the page at this port answers to somebody who trusts this root alone, and calls it so."""
    context = ssl.create_default_context(cafile=str(root))
    connection = http.client.HTTPConnection(host, port)
    connection.sock = context.wrap_socket(socket.create_connection(("127.0.0.1", port)), server_hostname=host)
    try:
        connection.request("GET", "/api/state")
        return connection.getresponse().status
    finally:
        connection.close()


def test_a_device_without_a_claim_is_let_in_by_its_code(registrar: ServedRegistrar, tmp_path: Path) -> None:
    device = _Device(tmp_path / "state", registrar, BOARD)

    def approve() -> None:
        [code] = [line.split()[1] for line in device.lines if line.startswith("Code:")]
        shown = registrar.run("requests").stdout
        assert code in shown
        assert registrar.run("approve", code).returncode == 0

    device.while_it_waits = iter([approve])
    assert device.enrol().cert.exists()


def test_a_replaced_board_is_shut_out_of_the_broker_by_the_registrars_list(
    registrar: ServedRegistrar, at_broker: BrokerAuthorities, tmp_path: Path
) -> None:
    old, new = (_Device(tmp_path / board, registrar, board) for board in (BOARD, OTHER_BOARD))
    before = old.enrol(claimed(registrar))
    after = new.enrol(claimed(registrar, "--replace"))
    crl = tmp_path / "device.crl"
    crl.write_bytes(registrar.ask("GET", "/registrar/device.crl").body)
    with Mosquitto(tmp_path / "broker", authorities=at_broker, device_crl=crl) as broker:
        assert_refused(broker.port, files=before)
        with Subscriber(broker.port, files=after) as connected:
            assert connected.connected


def test_what_the_registrar_refuses_reaches_the_technician_in_its_words(
    registrar: ServedRegistrar, tmp_path: Path
) -> None:
    claim = claimed(registrar, "--board", BOARD)
    with pytest.raises(RefusedError, match="check the label, or ask the office for a claim for this board"):
        _Device(tmp_path / "state", registrar, OTHER_BOARD).enrol(claim)
