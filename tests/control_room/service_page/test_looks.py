"""Every view of the service page, for whoever stands in the sun, can't see well, or uses no finger."""

import gzip
from pathlib import Path
from typing import Literal

import pytest

from tests.control_room.scripted import ROOM
from tests.control_room.service_page.conftest import PAGE_SOURCE, ScriptedPhone
from tests.control_room.service_page.views import VIEWS

LARGEST_KB = 120
AXE = ROOM / "node_modules" / "axe-core" / "axe.min.js"
# With a contrast of 7 to 1 (4.5 to 1 where letters are large), which a phone in the sun needs.
RUN = """async isWhole => {
  const rules = { "color-contrast-enhanced": { enabled: true }, "target-size": { enabled: true } };
  const colours = { runOnly: ["color-contrast", "color-contrast-enhanced"] };
  const { violations } = await axe.run(document, isWhole ? { rules } : colours);
  return violations.map(each => [each.id, each.nodes.map(node => node.target)]);
}"""
SMALL = """() => [...document.querySelectorAll("button, input, textarea, summary, .file")]
  .map(each => [each.outerHTML.slice(0, 120), each.closest("label") ?? each])
  .filter(([, each]) => each.getBoundingClientRect().height < 44 || each.getBoundingClientRect().width < 44)
  .map(([html]) => html)"""
CUT_OFF = """() => [...document.querySelectorAll("#app *:not(.visually-hidden, .chips *, .stage *, .file input)")]
  .filter(each => each.getBoundingClientRect().right > innerWidth + 1).map(each => each.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize("half", [0, 1])
def test_no_view_has_a_barrier_or_a_small_target_or_is_too_wide(
    phone: ScriptedPhone, half: int, request: pytest.FixtureRequest
) -> None:
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for number, (name, show) in enumerate(VIEWS.items()):
        if number % 2 != half:
            continue
        phone.device.restart()
        phone.page.goto("about:blank")
        show(phone)
        phone.page.evaluate(AXE.read_text())
        for scheme in schemes:
            phone.page.emulate_media(color_scheme=scheme)
            assert phone.page.evaluate(RUN, scheme == "light") == [], f"{name}, {scheme}"
        assert phone.page.evaluate(SMALL) == [], name
        assert phone.page.evaluate(CUT_OFF) == [], name
        assert phone.page.evaluate("document.documentElement.scrollWidth") <= 390, name
        assert phone.page.evaluate("document.documentElement.scrollHeight") <= 844, name


def test_all_that_the_page_loads_is_small_and_of_its_own(built_service_page: Path) -> None:
    files = [path for path in built_service_page.iterdir() if path.suffix not in {".txt", ".json"}]  # of the office
    assert {path.name for path in files} == {"index.html", "page.js", "page.css", "icon.svg"}
    assert sum(len(gzip.compress(path.read_bytes(), 9)) for path in files) <= LARGEST_KB * 1000
    assert "crypto.subtle" not in (PAGE_SOURCE / "key.ts").read_text().split("import", 1)[1]
