"""The registrar as a province runs it: the process, deploy's nginx before it, devices and people over TLS."""

import base64
import http.client
import json
import os
import socket
import ssl
import threading
import tomllib
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from agent.trust.claim import Claim, read
from agent.trust.jose_keys import PrivateKey
from edge_centre.registrar.limits import REFUSALS
from edge_centre.registrar.store import Issued, Store
from tests.support.registrar import (
    BOARD,
    NAME,
    OTHER_BOARD,
    Answer,
    Board,
    ServedRegistrar,
    authorities,
    basic,
    bearer,
)
from tests.support.run import ran
from tests.support.wait import wait_for

pytestmark = pytest.mark.enrolment

EST = "/.well-known/est"
PAGE = ServedRegistrar.page
SUPERVISOR, OPERATOR = PrivateKey.generate("supervisor", "thandi"), PrivateKey.generate("operator", "sipho")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedRegistrar]:
    directory = tmp_path_factory.mktemp("registrar")
    with ServedRegistrar(directory, SUPERVISOR, OPERATOR) as registrar:
        yield registrar


_ids = iter(range(1, 1000))


def new_name() -> str:
    return f"kzn/durban-station/kiosk-{next(_ids):04}"


def claim_of(served: ServedRegistrar, name: str, *words: str) -> Claim:
    _, site, device = name.split("/")
    done = served.run("claim", site, device, *words)
    assert done.returncode == 0, done.stderr
    claim = read(done.stdout)
    assert isinstance(claim, Claim)
    return claim


def enrolled(served: ServedRegistrar, board: Board) -> x509.Certificate:
    answer = served.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim_of(served, board.name))
    [certificate] = answer.certificates
    return certificate


def recorded(served: ServedRegistrar, certificate: x509.Certificate, board: Board) -> None:
    """Put a certificate into the registrar's records, as if it had been issued when it says."""
    store = Store(served.directory / "registrar.db")
    begin, end = (int(each.timestamp()) for each in (certificate.not_valid_before_utc, certificate.not_valid_after_utc))
    der, serial = certificate.public_bytes(Encoding.DER), f"{certificate.serial_number:x}"
    with store.transaction() as tx:
        tx.add_issued(Issued(serial, board.name, board.name, board.key_id, board.serial, der, begin, end, None, None))
    store.close()


def plain(answer: Answer, status: int) -> str:
    """The sentence of a refusal."""
    assert answer.status == status, answer.text
    assert answer.headers.get_content_type() == "text/plain"
    assert "\n" not in answer.text
    assert answer.text.endswith(".")
    return answer.text


def test_all_authorities_that_a_device_needs_are_given(served: ServedRegistrar) -> None:
    answer = served.ask("GET", f"{EST}/cacerts")
    assert answer.headers["Content-Type"] == "application/pkcs7-mime; smime-type=certs-only"
    kinds = ("server", "device", "issuing")
    assert set(answer.certificates) == {authorities(kind).certificate for kind in kinds}


