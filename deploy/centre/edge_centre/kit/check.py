"""`deploy/province check`: asks each host of a province whether it is what the kit has made it to be.

Each check connects as one who should be let in, or as one who should not. The device that it plays has a certificate
for half an hour, may only say what tests a path, and says nothing.
"""

import base64
import http.client
import ssl
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import paho.mqtt.client as mqtt
from cryptography import x509
from cryptography.hazmat.primitives.serialization import pkcs7
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.reasoncodes import ReasonCode

from agent.trust.broker_failures import Endpoint, of_connecting
from agent.trust.tls_context import TlsFiles, tls_context
from edge_centre.adapters.main_thread import ctrl_c_kept
from edge_centre.authority import Authority, new_key, write_certificates, write_key
from edge_centre.kit.hosts import control_room
from edge_centre.kit.keys import KitError
from edge_centre.kit.province import Broker, Province

PATIENCE_S = 10.0
_LARGEST = 16 * 1024 * 1024
_HALF_AN_HOUR = 1 / 48


@dataclass(frozen=True, slots=True)
class Found:
    """One check: `trouble` is empty when all is well."""

    what: str
    trouble: str


def check(root: Path, province: Province) -> Iterator[Found]:
    """Check every host. `root` is the folder of the province. Raises KitError when the folder lacks what this needs."""
    server = root / "pki/server-root.pem"
    if not server.exists():
        raise KitError(f"{root} is not made yet: run deploy/province new {province.code}")
    context = ssl.create_default_context(cafile=str(server))
    with tempfile.TemporaryDirectory() as folder:
        device = _device(Authority.load(root / "registrar/issuing"), province, server, Path(folder) / "device")
        stranger = _device(Authority.root("device", "nowhere"), province, server, Path(folder) / "stranger")
        for broker in province.brokers:
            yield from _broker(broker, root, province, device, stranger)
            yield _page(broker, province, context)
        yield from _registrar(root, province, context)


def _broker(broker: Broker, root: Path, province: Province, device: TlsFiles, stranger: TlsFiles) -> Iterator[Found]:
    door = Endpoint(broker.host, broker.device_port, tls=True)
    ours = _connect(door, device)
    yield Found(f"broker {broker.name}: a device connects to {door}", ours)
    if ours:
        trouble = "can't be tested while the province's own device can't connect either: fix that first"
    elif _connect(door, stranger):
        trouble = ""
    else:
        trouble = "it was let in: the broker's device-ca.pem is not this province's"
    yield Found(f"broker {broker.name}: an unknown device is refused", trouble)
    for centre in province.centres:
        folder = root / "centres" / centre.id
        files = TlsFiles(folder / "ca.pem", folder / f"{centre.id}.pem", folder / f"{centre.id}.key")
        door = Endpoint(broker.host, broker.centre_port, tls=True)
        yield Found(f"broker {broker.name}: the centre {centre.id} connects to {door}", _connect(door, files))


def _page(broker: Broker, province: Province, context: ssl.SSLContext) -> Found:
    def same(content: bytes) -> str:
        return "" if content.decode() == control_room(province) else "it is another one than here: run the playbook"

    what = f"broker {broker.name}: the page's settings at https://{broker.host}:{broker.page_port}"
    return Found(what, _get(broker.host, broker.page_port, "/control-room.json", context, same))


def _registrar(root: Path, province: Province, context: ssl.SSLContext) -> Iterator[Found]:
    issuing = x509.load_pem_x509_certificate((root / "pki/issuing.pem").read_bytes())

    def authorities(content: bytes) -> str:
        given = pkcs7.load_der_pkcs7_certificates(base64.b64decode(content))
        return "" if issuing in given else "it gives other authorities than those here: run the playbook"

    def list_of_revoked(content: bytes) -> str:
        found = x509.load_pem_x509_crl(content)
        ours = found.is_signature_valid(issuing.public_key())  # type: ignore[arg-type]
        return "" if ours else "it is signed by another issuing authority than the one here"

    host, port = province.registrar.host, province.registrar.port
    for what, path, judge in (
        (f"registrar: it gives its authorities at {province.registrar.url}", "/.well-known/est/cacerts", authorities),
        ("registrar: it gives the list of revoked devices", "/registrar/device.crl", list_of_revoked),
    ):
        yield Found(what, _get(host, port, path, context, judge))


def _device(authority: Authority, province: Province, server: Path, folder: Path) -> TlsFiles:
    """The files of a device's probe that lives for half an hour."""
    folder.mkdir()
    key = new_key()
    name = f"{province.code}/{province.sites[0].id}/office-check/up/alarm"
    write_key(folder / "device.key", key)
    write_certificates(folder / "device.pem", authority.device(key.public_key(), name, days=_HALF_AN_HOUR))
    return TlsFiles(server, folder / "device.pem", folder / "device.key")


def _connect(door: Endpoint, files: TlsFiles) -> str:
    """Connect by MQTT, and leave. Return what went wrong, or nothing."""
    answered, said = threading.Event(), ["the broker closed the connection: it does not take this certificate"]
    client = mqtt.Client(CallbackAPIVersion.VERSION2, protocol=mqtt.MQTTv5, reconnect_on_failure=False)
    client.tls_set_context(tls_context(files))
    client.connect_timeout = PATIENCE_S

    def on_connect(_: object, __: object, ___: object, reason: ReasonCode, ____: object) -> None:
        said[0] = f"the broker refused the connection: {reason}" if reason.is_failure else ""
        answered.set()

    client.on_connect = on_connect
    client.on_disconnect = lambda *_: answered.set()
    try:
        client.connect(door.host, door.port)
    except (OSError, UnicodeError) as error:
        return of_connecting(error, door).detail
    with ctrl_c_kept():
        client.loop_start()
    if not answered.wait(PATIENCE_S):
        said[0] = f"no answer within {PATIENCE_S:.0f} s"
    client.disconnect()
    client.loop_stop()
    return said[0]


def _get(host: str, port: int, path: str, context: ssl.SSLContext, judge: Callable[[bytes], str]) -> str:
    """Fetch by HTTPS, and have the content judged. Return what is wrong, or nothing."""
    connection = http.client.HTTPSConnection(host, port, timeout=PATIENCE_S, context=context)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        content = answer.read(_LARGEST)
        return judge(content) if answer.status == 200 else f"it answers {answer.status}"
    except (OSError, UnicodeError) as error:
        return of_connecting(error, Endpoint(host, port, tls=True)).detail
    except (http.client.HTTPException, ValueError) as error:
        return f"it answers something else: {error!r}"
    finally:
        connection.close()
