"""The service page on the loopback interface: who may use it, and that it is not there unless asked for."""

import json
import socket
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

from agent.service_page import page
from agent.service_page.asked import CERTIFICATE
from agent.service_page.interfaces import Place, judge, where_it_opens
from agent.service_page.page import BY_HAND, Paths, serve
from agent.service_page.web import LONGEST_BODY
from agent.sim import control_socket
from tests.support.service_page import CODE, Page, Phone
from tests.support.wait import wait_for
from tests.support.walking import KIOSK


@pytest.fixture(autouse=True)
def _looks_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "_LOOK_S", 0.02)


@pytest.mark.parametrize(
    ("interface", "address", "scheme"),
    [
        ("usb0", "192.168.42.129", "http"),
        ("usb0", "169.254.9.9", "http"),
        ("eth0", "192.168.1.5", "https"),
        ("end0", "10.0.0.5", "https"),
        ("wlan0", "172.16.0.9", "https"),
        ("eth0", "169.254.9.9", "https"),
        ("eth0", "41.13.20.7", None),
        ("usb0", "41.13.20.7", None),
        ("wwan0", "10.64.3.2", None),
        ("ppp0", "10.64.3.2", None),
        ("wg0", "10.8.0.2", None),
        ("tun0", "10.8.0.2", None),
        ("lo", "127.0.0.1", None),
        ("eth0", "0.0.0.0", None),
    ],
)
def test_only_a_cable_or_a_private_network_in_front_of_the_device_is_served(
    interface: str, address: str, scheme: str | None
) -> None:
    place = judge(interface, address)
    assert (place and place.scheme) == scheme


def test_nothing_is_opened_unless_somebody_asks_and_nobody_has_asked_for_long(tmp_path: Path) -> None:
    told: list[str] = []

    def find() -> set[Place]:
        raise AssertionError("it looks where to listen")

    for content in (None, "", "{}", "[" * 9):
        paths = Paths(tmp_path / "asked.json", tmp_path / "tap.sock", tmp_path / "walk", tmp_path)
        if content is not None:
            paths.file.write_text(content)
        serve(paths, find_places=find, told=told.append)
    over = Page(tmp_path)
    over.ask(seconds=-1)
    serve(over.paths, find_places=find, told=told.append)

    assert told == ["nobody asks for the service page"] * 5


def test_a_technician_whose_phone_can_reach_nothing_is_told_so_with_what_to_do(tmp_path: Path) -> None:
    ports = {"http": 8080, "https": 8443}
    nowhere = where_it_opens(set(), ports)
    assert "no phone can reach it" in nowhere
    assert "Plug the phone in by USB" in nowhere
    there = where_it_opens({Place("eth0", "192.168.7.2", "https"), Place("usb0", "10.0.0.2", "http")}, ports)
    assert there == "the service page opens at http://10.0.0.2:8080 (usb0), https://192.168.7.2:8443 (eth0)"

    served = Page(tmp_path)
    served.ask()
    alone = {"find_places": set, "told": served.told.append}
    thread = threading.Thread(target=serve, args=(served.paths,), kwargs=alone)
    thread.start()
    wait_for(lambda: served.told, what="what the journal says")
    served.paths.file.unlink()
    thread.join(30)
    assert "no phone can reach it" in served.told[0]


@pytest.mark.parametrize(
    ("address", "trouble"), [("127.0.0.1", ""), ("192.0.2.1", "http://192.0.2.1 (lo): Cannot assign requested address")]
)
def test_an_administrator_who_has_ordered_it_hears_whether_a_port_was_opened(
    tmp_path: Path, address: str, trouble: str
) -> None:
    served = Page(tmp_path)
    served.ask()
    with control_socket.listen(served.paths.tap) as agent:
        where = {"find_places": lambda: {Place("lo", address, "http")}, "any_port": True}
        one = threading.Thread(target=serve, args=(served.paths,), kwargs=where)
        one.start()
        sock, _ = agent.accept()
        with sock, sock.makefile("rb") as lines:
            told = next(found for line in lines if "trouble" in (found := json.loads(line.removeprefix(b"page "))))
            served.paths.file.unlink()
            one.join()
    assert told == {"opening": "o1", "event": "serves", "trouble": trouble}


def test_it_ends_with_its_file_and_leaves_no_port_behind(tmp_path: Path) -> None:
    with Page(tmp_path) as served:
        phone = served.phone()
        assert phone.enter().status == 204
        served.paths.file.unlink()
        wait_for(lambda: served.is_over, what="an end of the page")
        host, _, port = phone.host.partition(":")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((host, int(port)))


def test_a_cable_that_is_pulled_is_left_and_one_that_comes_is_served(tmp_path: Path) -> None:
    with Page(tmp_path) as served:
        place, served.places = served.places, set()
        first = served.phone()

        def is_gone() -> bool:
            try:
                first.get("/")
            except ConnectionError:  # refused, or it had come a moment before the end
                return True
            return False

        wait_for(is_gone, what="no page at a cable that is gone")
        served.places = place
        wait_for(lambda: sum("://" in line for line in served.told) == 2, what="a page at the new cable")
        assert served.phone().enter().status == 204


