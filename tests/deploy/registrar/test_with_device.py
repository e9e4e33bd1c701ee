"""What a device's own client gets of the registrar behind nginx for its service page."""

import http.client
import socket
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from agent.provisioning.asking import Tools
from agent.provisioning.credentials import Store
from agent.provisioning.enrol import Order, enrol
from agent.provisioning.est import Login, Registrar
from agent.service_page.asked import CERTIFICATE
from agent.trust.claim import Claim, read
from agent.trust.jose_keys import PrivateKey
from tests.support.enrolling import StillClock
from tests.support.registrar import BOARD, HOST, NAME, ServedRegistrar, authorities
from tests.support.service_page import Page
from tests.support.walking import KIOSK

pytestmark = pytest.mark.enrolment

SUPERVISOR = PrivateKey.generate("supervisor", "thandi")


@pytest.fixture
def registrar(tmp_path: Path) -> Iterator[ServedRegistrar]:
    with ServedRegistrar(tmp_path / "registrar", SUPERVISOR) as served:
        yield served


def test_a_phone_that_trusts_the_offices_root_of_pages_alone_opens_an_enrolled_devices_page_by_its_name(
    registrar: ServedRegistrar, tmp_path: Path
) -> None:
    claim = read(registrar.run("claim", *NAME.split("/")[1:]).stdout)
    assert isinstance(claim, Claim)
    store, url = Store(tmp_path / "state"), f"https://localhost:{registrar.port}"
    trust = authorities("server").certificate.public_bytes(Encoding.PEM).decode()
    order = Order(NAME, url, trust, BOARD, Login(claim.name, claim.secret))
    still = StillClock()
    with store.locked():
        made = enrol(order, store, Registrar(url, trust), Tools(still, still.pause, print))
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / CERTIFICATE).write_bytes((made.certificate.parent / "page.pem").read_bytes())
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
