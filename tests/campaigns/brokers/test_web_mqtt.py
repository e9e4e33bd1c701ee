"""An operator's login at RabbitMQ, with the settings and the rights of deploy/control-room/serve/rabbitmq.conf."""

import re
import shlex
from collections.abc import Iterator

import pytest

from tests.campaigns.brokers.cluster import Cluster, Node, control, is_installed
from tests.support.mosquitto import SERVING
from tests.support.subscriber import Subscriber, assert_refused

PASSWORD = "correct horse battery"
LOGIN = ("thandi", PASSWORD)
TREE = "edge/v1/gp/jhb-park-station/kiosk-0042"
PAGE = "control-room-0123456789ab"
pytestmark = pytest.mark.timeout(600)  # each call of rabbitmqctl starts an Erlang


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Node]:
    if not is_installed():
        pytest.skip("there is no RabbitMQ here: `make rabbitmq` installs Debian's")
    text = (SERVING / "rabbitmq.conf").read_text()
    settings = [line for line in text.splitlines() if not line.startswith("#")]
    settings = [re.sub("^web_mqtt.tcp.port = 9001$", "web_mqtt.tcp.port = {web_port}", line) for line in settings]
    assert any("{web_port}" in line for line in settings)
    plugins = ("rabbitmq_mqtt", "rabbitmq_web_mqtt")
    with Cluster(tmp_path_factory.mktemp("site"), 1, settings, plugins) as cluster:
        [node] = cluster.nodes
        for line in re.findall(r"^#   rabbitmqctl (.*)$", text, re.MULTILINE):
            words = shlex.split(line)
            control(node, *words, *([PASSWORD] if words[0] == "add_user" else []))
        for name in ("kiosk", "other"):
            control(node, "add_user", name, PASSWORD)
            control(node, "set_permissions", name, ".*", ".*", ".*")
        yield node


def test_a_page_hears_devices_and_itself_and_answers(node: Node) -> None:
    filters = ["edge/v1/+/+/+/up/#", "edge/v1/host/+/state", "edge/v1/host/thandi/echo"]
    with (
        Subscriber(node.port, [f"{TREE}/down/#", "edge/v1/host/thandi/state"], login=("kiosk", PASSWORD)) as kiosk,
        Subscriber(
            node.web_port, filters, web=True, login=LOGIN, client_id=PAGE, will=("edge/v1/host/thandi/state", b"gone")
        ) as page,
    ):
        kiosk.publish(f"{TREE}/up/alarm/police", b"help")
        assert page.wait_for().payload == b"help"
        assert not page.publish(f"{TREE}/down/ack/1", b"we come").is_failure
        assert not page.publish("edge/v1/host/thandi/state", b"{}", retain=True).is_failure
        assert not page.publish("edge/v1/host/thandi/echo", b"1").is_failure
        page.wait_for(lambda message: message.payload == b"1")
        kiosk.wait_for_count(2)


@pytest.mark.parametrize(
    "topic",
    [f"{TREE}/up/state", f"{TREE}/down/config", "edge/v1/host/sipho/state", "edge/v1/host/thandi-4/state"],
)
def test_a_page_that_speaks_for_a_device_or_for_another_person_is_thrown_out(node: Node, topic: str) -> None:
    with (
        Subscriber(node.port, ["edge/v1/#"], login=("other", PASSWORD)) as other,
        Subscriber(node.web_port, web=True, login=LOGIN, client_id=PAGE) as page,
    ):
        page.publish(topic, b"forged", qos=0)
        assert page.wait_for_disconnect().is_failure
        other.sync()
        assert other.heard == []


def test_only_a_page_with_the_right_password_gets_in(node: Node) -> None:
    assert_refused(node.web_port, web=True, client_id=PAGE)
    assert_refused(node.web_port, web=True, client_id=PAGE, login=("thandi", "wrong"))