def test_openssl_enrols_with_a_claim_and_reads_the_answer(served: ServedRegistrar, tmp_path: Path) -> None:
    name = new_name()
    for words in (
        ("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "device.key"),
        (
            *("req", "-new", "-key", "device.key", "-outform", "DER", "-out", "device.csr", "-subj"),
            *(f"/CN={name.replace('/', chr(92) + '/')}/serialNumber={BOARD}", "-addext"),
            f"subjectAltName=DNS:{name.replace('/', '.')}",
        ),
    ):
        done = ran("openssl", *words, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    body = base64.encodebytes((tmp_path / "device.csr").read_bytes())
    answer = served.ask("POST", f"{EST}/simpleenroll", body, claim=claim_of(served, name))
    (tmp_path / "answer.p7").write_bytes(base64.b64decode(answer.body))
    printed = ran("openssl", "pkcs7", "-inform", "DER", "-in", "answer.p7", "-print_certs", cwd=tmp_path)
    assert printed.returncode == 0, printed.stderr
    assert f"CN={name}" in printed.stdout.replace(" ", "")


def test_a_device_without_a_claim_waits_until_a_supervisor_approves(served: ServedRegistrar) -> None:
    board = Board(new_name(), "10000000fedcba98")
    place = {"Edge-Place": quote("Platform 3, eMnambithi é")}
    waiting = served.ask("POST", f"{EST}/simpleenroll", board.body(), headers=place)
    assert waiting.status == 202
    assert waiting.headers["Retry-After"] == "10"
    code = board.asks().code
    assert code in waiting.text
    listed = served.signed(SUPERVISOR, "GET", "/registrar/requests")
    [request] = [each for each in json.loads(listed.body) if each["key"] == board.key_id]
    del request["asked_at"]
    assert request == {
        "key": board.key_id,
        "code": code,
        "name": board.name,
        "board": board.serial,
        "site": "Durban station",
        "place": "Platform 3, eMnambithi é",
        "replaces": None,
        "remark": None,
        "address": "127.0.0.1",
    }
    path, decision = f"/registrar/requests/{board.key_id}", b'{"do": "approve"}'
    assert "ask a supervisor" in plain(served.signed(OPERATOR, "POST", path, decision), 403)
    decided = served.signed(SUPERVISOR, "POST", path, decision)
    assert json.loads(decided.body) == {"key": board.key_id, "name": board.name, "state": "approved"}
    [certificate] = served.ask("POST", f"{EST}/simpleenroll", board.body()).certificates
    answer = served.ask("GET", "/registrar/settings", shown=served.files(board, certificate))
    assert 'text = "Platform 3, eMnambithi é"' in json.loads(answer.body)["settings"]


def test_a_refused_device_hears_the_reason(served: ServedRegistrar) -> None:
    board = Board(new_name())
    served.ask("POST", f"{EST}/simpleenroll", board.body())
    path, body = f"/registrar/requests/{board.key_id}", b'{"do": "refuse", "reason": "wrong station"}'
    assert served.signed(SUPERVISOR, "POST", path, body).status == 200
    assert "wrong station" in plain(served.ask("POST", f"{EST}/simpleenroll", board.body()), 403)
    assert "was refused by thandi" in plain(served.signed(SUPERVISOR, "POST", path, body), 409)


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{", b"null", b'{"do": "maybe"}', b'{"do": "approve", "reason": 7}', b"[" * 9000, b"\xff"]
)
def test_a_decision_that_is_none_is_refused(served: ServedRegistrar, body: bytes) -> None:
    assert "no decision" in plain(served.signed(SUPERVISOR, "POST", "/registrar/requests/abc", body), 400)


def test_settings_are_a_layer_to_which_a_device_can_append(served: ServedRegistrar) -> None:
    board = Board(new_name())
    certificate = enrolled(served, board)
    answer = json.loads(served.ask("GET", "/registrar/settings", shown=served.files(board, certificate)).body)
    settings = tomllib.loads(answer["settings"] + 'mqtt.ca_file = "/somewhere/ca.pem"\n')
    _, site, device = board.name.split("/")
    location = {"lat": -29.85, "lon": 31.02, "text": "Concourse"}
    assert settings["device"] == {"province": "kzn", "site": site, "id": device, "location": location}
    assert settings["mqtt"] == {"brokers": ["mqtts://broker-a.example:8883"], "ca_file": "/somewhere/ca.pem"}
    assert settings["centre"] == {"names": ["durban-centre"]}
    assert [key["iss"] for key in answer["command_keys"]["keys"]] == ["thandi", "sipho"]


def test_a_device_renews_over_tls_and_is_decommissioned(served: ServedRegistrar) -> None:
    board, renewed = Board(new_name()), None
    certificate = enrolled(served, board)
    board_2 = Board(board.name)
    shown = served.files(board, certificate)
    [renewed] = served.ask("POST", f"{EST}/simplereenroll", board_2.body(), shown=shown).certificates
    new = served.files(board_2, renewed)
    for _ in range(2):
        done = served.ask("POST", "/registrar/decommission", shown=new)
        assert (done.status, done.text) == (200, f"{board.name} is decommissioned: its certificate no longer counts.")
    assert "was revoked" in plain(served.ask("POST", f"{EST}/simplereenroll", board.body(), shown=shown), 403)
    crl = x509.load_pem_x509_crl(served.ask("GET", "/registrar/device.crl").body)
    assert {certificate.serial_number, renewed.serial_number} <= {each.serial_number for each in crl}


def test_an_expired_certificate_reaches_the_registrar_and_renews_within_its_grace(served: ServedRegistrar) -> None:
    """nginx by itself would answer 400 to whoever shows one."""
    board = Board(new_name())
    for days, status in ((100, 200), (121, 403)):
        past = datetime.now(UTC) - timedelta(days=days)
        expired = authorities("issuing").device(board.key.public_key(), board.name, BOARD, now=past)
        recorded(served, expired, board)
        answer = served.ask(
            "POST", f"{EST}/simplereenroll", Board(board.name).body(), shown=served.files(board, expired)
        )
        assert answer.status == status, answer.text
    assert "expired on" in plain(answer, 403)


def test_a_certificate_of_another_authority_does_not_count(served: ServedRegistrar) -> None:
    board = Board(new_name())
    enrolled(served, board)
    forged = authorities("server").device(board.key.public_key(), board.name, BOARD)
    answer = served.ask("POST", f"{EST}/simplereenroll", board.body(), shown=served.files(board, forged))
    assert "not one of this registrar" in plain(answer, 403)


def _header(certificate: x509.Certificate) -> str:
    return quote(certificate.public_bytes(Encoding.PEM).decode())


@pytest.mark.parametrize("name", ["X-Client-Certificate", "x-client-certificate", "X_Client_Certificate"])
def test_a_certificate_in_a_header_of_the_clients_own_does_not_count(served: ServedRegistrar, name: str) -> None:
    board = Board(new_name())
    headers = {name: _header(enrolled(served, board)), "X-Client-Address": "198.51.100.1"}
    for method, path in (
        ("GET", "/registrar/settings"),
        ("POST", "/registrar/decommission"),
        ("POST", f"{EST}/simplereenroll"),
    ):
        assert "needs the device's certificate" in plain(served.ask(method, path, board.body(), headers=headers), 401)


def test_a_header_of_the_clients_own_does_not_stand_beside_the_certificate_that_it_shows(
    served: ServedRegistrar,
) -> None:
    victim, thief = Board(new_name()), Board(new_name())
    stolen = _header(enrolled(served, victim))
    shown = served.files(thief, enrolled(served, thief))
    answer = served.ask("POST", "/registrar/decommission", shown=shown, headers={"X-Client-Certificate": stolen})
    assert answer.text.startswith(thief.name)


def test_the_address_of_a_request_is_not_the_clients_to_say(served: ServedRegistrar) -> None:
    board = Board(new_name())
    served.ask("POST", f"{EST}/simpleenroll", board.body(), headers={"X-Client-Address": "198.51.100.1"})
    listed = json.loads(served.signed(SUPERVISOR, "GET", "/registrar/requests").body)
    assert {each["address"] for each in listed if each["key"] == board.key_id} == {"127.0.0.1"}


def test_wrong_secrets_make_a_name_wait_and_stand_in_the_journal(served: ServedRegistrar) -> None:
    board = Board(new_name())
    claim = claim_of(served, board.name)
    forged = claim.model_copy(update={"secret": "A" * 22})
    headers = {"X-Client-Address": "2001:db8::1"}
    for number in range(5):
        headers["X-Client-Address"] = f"2001:db8::{number}"
        answer = served.over_socket("POST", f"{EST}/simpleenroll", board.body(), headers | basic(forged))
        assert "not known here" in plain(answer, 401)
    waiting = served.over_socket("POST", f"{EST}/simpleenroll", board.body(), headers | basic(claim))
    assert "Too many wrong claims" in plain(waiting, 429)
    assert int(waiting.headers["Retry-After"]) > 3500
    store = Store(served.directory / "registrar.db")
    with store.transaction() as tx:
        lines = [line for line in tx.journal() if line[2:4] == ("refused", board.name)]
    store.close()
    assert [line[1] for line in lines] == ["2001:db8::/64"] * 5
    assert served.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim).status == 200, "from elsewhere"


def test_strangers_who_are_refused_again_and_again_do_not_fill_the_log(served: ServedRegistrar) -> None:
    before = len((served.directory / "output.txt").read_text().splitlines())
    board = Board(new_name())
    for number in range(REFUSALS + 200):
        claim = base64.b64encode(f"kzn/durban-station/kiosk-{number}:{'A' * 22}".encode()).decode()
        headers = {"X-Client-Address": "198.51.100.200", "Authorization": f"Basic {claim}"}
        assert served.over_socket("POST", f"{EST}/simpleenroll", board.body(), headers).status == 401
    lines = (served.directory / "output.txt").read_text().splitlines()
    assert len(lines) - before <= 40


def test_what_does_not_come_from_nginx_is_refused(served: ServedRegistrar) -> None:
    assert served.socket.stat().st_mode & 0o777 == 0o600
    for path in (f"{EST}/simpleenroll", f"{EST}/simplereenroll", "/registrar/decommission"):
        assert "nginx" in plain(served.over_socket("POST", path, b"x"), 500)


def test_a_body_of_a_mebibyte_is_refused_before_it_is_read(served: ServedRegistrar) -> None:
    assert served.ask("POST", f"{EST}/simpleenroll", b"A" * 1024 * 1024).status == 413
    behind = {"X-Client-Address": "203.0.113.9"}
    assert served.over_socket("POST", f"{EST}/simpleenroll", b"A" * 17_000, behind).status == 413


def test_a_body_that_is_too_long_is_refused_before_it_is_read_from_a_stranger_with_an_expired_certificate_too(
    served: ServedRegistrar,
) -> None:
    """nginx passes such a one on without a look at its length, and would keep a whole body on the registrar's disk."""
    board = Board()
    past = datetime.now(UTC) - timedelta(days=1000)
    expired = authorities("server").device(board.key.public_key(), board.name, now=past)
    with _tls(served, served.files(board, expired)) as connection:
        connection.sendall(f"POST /any HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**12}\r\n\r\n".encode())
        connection.settimeout(5)
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "authorization", ["Basic", "Basic !!!", "Basic " + base64.b64encode(b"nobody").decode(), "Digest x", "Basic /w=="]
)
def test_a_claim_that_can_not_be_read_is_refused(served: ServedRegistrar, authorization: str) -> None:
    answer = served.ask("POST", f"{EST}/simpleenroll", Board().body(), headers={"Authorization": authorization})
    assert "claim can't be read" in plain(answer, 400)


@pytest.mark.parametrize("place", ["x" * 121, quote("two\nlines"), "%00"])
def test_a_place_that_is_none_is_refused(served: ServedRegistrar, place: str) -> None:
    answer = served.ask("POST", f"{EST}/simpleenroll", Board(new_name()).body(), headers={"Edge-Place": place})
    assert "place" in plain(answer, 400)


@pytest.mark.parametrize(
    "header", ["%00", "x" * 3000, quote("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----")]
)
def test_a_certificate_that_can_not_be_read_is_refused(served: ServedRegistrar, header: str) -> None:
    """nginx would hand on none: this is what the registrar does by itself."""
    headers = {"X-Client-Address": "203.0.113.9", "X-Client-Certificate": header}
    assert "can't be read" in plain(served.over_socket("POST", f"{EST}/simplereenroll", b"x", headers), 400)


def test_anything_else_is_not_there(served: ServedRegistrar) -> None:
    for path in ("/", "/registrar", "/.well-known/est/csrattrs", "/registrar/keys"):
        assert served.ask("GET", path).status == 404
    assert served.ask("GET", f"{EST}/simpleenroll").status == 405


def test_a_page_of_the_control_room_may_ask_and_another_may_not(served: ServedRegistrar) -> None:
    preflight = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
    for method, status in (("OPTIONS", 204), ("GET", 401)):
        for origin, allowed in ((PAGE, [PAGE]), ("https://elsewhere.example", None)):
            asked = served.ask(method, "/registrar/requests", headers=preflight | {"Origin": origin})
            assert asked.status == status
            assert asked.headers.get_all("Access-Control-Allow-Origin") == allowed
            assert asked.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"


def test_a_page_learns_that_the_registrar_is_down_or_that_it_asks_too_often(tmp_path: Path) -> None:
    told: list[Answer] = []
    with ServedRegistrar(tmp_path, rate="5r/s") as served:

        def asked() -> int:
            told.append(served.ask("GET", "/registrar/requests", headers={"Origin": PAGE}))
            return told[-1].status

        wait_for(lambda: asked() == 429, what="an nginx that has had enough")
        assert served.ask("OPTIONS", "/registrar/requests", headers={"Origin": PAGE}).status == 204
        served.kill()
        wait_for(lambda: asked() == 502, what="an nginx that is alone")
    assert {tuple(answer.headers.get_all("Access-Control-Allow-Origin", ())) for answer in told} == {(PAGE,)}


def test_a_token_counts_once_over_the_web_too(served: ServedRegistrar) -> None:
    enrolled(served, Board(new_name()))
    headers = {"Authorization": bearer(SUPERVISOR, "GET", "/registrar/devices")}
    first = served.ask("GET", "/registrar/devices", headers=headers)
    assert {"name", "board", "not_after", "revoked", "seen_at"} == set(json.loads(first.body)[0])
    again = served.ask("GET", "/registrar/devices", headers=headers)
    assert "used before" in plain(again, 401)
    assert again.headers["WWW-Authenticate"] == "Bearer"


def test_two_devices_with_one_claim_at_the_same_moment(served: ServedRegistrar) -> None:
    name = new_name()
    claim, begin = claim_of(served, name), threading.Barrier(2)
    answers: dict[str, Answer] = {}

    def ask(serial: str) -> None:
        body = Board(name, serial).body()
        begin.wait(10)
        answers[serial] = served.ask("POST", f"{EST}/simpleenroll", body, claim=claim)

    threads = [threading.Thread(target=ask, args=(serial,)) for serial in (BOARD, OTHER_BOARD)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(20)
    assert sorted(each.status for each in answers.values()) == [200, 403]
    [winner] = [serial for serial, each in answers.items() if each.status == 200]
    [loser] = [each for each in answers.values() if each.status == 403]
    assert f"by board {winner}" in loser.text


def test_a_registrar_that_is_killed_after_recording_gives_the_same_certificate_again(tmp_path: Path) -> None:
    with ServedRegistrar(tmp_path) as served:
        board = Board()
        claim = claim_of(served, NAME)
        with _tls(served) as connection:
            connection.sendall(_request(board, claim))  # and nobody reads the answer
            store = Store(tmp_path / "registrar.db")

            def issued() -> list[Issued]:
                with store.transaction() as tx:
                    return tx.issued_to(NAME)

            wait_for(issued, what="a certificate on record")
            served.kill()
        assert served.ask("GET", f"{EST}/cacerts").status == 502
        served.start()
        answer = served.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim)
        assert [each.public_bytes(Encoding.DER) for each in answer.certificates] == [each.der for each in issued()]
        store.close()


def test_a_registrar_that_is_killed_under_requests_gives_nothing_that_it_has_not_recorded(tmp_path: Path) -> None:
    with ServedRegistrar(tmp_path) as served:
        given: list[bytes] = []
        boards = [Board(new_name()) for _ in range(12)]
        claims = [claim_of(served, board.name) for board in boards[:6]]

        def ask(board: Board, claim: Claim) -> None:
            with suppress(http.client.IncompleteRead):  # nginx has passed on a head, and the kill took the rest
                answer = served.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim)
                if answer.status == 200:
                    given.extend(each.public_bytes(Encoding.DER) for each in answer.certificates)

        threads = [threading.Thread(target=ask, args=pair) for pair in zip(boards, claims, strict=False)]
        for each in threads:
            each.start()
        wait_for(lambda: given, what="the first certificate")
        served.kill()
        for each in threads:
            each.join(20)
        served.start()
        store = Store(tmp_path / "registrar.db")
        with store.transaction() as tx:
            on_record = {each.der for each in tx.all_issued()}
        store.close()
        assert set(given) <= on_record
        for board, claim in zip(boards, claims, strict=False):
            assert served.ask("POST", f"{EST}/simpleenroll", board.body(), claim=claim).status == 200


