"""nginx, the broker's WebSocket and the browser: how the page comes to an operator."""

import http.client
import json
import re
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.control_room.person import Person
from tests.control_room.rig import OPERATOR, SECOND, Browser, Rig, key_fragment
from tests.support.mosquitto import SERVING
from tests.support.wait import wait_for

HEADERS = {
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-cache",
}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Protocol": "mqtt",
}
CONNECT = """
url => new Promise(resolve => {
  const socket = new WebSocket(url, "mqtt");
  socket.onopen = () => resolve("open " + socket.protocol);
  socket.onerror = () => resolve("refused");
})
"""


@contextmanager
def asked(rig: Rig, path: str, method: str = "GET", **headers: str) -> Iterator[http.client.HTTPResponse]:
    context = ssl.create_default_context(cafile=rig.authorities.server.ca)
    connection = http.client.HTTPSConnection("localhost", rig.sites[0].port, context=context, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        yield connection.getresponse()
    finally:
        connection.close()


def test_the_page_loads_over_tls_with_its_content_policy_and_nothing_on_the_console(rig: Rig, browser: Browser) -> None:
    page = browser.open(rig.url + key_fragment(rig.key))

    assert page.title() != ""
    assert page.evaluate("isSecureContext")
    assert page.evaluate(CONNECT, f"{rig.url.replace('https', 'wss')}mqtt") == "open mqtt"
    assert browser.complaints == []


def test_a_page_may_connect_to_every_broker_and_nowhere_else(two_hosts: Rig, browser: Browser) -> None:
    page = browser.open(two_hosts.url)

    for site in two_hosts.sites:
        assert page.evaluate(CONNECT, f"{site.url.replace('https', 'wss')}mqtt") == "open mqtt"
    assert not two_hosts.sites[0].violations()
    assert page.evaluate("fetch('https://example.com/').catch(() => 'refused')") == "refused"
    # That it is reported is what every other test relies on; for the fixture of this one it must not count.
    [violation] = wait_for(two_hosts.sites[0].violations, what="a report")
    assert "connect-src" in violation
    (two_hosts.directory / "nginx-0" / "violations.log").unlink()
    browser.forgive("example.com")


@pytest.mark.parametrize("path", ["/", "/index.html", "/page.js", "/control-room.json", "/no-such", "/mqtt"])
def test_whatever_is_answered_has_every_header(rig: Rig, path: str) -> None:
    with asked(rig, path) as answer:
        headers = {name.lower(): value for name, value in answer.getheaders()}
    assert headers.items() >= HEADERS.items()
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self';")
    assert "unsafe" not in policy
    assert headers["permissions-policy"].startswith("camera=(), ")
    assert headers["server"] == "nginx"


def test_what_has_not_changed_is_not_sent_again_and_what_is_sent_is_compressed(rig: Rig) -> None:
    with asked(rig, "/page.js", **{"Accept-Encoding": "gzip"}) as first:
        tag = first.getheader("ETag")
        assert first.getheader("Content-Encoding") == "gzip"
        assert str(first.getheader("Content-Type")).startswith("application/javascript")
    with asked(rig, "/page.js", **{"Accept-Encoding": "gzip", "If-None-Match": str(tag)}) as second:
        assert second.status == http.HTTPStatus.NOT_MODIFIED


def test_the_settings_come_from_the_sites_own_file(rig: Rig) -> None:
    with asked(rig, "/control-room.json") as answer:
        assert json.loads(answer.read()) == json.loads(rig.settings.read_text())


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 403),
        ("DELETE", "/page.js", 403),
        ("GET", "/mqtt", 426),
        ("GET", "/mqtt/", 404),
        ("GET", "/../control-room.json", 400),
    ],
)
def test_nothing_else_is_served(rig: Rig, method: str, path: str, status: int) -> None:
    with asked(rig, path, method) as answer:
        assert answer.status == status


def test_without_tls_it_only_says_where_to_go(rig: Rig) -> None:
    connection = http.client.HTTPConnection("localhost", rig.sites[0].http_port, timeout=30)
    connection.request("GET", "/page.js")
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("Location")) == (301, "https://localhost/page.js")
    connection.close()


def reaches_the_broker(rig: Rig, source: str) -> bool:
    """Whether somebody at this address gets a connection to the broker, which is good for one try of a password."""
    context = ssl.create_default_context(cafile=rig.authorities.server.ca)
    port = rig.sites[0].port
    connection = http.client.HTTPSConnection("localhost", port, context=context, timeout=30, source_address=(source, 0))
    try:
        connection.request("GET", "/mqtt", headers=UPGRADE)
        status = connection.getresponse().status
    finally:
        connection.close()
    assert status in {http.HTTPStatus.SWITCHING_PROTOCOLS, http.HTTPStatus.TOO_MANY_REQUESTS}
    return status == http.HTTPStatus.SWITCHING_PROTOCOLS


def test_who_guesses_passwords_gets_a_few_tries_and_then_one_a_second_and_locks_no_operator_out(
    rig: Rig, browser: Browser
) -> None:
    person = Person(browser, rig.url, OPERATOR, rig.key)
    person.begin()
    began = time.monotonic()
    guesses = sum(reaches_the_broker(rig, "127.0.0.2") for _ in range(300))
    took_s = time.monotonic() - began
    print(f"{guesses} of 300 guesses reached the broker in {took_s:.1f} s")
    assert guesses <= 21 + took_s
    assert all(reaches_the_broker(rig, "127.0.0.3") for _ in range(5)), "an operator elsewhere"
    assert person.noted("grey")[-1][0] is False
    person.reload()
    person.await_watching()
    assert len(person.noted("grey")) <= 3


def test_two_operators_behind_one_address_are_back_soon_after_a_restart_of_the_broker_whatever_came_before(
    rig: Rig, browser: Browser
) -> None:
    people = [Person(browser, rig.url, OPERATOR, rig.key), Person(browser, rig.url, SECOND, rig.key)]
    people += [Person(browser, rig.url, each.login, None, beside=each) for each in people]
    for person in people[:2]:
        person.begin()
    for person in people[2:]:
        person.look_on()
    assert not all(reaches_the_broker(rig, "127.0.0.1") for _ in range(30)), "they have no tries to spare"

    rig.brokers[0].stop()
    for person in people:
        person.await_grey()
    rig.brokers[0].start()
    began = time.monotonic()
    for person in people:
        person.await_live(30)
    print(f"all are back after {time.monotonic() - began:.1f} s")
    browser.forgive("WebSocket connection to .* failed")


@pytest.mark.parametrize(
    ("address", "guest"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2::7", "2001:db8:1:2:"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2:"),
        ("2001:db8::1:2:3:4", "2001:db8:"),
        ("::1", "::1"),
    ],
)
def test_who_has_a_network_of_ipv6_is_one_guest(address: str, guest: str) -> None:
    [pattern] = re.findall(r'"~(.*)" \$control_room_net;', (SERVING / "nginx.conf").read_text())
    found = re.match(pattern.replace("?<", "?P<"), address)
    assert (address if found is None else found["control_room_net"]) == guest
