"""Operators' logins at the broker: what login.sh makes, and what it opens and does not."""

import socket
import ssl
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.certificates import BrokerAuthorities
from tests.support.mosquitto import CENTRE, Mosquitto
from tests.support.subscriber import Subscriber, assert_refused

SITE = "gp/jhb-park-station"
KIOSK = f"{SITE}/kiosk-0042"
TREE = f"edge/v1/{KIOSK}"
PASSWORD = "correct horse: battery"
THANDI, SIPHO = ("thandi", PASSWORD), ("sipho", PASSWORD)
NOT_AUTHORISED = 0x87
GRANTED_QOS_1 = 1


@pytest.fixture
def broker(tmp_path: Path, authorities: BrokerAuthorities) -> Iterator[Mosquitto]:
    """A site's broker that has two operators' logins."""
    with Mosquitto(tmp_path / "broker", authorities=authorities, logins=dict([THANDI, SIPHO])) as running:
        yield running


@pytest.fixture
def thandi(broker: Mosquitto) -> Iterator[Subscriber]:
    with Subscriber(broker.web_port, ["edge/v1/+/+/+/up/#"], web=True, login=THANDI) as page:
        yield page


def test_a_login_hears_every_device_answers_it_and_says_that_it_watches(
    broker: Mosquitto, authorities: BrokerAuthorities, thandi: Subscriber
) -> None:
    filters = [f"{TREE}/down/#", "edge/v1/host/+/state"]
    with Subscriber(broker.port, filters, files=authorities.device(KIOSK)) as kiosk:
        assert [code.value for code in kiosk.granted] == [GRANTED_QOS_1, GRANTED_QOS_1]
        kiosk.publish(f"{TREE}/up/alarm/police", b"help")
        assert thandi.wait_for().payload == b"help"
        assert not thandi.publish(f"{TREE}/down/ack/1", b"we come").is_failure
        for page in ("thandi", "thandi-2", "thandi-3"):
            assert not thandi.publish(f"edge/v1/host/{page}/state", b"{}", retain=True).is_failure
        kiosk.wait_for_count(4)


def test_a_page_hears_its_own_echo(broker: Mosquitto) -> None:
    with Subscriber(broker.web_port, ["edge/v1/host/thandi-2/echo"], web=True, login=THANDI) as page:
        assert not page.publish("edge/v1/host/thandi-2/echo", b"7f3a 1").is_failure
        assert page.wait_for().payload == b"7f3a 1"


@pytest.mark.parametrize(
    "topic",
    [
        f"{TREE}/up/alarm/police",
        f"{TREE}/up/state",
        "edge/v1/host/sipho/state",
        "edge/v1/host/sipho/echo",
        f"edge/v1/host/{CENTRE}/state",
        "edge/v1/host/thandi-4/state",
        # Else the patterns for devices would give it the device `up/kiosk` of the province `thandi`.
        "edge/v1/thandi/up/kiosk/up/alarm/police",
        "edge/v1/thandi/self-test",
        "$SYS/broker/version",
    ],
)
def test_a_login_can_not_speak_for_a_device_or_for_another_person(
    broker: Mosquitto, authorities: BrokerAuthorities, thandi: Subscriber, topic: str
) -> None:
    with Subscriber(broker.centre_port, ["edge/v1/#"], files=authorities.centre(CENTRE)) as centre:
        assert thandi.publish(topic, b"forged").value == NOT_AUTHORISED
        centre.sync()
        assert centre.heard == []


@pytest.mark.parametrize("topic", ["edge/v1/thandi-2/up/kiosk/up/alarm/police", "edge/v1/thandi-2/self-test"])
def test_nor_can_it_under_the_name_of_a_further_page(broker: Mosquitto, topic: str) -> None:
    with Subscriber(broker.web_port, web=True, login=("thandi-2", PASSWORD)) as page:
        assert page.publish(topic, b"forged").value == NOT_AUTHORISED


def test_a_login_hears_no_orders(broker: Mosquitto, thandi: Subscriber) -> None:
    with Subscriber(broker.web_port, ["edge/v1/+/+/+/down/#", "#"], web=True, login=SIPHO) as sipho:
        thandi.publish(f"{TREE}/down/ack/1", b"private")
        sipho.sync()
        assert sipho.heard == []


