"""An operator looks through the camera of a kiosk that calls: a real page, broker, kiosk and camera."""

from pathlib import Path

from tests.control_room.person import Person
from tests.control_room.rig import OPERATOR, Browser, Rig
from tests.support.agent_process import CAMERA, IN_EARNEST
from tests.support.certificates import BrokerAuthorities
from tests.support.looking import Looking
from tests.support.wait import wait_for


def test_an_operator_says_why_sees_what_is_now_and_the_look_ends_with_the_page(
    tmp_path: Path, authorities: BrokerAuthorities, built_page: Path, browser: Browser
) -> None:
    cameras = [CAMERA]
    with (
        Rig(tmp_path / "rig", authorities, built_page, program=IN_EARNEST, kiosk={"cameras": cameras}) as rig,
        rig.other_centre() as centre,
    ):
        looking = Looking(centre, rig.key)
        looking.wait_for_camera(rig.agent)
        thandi = Person(browser, rig.url, OPERATOR, rig.key)
        thandi.begin()
        rig.agent.press()
        wait_for(lambda: thandi.rows, what="the alarm on the page")
        thandi.press("Alt+1")
        page = thandi.page
        page.get_by_role("button", name="Look now").click()
        assert looking.told("live-started") == [], "nobody looks who has not said why"
        page.get_by_label("Why? It stands in the kiosk's record").fill("is the person safe?")
        page.get_by_role("button", name="Look", exact=True).click()
        thandi.await_true("document.querySelector('.look img.picture')?.naturalWidth > 0", "a live picture")
        first = thandi.read("document.querySelector('.look img.picture').src")
        thandi.await_true(f"document.querySelector('.look img.picture').src !== {first!r}", "a newer one")
        thandi.await_text(".look", "Nobody else looks")
        [began] = looking.told("live-started")
        said = {name: began[name] for name in ("issuer", "by", "reason", "camera")}
        assert said == {"issuer": OPERATOR, "by": "Thandi", "reason": "is the person safe?", "camera": "front"}

        looking.look(camera="front", by="Sipho", lease_s=60)
        thandi.await_text(".look", "Also looking: Sipho")
        thandi.show("events")
        assert looking.wait_for_end(began["live"]).data["detail"]["why"] == "asked"
        page.close()