def test_a_code_that_is_guessed_closes_the_page_and_a_restart_gives_no_more_tries(tmp_path: Path) -> None:
    with Page(tmp_path) as served:
        phone = served.phone()
        for left in (4, 3, 2):
            wrong = phone.enter("00000000")
            assert (wrong.status, wrong.body["tries_left"]) == (403, left)
        assert phone.enter(f"{CODE[:4]} {CODE[4:]}").status == 204  # as it was read out
        assert phone.enter("00000000").body["tries_left"] == 1
        closed = phone.enter("00000000")
        assert (closed.status, closed.body) == (410, {"sentence": "The page is closed."})
        host, _, port = phone.host.partition(":")
        wait_for(lambda: served.told[1:] == ["five wrong codes: it is closed"], what="an end of the page")
        with pytest.raises(ConnectionRefusedError):  # `told` comes after the port is closed
            socket.create_connection((host, int(port)))

        served.start()  # as a service manager does when it has died
        assert served.told[2:] == ["five wrong codes: it is closed"]
        served.ask(opening="o2")
        served.start()
        assert served.phone().enter().status == 204


def test_one_phone_at_a_time_and_the_first_is_told_who_has_taken_over(tmp_path: Path) -> None:
    with Page(tmp_path) as served:
        first, second = served.phone(), served.phone()
        assert first.get("/api/state").body == {"sentence": "Enter the code first.", "why": "ended"}
        first.enter()
        assert first.state()["trouble"].startswith("The agent does not answer")
        second.enter()

        told = first.get("/api/state")
        assert (told.status, told.body) == (401, {"sentence": "Another phone has taken over.", "why": "taken-over"})
        assert first.post("/api/answer", {"answer": "yes"}).status == 401
        assert second.post("/api/answer", {"answer": "yes"}).status == 409
        assert second.post("/api/answer", {"answer": "maybe"}).status == 400
        assert second.post("/api/orders", {"id": "x", "token": "a b"}).status == 400


def test_a_request_from_elsewhere_acts_on_nothing(tmp_path: Path) -> None:
    with Page(tmp_path) as served:
        phone = served.phone()
        named = f"{KIOSK.source.rpartition('/')[2]}.local:{phone.host.partition(':')[2]}"
        assert phone.get("/", Host="evil.example").status == 421
        assert phone.get("/api/state", Host=named).status == 401
        for origin in ("https://evil.example", "null", f"https://{phone.host}", ""):
            assert phone.post("/api/enter", {"code": CODE}, Origin=origin).status == 403
        assert phone.post("/api/enter", {"code": CODE}, Content_Type="text/plain").status == 415
        assert phone.post("/api/enter", b" " * (LONGEST_BODY + 1)).status == 413
        assert phone.post("/api/enter", b"[]").status == 400
        assert phone.post("/api/enter", b"{").status == 400
        assert phone.post("/", {}).status == 405
        for path in ("/../page.py", "/%2e%2e/page.py", "/static/", "/nothing", "/api/", "/api/nothing"):
            assert phone.get(path).status in {401, 404}
        entered = phone.enter()

    assert entered.headers["Set-Cookie"].endswith("; Path=/; HttpOnly; SameSite=Strict")
    assert "default-src 'none'" in entered.headers["Content-Security-Policy"]
    assert entered.headers["Cache-Control"] == "no-store"
    assert entered.headers["Server"] == "edge-agent"


@pytest.mark.parametrize("content", [b"", b"damaged", None])
def test_without_a_certificate_of_the_offices_it_makes_one_that_no_phone_knows_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    if content is not None:
        for name in (BY_HAND, CERTIFICATE):
            (tmp_path / name).write_bytes(content)
    with Page(tmp_path, scheme="https") as served:
        assert served.phone().enter().status == 204
    assert served.told[0] == "it has a certificate of its own, which no phone knows"


def test_on_a_network_it_is_https_and_the_cookie_goes_nowhere_else(tmp_path: Path) -> None:
    with Page(tmp_path, scheme="https") as served:
        phone = served.phone()
        assert phone.enter().headers["Set-Cookie"].endswith("; Secure")
        with pytest.raises(OSError):
            Phone(f"http://{phone.host}").get("/")


def test_a_neighbour_who_opens_connections_and_says_nothing_shuts_no_technician_out(tmp_path: Path) -> None:
    with Page(tmp_path) as served, ExitStack() as stack:
        phone = served.phone()
        host, _, port = phone.host.partition(":")

        def silent(source: str, begun: bytes = b"") -> socket.socket:
            sock = socket.create_connection((host, int(port)), timeout=10, source_address=(source, 0))
            sock.sendall(begun)
            return stack.enter_context(sock)

        of_one = [silent("127.0.0.2", b"GET / HTTP/1.1\r\nHost: x\r\n") for _ in range(20)]
        assert phone.enter().status == 204
        of_many = [silent(f"127.0.0.{number}") for number in range(3, 40)]
        assert phone.get("/api/state").status == 200
        # The oldest have given way.
        for sock in (of_one[0], of_many[0]):
            assert sock.recv(1) == b""
