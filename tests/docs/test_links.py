import re
import shlex
import subprocess
from pathlib import Path

import pytest

from agent.__main__ import COMMANDS, whole_parser
from agent.sim.camera_faults import CameraFault

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)


def pages() -> list[Path]:
    """Every Markdown file that is, or may become, part of the repository."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # an archive without .git
        return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.md"))]
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).exists()]


def anchor(heading: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.strip().lower()).replace(" ", "-")


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, fragment = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    if not target.exists():
        return False
    return not fragment or fragment in map(anchor, _HEADING.findall(target.read_text(encoding="utf-8")))


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    links = [link for link in _LINK.findall(page.read_text(encoding="utf-8")) if "://" not in link]
    assert [link for link in links if not leads_somewhere(page, link)] == []


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_make_target_and_command_that_a_page_names_exists(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
    assert sorted(named - targets) == []
    commands = set(re.findall(r"(?:`|^|bin/)edge-agent ([a-z][a-z-]*)", text, re.MULTILINE))
    assert sorted(commands - set(COMMANDS)) == []


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in COMMANDS if f"`edge-agent {name}`" not in text] == []


def test_the_page_on_debugging_names_every_fault_and_no_other() -> None:
    text = (ROOT / "docs" / "how-to" / "debug-a-kiosk.md").read_text(encoding="utf-8")
    faults = {f"camera-{fault.value}" for fault in CameraFault} | {"vision-crash"}
    assert set(re.findall(r"`fault ([a-z-]+)`", text)) == faults


def test_an_office_that_a_technician_telephones_finds_the_order_for_the_service_page_in_the_guide() -> None:
    page = (ROOT / "docs" / "how-to" / "commission-a-device.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    orders = [shlex.split(each.replace("\\\n", " "))[1:] for each in blocks if " service-page " in each]
    typed = [whole_parser().parse_args(words) for words in orders]
    assert [(args.name, args.key.name.partition("-")[0]) for args in typed] == [("service-page", "admin")]