@pytest.mark.parametrize("client_id", [KIOSK, KIOSK.replace("/", "."), f"{KIOSK}/up/alarm", "wall-1-alarms"])
def test_a_login_throws_no_kiosk_off_and_takes_no_alarm_that_waits_for_a_centre(
    broker: Mosquitto, authorities: BrokerAuthorities, client_id: str
) -> None:
    """Whatever client id it gives: the broker gives it one of its own."""

    def wall() -> Subscriber:
        return Subscriber(
            broker.centre_port,
            ["edge/v1/+/+/+/up/alarm/+"],
            files=authorities.centre(CENTRE),
            client_id="wall-1-alarms",
            persistent=True,
        )

    with wall():
        pass
    with Subscriber(broker.port, files=authorities.device(KIOSK)) as kiosk:
        kiosk.publish(f"{TREE}/up/alarm/police", b"help")
        for is_kept in (True, False):  # to read what waits, or to have it thrown away
            with Subscriber(broker.web_port, web=True, login=THANDI, client_id=client_id, persistent=is_kept) as thief:
                thief.sync()
                assert thief.heard == []
        kiosk.sync()
        assert kiosk.connected
    with wall() as centre:
        assert centre.wait_for().payload == b"help"


def test_all_who_belong_to_a_site_stay_connected_at_once(broker: Mosquitto, authorities: BrokerAuthorities) -> None:
    """A kiosk and its probe; of one centre both sessions, a wall display and a tool; nine pages of each operator."""
    centre = authorities.centre(CENTRE)
    with ExitStack() as stack:
        together = [
            stack.enter_context(each)
            for each in (
                Subscriber(broker.port, files=authorities.device(KIOSK)),
                Subscriber(broker.port, files=authorities.device(f"{KIOSK}/up/alarm")),
                Subscriber(broker.centre_port, files=centre, client_id="jhb-1", persistent=True),
                Subscriber(broker.centre_port, files=centre, client_id="jhb-1-alarms", persistent=True),
                Subscriber(broker.centre_port, files=centre, client_id="wall-1", persistent=True),
                Subscriber(broker.centre_port, files=centre),
                *(
                    Subscriber(broker.web_port, [f"{TREE}/up/#"], web=True, login=(f"{name}{place}", PASSWORD))
                    for name in ("thandi", "sipho")
                    for place in ("", *(f"-{number}" for number in range(2, 10)))
                ),
            )
        ]
        together[0].publish(f"{TREE}/up/alarm/police", b"help")
        for each in together[6:]:
            assert each.wait_for().payload == b"help"
        assert all(each.connected for each in together)


@pytest.mark.parametrize("topic", [f"{TREE}/down/config", f"{TREE}/down/keys", f"{TREE}/down/ack/1/2", f"{TREE}/down"])
def test_a_login_clears_no_settings_that_wait_for_a_kiosk_and_sends_nothing_but_acks_and_commands(
    broker: Mosquitto, authorities: BrokerAuthorities, thandi: Subscriber, topic: str
) -> None:
    with Subscriber(broker.centre_port, files=authorities.centre(CENTRE)) as centre:
        assert not centre.publish(topic, b"settings", retain=True).is_failure
    assert thandi.publish(topic, b"", retain=True).value == NOT_AUTHORISED
    assert thandi.publish(topic, b"other", retain=True).value == NOT_AUTHORISED
    assert not thandi.publish(f"{TREE}/down/command/ping", b"{}").is_failure
    with Subscriber(broker.port, [f"{TREE}/down/#"], files=authorities.device(KIOSK)) as kiosk:
        assert [kiosk.wait_for().payload, *kiosk.heard[1:]] == [b"settings"]


@pytest.mark.parametrize("login", [None, ("thandi", "correct horse"), ("thandi", ""), ("nobody", PASSWORD)])
def test_without_the_right_password_nobody_gets_in(broker: Mosquitto, login: tuple[str, str] | None) -> None:
    with Subscriber(broker.web_port, web=True, login=THANDI) as thandi:
        assert_refused(broker.web_port, web=True, login=login)
        thandi.sync()
        assert thandi.connected, "nor does a try throw her off"


@pytest.mark.parametrize("name", [KIOSK, f"CN={CENTRE}", CENTRE, f"{KIOSK}/up/alarm"])
def test_no_password_opens_what_belongs_to_a_certificate(broker: Mosquitto, name: str) -> None:
    assert_refused(broker.web_port, web=True, login=(name, PASSWORD))


