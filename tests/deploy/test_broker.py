"""deploy's broker configuration, run by a real Mosquitto with real certificates."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from paho.mqtt.enums import MQTTProtocolVersion

from agent.contract.identity import Identity, common_name
from tests.support.certificates import BrokerAuthorities, CertificateFiles
from tests.support.mosquitto import CENTRE, DEPLOYED, Mosquitto
from tests.support.subscriber import RefusedError, Subscriber, assert_refused

SITE = "gp/jhb-park-station"
BASE = f"edge/v1/{SITE}"
OTHERS = (f"{SITE}/kiosk-0043", "gp/other-site/kiosk-0042", "kzn/jhb-park-station/kiosk-0042", f"{SITE}/kiosk-0042-b")
"""Devices that kiosk-0042 must not touch: of its site, another site, another province, and of a name like its own."""
NOT_AUTHORISED = 0x87
GRANTED_QOS_1 = 1


@pytest.fixture
def centre(tls_broker: Mosquitto, authorities: BrokerAuthorities) -> Iterator[Subscriber]:
    """A command centre that hears every device."""
    with Subscriber(tls_broker.centre_port, ["edge/v1/+/+/+/up/#"], files=authorities.centre(CENTRE)) as subscriber:
        yield subscriber


@pytest.fixture(scope="module")
def kiosk(authorities: BrokerAuthorities) -> CertificateFiles:
    """The certificate of kiosk-0042."""
    return authorities.device(f"{SITE}/kiosk-0042")


def test_a_device_reports_and_is_answered(tls_broker: Mosquitto, centre: Subscriber, kiosk: CertificateFiles) -> None:
    filters = [f"{BASE}/kiosk-0042/down/#", "edge/v1/host/+/state"]
    with Subscriber(tls_broker.port, filters, files=kiosk) as device:
        assert [code.value for code in device.granted] == [GRANTED_QOS_1, GRANTED_QOS_1]
        assert not device.publish(f"{BASE}/kiosk-0042/up/alarm/police", b"help").is_failure
        assert centre.wait_for().payload == b"help"
        assert not centre.publish(f"{BASE}/kiosk-0042/down/ack/1", b"we come").is_failure
        assert not centre.publish(f"edge/v1/host/{CENTRE}/state", b"{}", retain=True).is_failure
        heard = device.wait_for_count(2)
        assert {message.topic for message in heard} == {
            f"{BASE}/kiosk-0042/down/ack/1",
            f"edge/v1/host/{CENTRE}/state",
        }


def test_a_device_hears_its_own_echo_by_which_it_knows_that_acks_reach_it(
    tls_broker: Mosquitto, kiosk: CertificateFiles
) -> None:
    with Subscriber(tls_broker.port, [f"{BASE}/kiosk-0042/down/#"], files=kiosk) as device:
        assert not device.publish(f"{BASE}/kiosk-0042/down/echo", b"7f3a").is_failure
        assert device.wait_for().payload == b"7f3a"


@pytest.mark.parametrize(
    "topic",
    [
        *(f"edge/v1/{other}/up/{what}" for other in OTHERS for what in ("alarm/police", "alarm/self-test", "state")),
        *(f"edge/v1/{other}/down/{what}" for other in OTHERS for what in ("ack/1", "echo")),
        f"{BASE}/kiosk-0042/down/ack/1",
        f"{BASE}/kiosk-0042",
        f"edge/v1/host/{CENTRE}/state",
        "edge/v1/gp/kiosk-0042/up/alarm/police",
        "edge/v2/gp/jhb-park-station/kiosk-0042/up/state",
        "$SYS/broker/version",
    ],
)
def test_a_device_can_not_write_elsewhere(
    tls_broker: Mosquitto, centre: Subscriber, kiosk: CertificateFiles, topic: str
) -> None:
    with Subscriber(tls_broker.port, files=kiosk) as device:
        assert device.publish(topic, b"forged").value == NOT_AUTHORISED
        device.publish(f"{BASE}/kiosk-0042/up/state", b"true")
        centre.wait_for(lambda message: message.payload == b"true")
    assert [message.payload for message in centre.heard] == [b"true"]


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("topic_filter", ["#", "edge/v1/#", "edge/v1/+/+/+/down/#", "{0}/down/#", "{0}/up/#", "$SYS/#"])
def test_a_device_hears_nothing_of_another(
    tls_broker: Mosquitto,
    authorities: BrokerAuthorities,
    centre: Subscriber,
    kiosk: CertificateFiles,
    topic_filter: str,
    other: str,
) -> None:
    theirs = f"edge/v1/{other}"
    with (
        Subscriber(tls_broker.port, files=authorities.device(other)) as sender,
        Subscriber(tls_broker.port, [topic_filter.format(theirs)], files=kiosk) as device,
    ):
        sender.publish(f"{theirs}/up/state", b"private")
        assert not centre.publish(f"{theirs}/down/command/ping", b"private").is_failure
        centre.wait_for()
        device.sync()
        assert [message for message in device.heard if message.payload == b"private"] == []


@pytest.mark.parametrize("other", OTHERS)
def test_a_devices_will_is_sent_for_itself_and_never_for_another(
    tls_broker: Mosquitto, centre: Subscriber, kiosk: CertificateFiles, other: str
) -> None:
    for name in (other, f"{SITE}/kiosk-0042"):
        try:
            with Subscriber(tls_broker.port, files=kiosk, will=(f"edge/v1/{name}/up/state", b"lost")) as device:
                device.lose_connection()
        except RefusedError:
            assert name == other
    assert centre.wait_for().topic == f"{BASE}/kiosk-0042/up/state"
    assert len(centre.heard) == 1


@pytest.mark.parametrize("common_name", ["+", "#", f"{SITE}/kiosk-0042/up", "+/+/+", "gp/+/kiosk-0042", f"{SITE}/#"])
def test_a_wildcard_as_common_name_opens_nothing(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, centre: Subscriber, common_name: str
) -> None:
    files = authorities.device(common_name)
    try:
        with Subscriber(tls_broker.port, [f"{BASE}/+/down/#"], files=files) as device:
            device.publish(f"{BASE}/kiosk-0042/up/alarm/police", b"forged")
            centre.publish(f"{BASE}/kiosk-0042/down/ack/1", b"secret")
            device.sync()
            assert device.heard == []
    except RefusedError:
        pass
    centre.sync()
    assert centre.heard == []


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("client_id", [f"{SITE}/kiosk-0042", "gp.jhb-park-station.kiosk-0042"])
def test_a_device_can_not_take_the_place_of_another_by_its_client_id(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, kiosk: CertificateFiles, client_id: str, other: str
) -> None:
    with (
        Subscriber(tls_broker.port, files=kiosk, client_id=client_id) as victim,
        Subscriber(tls_broker.port, files=authorities.device(other), client_id=client_id) as thief,
    ):
        victim.sync()
        assert victim.connected
        assert thief.publish(f"{BASE}/kiosk-0042/up/state", b"forged").value == NOT_AUTHORISED


def test_the_probe_of_a_device_says_what_tries_a_path_and_nothing_else_and_takes_nobodys_place(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, centre: Subscriber, kiosk: CertificateFiles
) -> None:
    own, client_id = f"{BASE}/kiosk-0042", "gp.jhb-park-station.kiosk-0042"
    files = authorities.devices.client(f"{SITE}/kiosk-0042/up/alarm")
    files = CertificateFiles(kiosk.ca, files.cert, files.key)
    with (
        Subscriber(tls_broker.port, [f"{own}/down/#"], files=kiosk, client_id=client_id) as device,
        Subscriber(tls_broker.port, [f"{own}/down/#"], files=files, client_id=client_id) as probe,
    ):
        assert not probe.publish(f"{own}/up/alarm/self-test", b"test").is_failure
        assert centre.wait_for().payload == b"test"
        for topic in ("up/alarm/police", "up/state", "down/ack/1", "up/result/1"):
            assert probe.publish(f"{own}/{topic}", b"forged").value == NOT_AUTHORISED
        centre.publish(f"{own}/down/ack/1", b"we come")
        assert device.wait_for().payload == b"we come"
        probe.sync()
        assert [message for message in probe.heard if message.payload == b"we come"] == []
        assert device.connected


def test_with_the_line_that_the_access_list_shows_a_centre_sees_no_live_pictures_and_hears_all_else(
    authorities: BrokerAuthorities, kiosk: CertificateFiles, tmp_path: Path
) -> None:
    [line] = re.findall("^#(topic deny .*)$", (DEPLOYED / "edge-agent.acl").read_text(), re.MULTILINE)
    access = f"user CN={CENTRE}\n{line}"
    with (
        Mosquitto(tmp_path / "broker", authorities=authorities, access=access) as broker,
        Subscriber(broker.centre_port, ["edge/v1/+/+/+/up/#"], files=authorities.centre(CENTRE)) as logger,
        Subscriber(broker.port, files=kiosk) as device,
    ):
        for what in ("live/front", "alarm/police"):
            device.publish(f"{BASE}/kiosk-0042/up/{what}", b"x")
        logger.wait_for(lambda message: message.topic.endswith("alarm/police"))
        assert [message.topic for message in logger.heard] == [f"{BASE}/kiosk-0042/up/alarm/police"]


def test_with_the_lines_that_the_access_list_shows_a_name_too_long_for_a_certificate_has_the_rights_of_any_other(
    authorities: BrokerAuthorities, tmp_path: Path
) -> None:
    own = Identity("kwazulu-natal", "durban-central-station-platform-14-north", "kiosk-0042")
    shown = "".join(re.findall(r"^#   (.*\n)", (DEPLOYED / "edge-agent.acl").read_text(), re.MULTILINE))
    lines = shown.replace("PROVINCE/SITE/ID", own.user)
    for name in (own.user, own.probe):
        lines = lines.replace("long-DIGEST", common_name(name), 1)
    with Mosquitto(tmp_path / "broker", authorities=authorities, access=lines) as broker:
        with Subscriber(broker.port, [own.down("ack", "+")], files=authorities.device(own.user)) as device:
            assert not device.publish(own.up("state"), b"online").is_failure
            assert device.publish(f"{BASE}/kiosk-0042/up/state", b"forged").is_failure
        with Subscriber(broker.port, files=authorities.device(own.probe)) as probe:
            assert not probe.publish(own.up("alarm", "self-test"), b"test").is_failure
            assert probe.publish(own.up("state"), b"forged").is_failure


def test_a_devices_certificate_opens_no_door_of_the_centre(tls_broker: Mosquitto, kiosk: CertificateFiles) -> None:
    assert_refused(tls_broker.centre_port, files=kiosk)


@pytest.mark.parametrize("name", [CENTRE, f"host/{CENTRE}"])
def test_a_device_named_like_a_centre_gets_no_right_of_it(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, name: str
) -> None:
    with Subscriber(tls_broker.port, files=authorities.device(name)) as device:
        assert device.publish(f"edge/v1/host/{CENTRE}/state", b"{}").value == NOT_AUTHORISED
        assert device.publish(f"{BASE}/kiosk-0042/down/ack/1", b"{}").value == NOT_AUTHORISED


def test_two_tools_of_a_centre_share_its_certificate(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, centre: Subscriber
) -> None:
    with Subscriber(tls_broker.centre_port, files=authorities.centre(CENTRE)) as second:
        second.publish(f"{BASE}/kiosk-0042/down/ack/1", b"{}")
        centre.sync()
        assert centre.connected
        assert second.connected


@pytest.mark.parametrize("topic", [f"{BASE}/kiosk-0042/up/alarm/police", "edge/v1/host/cpt-centre/state"])
def test_a_centre_can_not_speak_for_a_device_or_another_centre(centre: Subscriber, topic: str) -> None:
    assert centre.publish(topic, b"forged").value == NOT_AUTHORISED


def test_an_alarm_waits_for_a_centre_that_is_away_while_the_broker_restarts(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, kiosk: CertificateFiles
) -> None:
    def alarm(payload: bytes) -> None:
        with Subscriber(tls_broker.port, files=kiosk) as device:
            assert not device.publish(f"{BASE}/kiosk-0042/up/alarm/police", payload).is_failure

    with _wall(tls_broker, authorities):
        pass
    alarm(b"before")
    tls_broker.restart()
    alarm(b"after")
    with _wall(tls_broker, authorities) as centre:
        assert [message.payload for message in centre.wait_for_count(2)] == [b"before", b"after"]


def test_more_alarms_wait_than_the_brokers_default_would_keep(
    tls_broker: Mosquitto, authorities: BrokerAuthorities, kiosk: CertificateFiles
) -> None:
    count = 1200
    with _wall(tls_broker, authorities):
        pass
    with Subscriber(tls_broker.port, files=kiosk) as device:
        for number in range(count):
            device.publish(f"{BASE}/kiosk-0042/up/alarm/police", str(number))
    with _wall(tls_broker, authorities) as centre:
        heard = centre.wait_for_count(count, timeout_s=30)
    assert [int(message.payload) for message in heard] == list(range(count))


def test_the_contracts_largest_payload_passes_and_a_much_larger_one_ends_the_connection(
    tls_broker: Mosquitto, centre: Subscriber, kiosk: CertificateFiles
) -> None:
    topic = f"{BASE}/kiosk-0042/up/snapshot/1"
    largest = 128 * 1024
    with Subscriber(tls_broker.port, files=kiosk) as device:
        assert not device.publish(topic, bytes(largest)).is_failure
        with pytest.raises(AssertionError, match=r"publish: |no acknowledgement"):
            device.publish(topic, bytes(largest + 8192), timeout_s=0.5)
        device.wait_for_disconnect()
    centre.sync()
    assert [len(message.payload) for message in centre.heard] == [largest]


def test_a_device_that_speaks_the_older_mqtt_is_served(
    tls_broker: Mosquitto, centre: Subscriber, kiosk: CertificateFiles
) -> None:
    with Subscriber(tls_broker.port, files=kiosk, protocol=MQTTProtocolVersion.MQTTv311) as device:
        device.publish(f"{BASE}/kiosk-0042/up/state", b"online")
        assert centre.wait_for().payload == b"online"


def _wall(broker: Mosquitto, authorities: BrokerAuthorities) -> Subscriber:
    """The wall display of a centre, whose session the broker keeps while it is away."""
    return Subscriber(
        broker.centre_port,
        ["edge/v1/+/+/+/up/alarm/#"],
        files=authorities.centre(CENTRE),
        client_id="wall",
        persistent=True,
    )
