"""Somebody looks through a kiosk's camera: real processes, a real broker, pictures of a street."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from agent.core.camera.masks import LEVEL
from agent.trust.jose_keys import PrivateKey, sign
from edge_centre.key_files import make_key
from tests.campaigns.looks.day import Day
from tests.support.agent_process import AgentProcess
from tests.support.centre import Centre
from tests.support.looking import CAMERAS, Looking
from tests.support.mosquitto import Mosquitto
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

pytestmark = pytest.mark.recording

LEFT_HALF = [[0, 0], [0.5, 0], [0.5, 1], [0, 1]]


def site(opened: ExitStack, directory: Path, broker: Mosquitto, **sections: Any) -> tuple[AgentProcess, Looking]:
    centre = opened.enter_context(Centre(broker.port))
    agent = opened.enter_context(AgentProcess(directory / "kiosk", broker.url, **{"cameras": CAMERAS, **sections}))
    return agent, Looking(centre, agent.key)


def test_an_operator_sees_masked_pictures_beside_a_press_and_two_know_of_each_other(
    opened: ExitStack, tmp_path: Path, broker: Mosquitto
) -> None:
    camera = {"name": "front", "source": f"file:{demo_video()}?loop=1", "masks": [LEFT_HALF]}
    agent, thandi = site(opened, tmp_path, broker, cameras=[camera], live={"beacon": True})
    boss = Looking(thandi.centre, make_key("supervisor", agent.directory / "keys"))
    thandi.wait_for_camera(agent)

    first = thandi.look(fps=5, lease_s=120, by="Thandi")
    pixels = cv2.imdecode(np.frombuffer(thandi.wait_for_picture().payload, np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    width = pixels.shape[1]
    assert width <= 640
    left, right = pixels[:, : width // 2 - 16], pixels[:, width // 2 + 16 :]
    assert np.abs(left.astype(int) - LEVEL).max() < 8, "what a mask covers nobody sees"
    assert right.std() > 10
    agent.wait_for_outputs(beacon="slow-pulse")

    agent.press()
    sent = thandi.centre.wait_for_alarm("updated", stage="sent")
    agent.wait_for_outputs(beacon="flash")
    thandi.wait_for_picture(sent.arrived_ns)
    assert thandi.told("live-stopped") == [], "an alarm ends no look: that is when people look"

    second = boss.ask("live-start", camera="front")["output"]
    assert [each.get("by") for each in second["looks"]] == ["Thandi", None]
    for _ in range(2):  # the first may have been on its way already
        thandi.wait_for_picture(thandi.pictures()[-1].arrived_ns)
    assert thandi.ask("live-stop", live=second["live"])["code"] == "not-yours"
    assert boss.ask("live-stop", live=first)["code"] == "ok"
    assert thandi.wait_for_end(first).data["detail"]["ended_by"] == boss.key.issuer
    assert boss.ask("live-stop", live=second["live"])["output"]["pictures"] > 0
    assert [path for path in agent.directory.rglob("*.jpg") if path.name.startswith("live-")] == []


def test_a_camera_that_is_off_by_its_mask_shows_nothing(opened: ExitStack, tmp_path: Path, broker: Mosquitto) -> None:
    agent, operator = site(opened, tmp_path, broker, cameras=[{**CAMERAS[0], "mask_file": str(tmp_path / "none.json")}])
    operator.centre.wait_for("event/part-degraded", lambda m: m.data["part"] == "camera-front", timeout_s=30)
    assert operator.ask("live-start")["code"] == "no-picture"
    assert operator.ask("live-start", camera="cellar")["code"] == "no-camera"
    operator.ask("ping")
    assert (operator.pictures(), operator.told("live-started")) == ([], [])
    assert agent.pid


def test_a_forged_or_replayed_order_shows_nothing(opened: ExitStack, tmp_path: Path, broker: Mosquitto) -> None:
    agent, operator = site(opened, tmp_path, broker)
    operator.wait_for_camera(agent)
    claims, stranger = operator.claims("live-start", lease_s=300), PrivateKey.generate("operator")
    technician = make_key("technician", agent.directory / "keys")
    bent = sign(claims, operator.key)
    forged = [
        sign(claims, stranger),
        bent[:-4] + (b"AAAA" if bent[-4:] != b"AAAA" else b"BBBB"),
        sign({**claims, "aud": claims["aud"] + "1"}, operator.key),
        sign({**claims, "iss": technician.issuer}, technician),
        sign({**claims, "boot_nonce": "of-another-start"}, operator.key),
        sign({**claims, "exp": claims["iat"] + 4000}, operator.key),
    ]
    for token in forged:
        operator.centre.send("command/live-start", token)
    wait_for(lambda: refusals(operator) == len(forged), what="a refusal of each")

    order = sign(operator.claims("live-start", lease_s=300), operator.key)
    operator.centre.send("command/live-start", order)
    began = operator.centre.wait_for("security/live-started").data["detail"]
    operator.wait_for_picture()
    assert operator.ask("live-stop", live=began["live"])["code"] == "ok"
    for restart in (False, True):
        if restart:
            agent.kill()
            agent.start()
            operator.wait_for_camera(agent)
        operator.centre.subscriber.sync()
        before = len(operator.pictures())
        operator.centre.send("command/live-start", order)
        operator.ask("ping")
        assert len(operator.told("live-started")) == 1
        assert len(operator.pictures()) == before
    assert refusals(operator) > len(forged) or operator.centre.messages("security/command-repeated")


def refusals(operator: Looking) -> int:
    return len(operator.centre.messages("security/command-rejected"))


def test_a_short_day_of_looking_over_kills_is_in_the_record(tmp_path: Path) -> None:
    """`make looks` has a long one."""
    figures = Day(tmp_path, seed=7).play(looks=5, kills=2)
    assert figures.missing == []
    assert figures.looks == 3
    assert figures.pictures > 0
