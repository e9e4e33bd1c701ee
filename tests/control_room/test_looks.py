"""The page on the real thing, for whoever can't see, can't tell colours apart, has no mouse, or has only a phone."""

from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Page, expect

from tests.control_room.day import a_day
from tests.control_room.fleet import Fleet
from tests.control_room.hands import begin, go
from tests.control_room.person import VIEWS
from tests.control_room.rig import NAMES, OPERATOR, PASSWORD, Browser, Rig, key_fragment

AXE = Path(__file__).parents[2] / "deploy" / "control-room" / "node_modules" / "axe-core" / "axe.min.js"
NO_MOUSE = "for (const name of ['pointerdown', 'mousemove']) addEventListener(name, () => (window.mouse = true), true);"
_FOCUSED = """
() => {
  const at = document.activeElement;
  const names = [at?.getAttribute("aria-label"), at?.closest("label")?.innerText, at?.innerText];
  return at === document.body ? "" : names.find(each => each) ?? "";
}
"""
ONE_LINE_PX = 60
CUT_OFF = """
[...document.querySelectorAll("main *:not(.visually-hidden)")]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 200))
"""


def violations(page: Page) -> list[str]:
    page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{each['id']}: {[node['target'] for node in each['nodes']]}" for each in found]


def wrapped(page: Page) -> list[int]:
    """At which widths of a desk's screen the header takes a second line. Leaves the page 1280 pixels wide."""
    found = []
    for width in (1024, 1366, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        if page.evaluate("document.querySelector('.top').clientHeight") > ONE_LINE_PX:
            found.append(width)
    return found


def tab_to(page: Page, words: str) -> None:
    """Press Tab until what has the focus is called so."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if words in page.evaluate(_FOCUSED):
            return
    raise AssertionError(f"the Tab key does not lead to {words!r}")


def end(page: Page) -> None:
    """End the shift by the keyboard."""
    tab_to(page, "End the shift")
    page.keyboard.press("Enter")
    expect(page.locator(".ending")).to_be_focused()
    tab_to(page, "Yes, end it")
    page.keyboard.press("Enter")
    expect(page.locator(".ended")).to_be_focused()
    expect(page.locator(".watch")).to_contain_text("Looking on only, no sound")


def test_with_real_alarms_no_view_has_a_barrier_in_either_theme_nor_is_too_wide_for_a_phone(
    rig: Rig, browser: Browser
) -> None:
    with Fleet(rig, 0) as fleet:
        page = browser.open(rig.url + key_fragment(rig.key), viewport={"width": 1280, "height": 800})
        expect(page.get_by_text("Looking on only")).to_be_visible()
        assert wrapped(page) == []
        begin(page)
        alarms = a_day(fleet)
        go(page, "alarms")
        expect(page.locator(".alarm-row")).to_have_count(len(alarms))
        assert wrapped(page) == []
        schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
        for number, view in enumerate(VIEWS):
            go(page, view)
            if page.locator(".row").count():
                page.locator(".row").first.click()
            for scheme in schemes if view == "alarms" else schemes[number % 2 :][:1]:
                page.emulate_media(color_scheme=scheme)
                assert violations(page) == [], f"{view}, {scheme}"
        page.set_viewport_size({"width": 390, "height": 844})
        for view in VIEWS:
            go(page, view)
            assert page.evaluate("document.documentElement.scrollWidth") <= 390, view
            assert view == "map" or page.evaluate(CUT_OFF) == [], view
        go(page, "alarms")
        page.emulate_media(forced_colors="active")
        assert violations(page) == []
        # What is told by colours is told by words and shapes too.
        rows = [row.inner_text() for row in page.locator(".row-standing").all()]
        assert rows == [
            "Nobody has it",
            "Nobody has it",
            "Sipho has it",
            "car 7 sent · Naledi has it",
            "Exercise: send nobody",
        ]
        shapes = page.locator(".alarm-row .shape polygon").evaluate_all(
            "all => all.map(each => each.getAttribute('points'))"
        )
        assert len(set(shapes)) == 4


def test_the_keyboard_alone_plays_the_whole_story(earnest: Rig, browser: Browser, tmp_path: Path) -> None:
    page = browser.open(earnest.url + key_fragment(earnest.key), script=NO_MOUSE)
    # From the first listener on the browser hands files to the test; one that comes with the key may be too late.
    page.on("filechooser", lambda _: None)
    keyboard = page.keyboard
    expect(page.get_by_label("Operator's login")).to_be_visible()
    tab_to(page, "Operator's login")
    keyboard.type(OPERATOR)
    tab_to(page, "Password")
    keyboard.type(PASSWORD)
    tab_to(page, "Your name")
    keyboard.type("Thandi")
    keyboard.press("Enter")
    expect(page.get_by_text("Thandi watches")).to_be_visible()

    earnest.agent.press(NAMES[0])
    expect(page.get_by_text("1 alarm that nobody has", exact=True)).to_be_visible()
    keyboard.press("1")
    expect(page.locator(".alarm-row")).to_be_visible()
    keyboard.press("j")
    keyboard.press("Enter")
    keyboard.press("r")
    expect(page.get_by_text("You have it: the kiosk says so.")).to_be_visible()
    earnest.agent.wait_for_outputs(green="on")
    keyboard.press("d")
    keyboard.press("Space")
    keyboard.press("Enter")
    expect(page.locator(".standing")).to_have_text("car 7 sent · Thandi has it")

    keyboard.press("5")
    tab_to(page, "Note for the next shift")
    keyboard.type("Car 7 is there in ten minutes")
    tab_to(page, "Sign and save")
    with page.expect_download() as saved:
        keyboard.press("Enter")
    file = tmp_path / "hand-over.json"
    saved.value.save_as(file)
    end(page)
    tab_to(page, "Operator's login")
    keyboard.type(OPERATOR)
    tab_to(page, "Password")
    keyboard.type(PASSWORD)
    tab_to(page, "Your name")
    keyboard.type("Thandi")
    keyboard.press("Enter")
    expect(page.get_by_role("button", name="I have heard them")).to_be_focused()
    tab_to(page, "Load a hand-over file")
    with page.expect_file_chooser() as chooser:
        keyboard.press("Space")
    chooser.value.set_files(file)
    expect(page.get_by_text("The signature is right")).to_be_visible()
    tab_to(page, "Take it over and sign")
    with page.expect_download():
        keyboard.press("Enter")
    expect(page.get_by_text("Taken over by Thandi")).to_be_visible()

    keyboard.press("1")
    expect(page.locator(".alarm-row")).to_be_visible()
    keyboard.press("j")
    keyboard.press("Enter")
    expect(page.locator(".detail h2")).to_be_focused()
    keyboard.press("c")
    keyboard.press("Space")
    tab_to(page, "Note")
    keyboard.type("She is with her family")
    keyboard.press("Enter")
    expect(page.get_by_text("The kiosk has closed it.")).to_be_visible()
    earnest.agent.wait_for_outputs(yellow="off", green="off")
    keyboard.press("5")
    end(page)
    assert page.evaluate("window.mouse") is None