@pytest.mark.parametrize("listener", ["port", "centre_port"])
def test_a_password_opens_no_listener_of_certificates(
    broker: Mosquitto, authorities: BrokerAuthorities, listener: str
) -> None:
    """Neither over TLS without a certificate, nor without TLS."""
    port = getattr(broker, listener)
    context = ssl.create_default_context(cafile=authorities.server.ca)
    assert_refused(port, host="localhost", context=context, login=THANDI)
    assert_refused(port, login=THANDI)


def test_with_a_certificate_a_password_makes_nobody_an_operator(
    broker: Mosquitto, authorities: BrokerAuthorities, thandi: Subscriber
) -> None:
    """Right or wrong it counts for nothing: the certificate alone says who somebody is."""
    for password in (PASSWORD, "wrong"):
        with Subscriber(broker.port, files=authorities.device(KIOSK), login=("thandi", password)) as kiosk:
            assert kiosk.publish("edge/v1/host/thandi/state", b"{}").value == NOT_AUTHORISED
            assert kiosk.publish(f"edge/v1/{SITE}/kiosk-0043/down/ack/1", b"x").value == NOT_AUTHORISED
            assert not kiosk.publish(f"{TREE}/up/state", b"{}").is_failure
        with Subscriber(broker.centre_port, files=authorities.centre(CENTRE), login=("thandi", password)) as centre:
            assert centre.publish("edge/v1/host/thandi/state", b"{}").value == NOT_AUTHORISED
            assert not centre.publish(f"edge/v1/host/{CENTRE}/state", b"{}").is_failure
    assert thandi.wait_for_count(2)


@pytest.mark.parametrize("whose", ["device", "centre"])
def test_a_certificate_opens_no_listener_of_passwords(
    broker: Mosquitto, authorities: BrokerAuthorities, whose: str
) -> None:
    """There is no TLS at which one could show it."""
    files = authorities.device(KIOSK) if whose == "device" else authorities.centre(CENTRE)
    context = ssl.create_default_context(cafile=files.ca)
    context.load_cert_chain(files.cert, files.key)
    with socket.create_connection(("localhost", broker.web_port), 10) as plain, pytest.raises(OSError):
        context.wrap_socket(plain, server_hostname="localhost")


def test_logins_come_and_go_without_a_restart_and_nobody_else_notices(
    broker: Mosquitto, authorities: BrokerAuthorities, thandi: Subscriber
) -> None:
    with (
        Subscriber(broker.port, files=authorities.device(KIOSK)) as kiosk,
        Subscriber(broker.centre_port, files=authorities.centre(CENTRE)) as centre,
        Subscriber(broker.web_port, web=True, login=SIPHO) as sipho,
    ):
        assert broker.set_login("remove", "thandi").returncode == 0
        assert broker.set_login("add", "lerato", password=PASSWORD).returncode == 0
        broker.reload()
        thandi.wait_for_disconnect()
        assert_refused(broker.web_port, web=True, login=THANDI)
        with Subscriber(broker.web_port, ["edge/v1/+/+/+/up/#"], web=True, login=("lerato", PASSWORD)) as lerato:
            kiosk.publish(f"{TREE}/up/alarm/police", b"help")
            assert lerato.wait_for().payload == b"help"
        assert not centre.publish(f"{TREE}/down/ack/1", b"we come").is_failure
        assert not sipho.publish(f"{TREE}/down/ack/2", b"we come").is_failure


def test_a_login_that_is_made_again_has_the_new_password_and_one_place_in_each_file(
    broker: Mosquitto, tmp_path: Path
) -> None:
    files = tmp_path / "broker" / "edge-agent"
    before = (files / "edge-agent.acl").read_text()
    assert broker.set_login("add", "thandi", password="another battery").returncode == 0
    after = (files / "edge-agent.acl").read_text()
    broker.reload()

    assert sorted(after.splitlines()) == sorted(before.splitlines())
    assert broker.set_login("list").stdout.split() == ["thandi", "sipho"]
    assert_refused(broker.web_port, web=True, login=THANDI)
    with Subscriber(broker.web_port, web=True, login=("thandi", "another battery")):
        pass


def test_only_the_broker_may_read_the_files_and_no_password_is_in_them(broker: Mosquitto, tmp_path: Path) -> None:
    files = tmp_path / "broker" / "edge-agent"
    for name in ("logins", "edge-agent.acl"):
        assert stat.S_IMODE((files / name).stat().st_mode) == 0o600
        assert PASSWORD not in (files / name).read_text()
    assert not [path for path in files.iterdir() if path.name.startswith(("logins.", "edge-agent.acl."))]


