"""What is drawn on a phone reports what the same figures in a file report."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser, expect

from agent.adapters.system_clock import SystemClock
from agent.bootstrap.vision_specs import vision_spec
from agent.core import service_code
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee
from agent.core.camera.vision_spec import VisionSpec
from agent.settings import load
from agent.settings.kept import look
from agent.vision.reports import Reports
from agent.vision.rule_factory import rules_of
from deploy.lab.replay import Film, FrameResult, Replay
from edge_centre.key_files import make_key, private_path
from tests.control_room.service_page.conftest import PHONE, Phone
from tests.control_room.service_page.test_drawing import Finger, near
from tests.support.agent_process import AgentProcess
from tests.support.mosquitto import Mosquitto
from tests.support.service_page import CODE, KEPT, Page
from tests.support.vision_media import demo_video
from tests.support.wait import wait_for

FRAMES = 200
CAMERA = {"name": "front", "source": f"file:{demo_video()}?loop=1"}
SERVICE = {"name": "key", "kind": "service", "pin": 16, "active_when": "closed", "delay_s": 0, "restore_s": 0}
ZONE_1 = [(0.012, 0.4), (0.5, 0.4), (0.5, 0.985), (0.012, 0.985)]
"""Three of its corners are near an edge of the picture."""
ZONE_2 = [(0.507, 0.405), (0.9, 0.25), (0.985, 0.7), (0.493, 0.98)]
"""Two of its corners are near two of the other's, and one is near an edge."""
LINE = [(0.47, 0.9), (0.47, 0.2)]
FILE = """
[[cameras.zones]]
name = "zone-1"
polygon = {zone_1}
loitering_after_s = 1.5

[[cameras.zones]]
name = "zone-2"
polygon = {zone_2}

[[cameras.lines]]
name = "line-1"
from = {start}
to = {end}
"""


class Event(NamedTuple):
    """All that an event says, but for the names that are new at each start."""

    frame: int
    name: str
    says: dict[str, Any]


def test_what_is_drawn_on_a_phone_gives_the_same_events_on_the_test_video_as_the_same_figures_in_a_file(
    broker: Mosquitto, chromium: Browser, built_service_page: Path, tmp_path: Path
) -> None:
    agent = AgentProcess(tmp_path / "kiosk", broker.url, inputs=[SERVICE], cameras=[CAMERA])
    agent.storage.mkdir()
    (agent.storage / service_code.FILE).write_bytes(service_code.written(KEPT))
    files = agent.config.read_text()
    with agent:
        draw_and_save(agent, chromium, tmp_path)
    in_force = look(agent.config).settings
    drawn = in_force.cameras[0]
    corners = [[list(point) for point in zone.polygon] for zone in drawn.zones]
    (start, end) = (list(drawn.lines[0].start), list(drawn.lines[0].end))
    assert near(corners[0], [[0, 0.4], [0.5, 0.4], [0.5, 1], [0, 1]])
    assert near(corners[1], [[0.5, 0.4], [0.9, 0.25], [1, 0.7], [0.5, 1]])
    assert (corners[1][0], corners[1][3]) == (corners[0][1], corners[0][2]), "they share a side"
    assert near([start, end], [[0.47, 0.9], [0.47, 0.2]])

    def of_file(name: str, zone_1: list[list[float]]) -> VisionSpec:
        (tmp_path / name).write_text(files + FILE.format(zone_1=zone_1, zone_2=corners[1], start=start, end=end))
        settings = load(tmp_path / name)
        return vision_spec(settings, settings.cameras[0], simulate=False)

    by_page, _ = watched(vision_spec(in_force, drawn, simulate=False))
    by_file, seen = watched(of_file("by-hand.toml", corners[0]))
    assert by_page == by_file
    kinds = Counter(event.name for event in by_page)
    assert min(kinds[name] for name in ("person-entered", "person-left", "loitering", "line-crossed")) >= 3, kinds
    assert {event.says.get("zone") for event in by_page} == {None, "zone-1", "zone-2"}

    # A corner that is elsewhere by a fiftieth of the picture is another zone, and other events.
    moved = [corners[0][0], [corners[0][1][0] + 0.02, corners[0][1][1]], *corners[0][2:]]
    assert of_rules(of_file("same.toml", corners[0]), seen) == by_file
    assert of_rules(of_file("moved.toml", moved), seen) != by_file


def draw_and_save(agent: AgentProcess, chromium: Browser, directory: Path) -> None:
    """Draw the two zones and the line, with a time for who stays in the first, and save them."""
    key = make_key("technician", agent.directory / "keys")
    context = chromium.new_context(**PHONE)
    page_of = Page(directory, agent=agent.directory / "run", walk=agent.storage / "commissioning")
    agent.sim("hold", name="key")
    wait_for(page_of.paths.file.exists, what="what asks for the page")
    with page_of:
        phone = Phone(context.new_page(), page_of.told[-1], private_path(agent.directory / "keys", key))
        page = phone.page
        phone.enter(CODE, f"Key of {key.issuer}, technician")
        finger = Finger(phone, aspect=768 / 576)
        for kind, points in (("Zone", ZONE_1), ("Zone", ZONE_2), ("Line", LINE)):
            finger.add(kind)
            for point in points:
                finger.tap(*point)
            if kind == "Zone":
                phone.tap("Done")
            phone.tap("Done")
        page.get_by_role("button", name="zone-1").tap()
        phone.tap("Details…")
        page.get_by_label("Report who stays longer than (seconds)").fill("1.5")
        phone.tap("Close")
        phone.tap("Done")
        phone.tap("Save…")
        phone.tap("Sign and save")
        expect(page.locator(".said")).to_contain_text("Saved", timeout=120_000)
        assert phone.complaints == []
    context.close()


def watched(spec: VisionSpec) -> tuple[list[Event], list[FrameResult]]:
    """What the camera process's own analysis reports of the test video, none of whose frames it leaves out."""
    film = Film(demo_video())
    replay = Replay(spec, film.frames_per_second)
    seen = [replay.process(pixels) for pixels in islice(film, FRAMES)]
    return told((each.frame.number, event) for each in seen for event in each.events), seen


def of_rules(spec: VisionSpec, seen: Sequence[FrameResult]) -> list[Event]:
    """What the zones and lines of this spec report of the people who were seen before."""
    rules, clock = rules_of(spec), SystemClock()
    reports = Reports(clock, spec.name)
    found: list[tuple[int, Happened]] = []
    for each in seen:
        height, width = each.frame.pixels.shape[:2]
        events = rules.update(each.frame.boottime_ns, clock.wall(), each.seen.people, width / height)
        found.extend((each.frame.number, reports.make(event, lambda _: False)) for event in events)
    return told(found)


def told(found: Iterable[tuple[int, Happened | CameraTamper | HardlyAbleToSee]]) -> list[Event]:
    """Return events with their names for people and events replaced by numbers."""
    ids: dict[str, int] = {}
    events = []
    for frame, event in found:
        assert isinstance(event, Happened), event
        says = event.data.model_dump(exclude_none=True)
        says["event_id"] = ids.setdefault(says["event_id"], len(ids))
        if "track" in says:
            says["track"] = int(says["track"].rpartition("-")[2])
        events.append(Event(frame, event.t, says))
    return events
