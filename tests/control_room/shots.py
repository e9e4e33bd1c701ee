"""`python -m tests.control_room.shots`: the pictures of the page in docs/, and more of them in build/control-room/.

What a camera sees in them is drawn; nobody was ever there."""

import io
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect

from tests.control_room.day import a_day
from tests.control_room.fleet import Fleet
from tests.control_room.hands import begin, go
from tests.control_room.person import VIEWS
from tests.control_room.rig import Browser, Rig, key_fragment
from tests.support.certificates import BrokerAuthorities

ROOT = Path(__file__).parents[2]
_PAGE = ROOT / "deploy" / "control-room" / "dist"
_MORE = ROOT / "build" / "control-room"
MOST_BYTES = 150_000


def main() -> int:
    """Take them."""
    _MORE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="control-room-") as directory, ExitStack() as stack:
        authorities = BrokerAuthorities.create(Path(directory) / "authorities")
        outlines = ["outlines/gauteng.json"]
        rig = stack.enter_context(Rig(Path(directory) / "rig", authorities, _PAGE, outlines=outlines))
        browser = stack.enter_context(Browser(Path(directory) / "home", authorities.server.ca))
        fleet = stack.enter_context(Fleet(rig, 0))
        page = browser.open(rig.url + key_fragment(rig.key), color_scheme="light", reduced_motion="reduce")
        page.set_viewport_size({"width": 1440, "height": 900})
        begin(page)
        first = a_day(fleet)[0]
        show_first(page, first)
        docs = ROOT / "docs"
        take(page, docs / "control-room-light.png")
        page.emulate_media(color_scheme="dark")
        take(page, docs / "control-room-dark.png")
        for view in VIEWS:
            go(page, view)
            take(page, _MORE / f"dark-{view}.png")
        page.emulate_media(color_scheme="light")
        show_first(page, first)
        take(page, _MORE / "greyscale.png", mode="L")
        page.emulate_media(forced_colors="active")
        take(page, _MORE / "forced-colours.png")
        page.emulate_media(forced_colors="none")
        page.set_viewport_size({"width": 390, "height": 844})
        take(page, _MORE / "phone-alarm.png")
        for view in VIEWS:
            go(page, view)
            take(page, _MORE / f"phone-{view}.png")
    return 0


def show_first(page: Page, alarm_id: str) -> None:
    """Open the alarm that has a picture."""
    go(page, "alarms")
    page.locator(f'.alarm-row[data-id="{alarm_id}"]').click()
    page.mouse.move(1, 1)
    expect(page.locator("img.picture")).to_be_visible()
    page.wait_for_function("document.querySelector('img.picture').naturalWidth > 0")


def take(page: Page, path: Path, mode: str = "P") -> None:
    """Save what is on the screen, in 256 colours or greys."""
    image = Image.open(io.BytesIO(page.screenshot(animations="disabled"))).convert("RGB")
    image = image.quantize(256) if mode == "P" else image.convert(mode)
    image.save(path, optimize=True)
    assert path.stat().st_size <= MOST_BYTES, f"{path} has {path.stat().st_size} bytes"
    print(path.relative_to(ROOT), path.stat().st_size)


if __name__ == "__main__":
    sys.exit(main())