def test_nginx_has_a_hash_of_each_login_as_long_as_there_is_one(broker: Mosquitto, tmp_path: Path) -> None:
    operators = tmp_path / "broker" / "edge-agent" / "operators"
    assert {line.partition(":$6$")[0] for line in operators.read_text().splitlines()} == {"thandi", "sipho"}
    assert stat.S_IMODE(operators.stat().st_mode) == 0o640
    assert PASSWORD not in operators.read_text()
    before = operators.read_text()
    assert broker.set_login("add", "sipho", password="another good password").returncode == 0
    assert broker.set_login("remove", "thandi").returncode == 0
    [line] = operators.read_text().splitlines()
    assert line.startswith("sipho:$6$")
    assert line not in before
    logins = operators.with_name("logins")
    logins.write_text(logins.read_text().replace("sipho:", "nomsa:"))
    assert broker.set_login("remove", "sipho").returncode == 0, "also one that was removed here in part only"
    assert operators.read_text() == ""


@pytest.mark.parametrize(
    ("words", "password", "why"),
    [
        (("add", "thandi", PASSWORD), "", "give one name and nothing else"),
        (("add",), PASSWORD, "give one name"),
        (("add", "nomsa"), "short", "12 characters or more"),
        (("add", "nomsa"), "", "12 characters or more"),
        (("add", "thandi-2"), PASSWORD, "is no name for a login"),
        (("add", KIOSK), PASSWORD, "is no name for a login"),
        (("add", "CN=jhb-centre"), PASSWORD, "is no name for a login"),
        (("add", "long-0123"), PASSWORD, "is no name for a login"),
        (("add", "+"), PASSWORD, "is no name for a login"),
        (("add", "nomsa\ntopic"), PASSWORD, "is no name for a login"),
        (("add", "host"), PASSWORD, "is no name for a login"),
        (("add", CENTRE), PASSWORD, "is the name of a command centre"),
        (("add", "n" * 41), PASSWORD, "too long"),
        (("remove", "nomsa"), "", "there is no login nomsa"),
        (("forget", "thandi"), "", "none of: add, remove, list"),
        ((), "", "say what"),
    ],
)
def test_what_is_no_login_is_refused_in_one_line_and_changes_nothing(
    broker: Mosquitto, tmp_path: Path, words: tuple[str, ...], password: str, why: str
) -> None:
    files = tmp_path / "broker" / "edge-agent"
    before = {path.name: path.read_bytes() for path in files.iterdir()}

    done = broker.set_login(*words, password=password)

    assert done.returncode == 1
    assert why in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert {path.name: path.read_bytes() for path in files.iterdir()} == before


def test_without_a_broker_that_is_set_up_it_says_what_is_missing(
    tmp_path: Path, authorities: BrokerAuthorities
) -> None:
    done = Mosquitto(tmp_path, authorities=authorities, logins={}).set_login("add", "thandi", password=PASSWORD)

    assert done.returncode == 1
    assert "after its set-up" in done.stderr


def test_a_new_access_list_keeps_the_logins_and_binds_them_to_its_province(broker: Mosquitto, tmp_path: Path) -> None:
    new = tmp_path / "province.acl"
    logins = tmp_path / "broker" / "edge-agent" / "logins"
    both = logins.read_text()
    older = [line for line in both.splitlines(keepends=True) if line[: line.index(":")] in {"thandi", "sipho"}]
    logins.write_text("".join(older))  # of a login.sh that knew no further names
    new.write_text("# province gp\npattern write edge/v1/%u/up/#\npattern read edge/v1/%u/down/#\n")
    changed, again = broker.set_login("refresh", str(new)), broker.set_login("refresh", str(new))
    assert (changed.returncode, again.returncode) == (0, 0), changed.stderr
    assert changed.stdout
    assert not again.stdout
    assert logins.read_text() == both
    broker.reload()
    with Subscriber(broker.web_port, web=True, login=THANDI) as page:
        assert not page.publish(f"{TREE}/down/ack/1", b"we come").is_failure
        assert page.publish("edge/v1/kzn/durban-station/kiosk-0042/down/ack/1", b"").value == NOT_AUTHORISED