def test_a_flood_from_one_address_is_held_up_by_nginx(tmp_path: Path) -> None:
    with ServedRegistrar(tmp_path, rate="5r/s") as served:
        context = ssl.create_default_context(cafile=str(tmp_path / "server-root.pem"))
        connection = http.client.HTTPSConnection("localhost", served.port, timeout=20, context=context)
        statuses: Counter[int] = Counter()
        for _ in range(150):
            connection.request("GET", f"{EST}/cacerts")
            answer = connection.getresponse()
            answer.read()
            statuses[answer.status] += 1
        connection.close()
    assert statuses[429] > 40
    assert statuses[200] >= 61


def _tls(served: ServedRegistrar, shown: tuple[Path, Path] | None = None) -> ssl.SSLSocket:
    context = ssl.create_default_context(cafile=str(served.directory / "server-root.pem"))
    if shown is not None:
        context.load_cert_chain(*shown)
    return context.wrap_socket(socket.create_connection(("127.0.0.1", served.port), 20), server_hostname="localhost")


def _request(board: Board, claim: Claim) -> bytes:
    body, login = board.body(), basic(claim)["Authorization"]
    head = f"POST {EST}/simpleenroll HTTP/1.1\r\nHost: localhost\r\nAuthorization: {login}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def test_a_registrar_refuses_to_start_with_an_open_key_and_says_why(tmp_path: Path) -> None:
    served = ServedRegistrar(tmp_path)
    (tmp_path / "issuing" / "ca.key").chmod(0o604)
    done = served.run("serve")
    assert done.returncode == 2
    assert "chmod 600" in done.stderr
    assert os.linesep not in done.stderr.strip(), "one sentence, no traceback"
