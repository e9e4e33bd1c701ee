import re
import shlex
import subprocess
from functools import cache
from pathlib import Path

from agent.__main__ import _LAB, _MOVED, COMMANDS
from agent.sim.camera_faults import CameraFault
from edge_centre.__main__ import PROGRAM as OFFICE

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
PROGRAMS = {"edge-agent": COMMANDS, "edge-centre": {**OFFICE.commands, **OFFICE.others}}


@cache
def pages() -> dict[Path, str]:
    """The text of every Markdown file that is, or may become, part of the repository."""
    return {path: path.read_text(encoding="utf-8") for path in _listed()}


def _listed() -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # an archive without .git
        return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "deploy").rglob("*.md"))]
    return [path for name in listed.decode().split("\0") if name and (path := ROOT / name).exists()]


def anchor(heading: str) -> str:
    """The name that GitHub gives a heading."""
    return re.sub(r"[^a-z0-9 _-]", "", heading.strip().lower()).replace(" ", "-")


@cache
def anchors(page: Path) -> set[str]:
    return {anchor(heading) for heading in _HEADING.findall(page.read_text(encoding="utf-8"))}


def leads_somewhere(page: Path, link: str) -> bool:
    name, _, fragment = link.partition("#")
    target = (page.parent / name).resolve() if name else page
    return target.exists() and (not fragment or fragment in anchors(target))


def test_every_relative_link_leads_somewhere() -> None:
    links = [(page, link) for page, text in pages().items() for link in _LINK.findall(text) if "://" not in link]
    assert len(links) > 500, "the search finds links no more"
    assert [(str(page), link) for page, link in links if not leads_somewhere(page, link)] == []


def is_history(page: Path) -> bool:
    """Whether it may speak of commands by the program that had them then."""
    return page.name == "CHANGELOG.md" or page.parent.name == "decisions"


def test_every_make_target_and_command_that_a_page_names_exists() -> None:
    heads = re.findall(r"^([a-z -]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    targets = set(" ".join(heads).split())
    unknown = []
    for page, text in pages().items():
        named = set(re.findall(r"(?:`|^)make ([a-z-]+)", text, re.MULTILINE))
        unknown += [(str(page), "make", name) for name in named - targets]
        for program, commands in PROGRAMS.items():
            called = set(re.findall(rf"(?:`|^|bin/){program} ([a-z][a-z-]*)", text, re.MULTILINE))
            before = {*_MOVED, *_LAB} if program == "edge-agent" and is_history(page) else set()
            unknown += [(str(page), program, name) for name in called - set(commands) - before]
    assert unknown == []


def test_the_readme_shows_every_command() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    named = [f"`{program} {name}`" for program, commands in PROGRAMS.items() for name in commands]
    assert [each for each in named if each not in text] == []


def test_the_page_on_debugging_names_every_fault_and_no_other() -> None:
    text = (ROOT / "docs" / "how-to" / "debug-a-kiosk.md").read_text(encoding="utf-8")
    faults = {f"camera-{fault.value}" for fault in CameraFault} | {"vision-crash"}
    assert set(re.findall(r"`fault ([a-z-]+)`", text)) == faults


def test_an_office_that_a_technician_telephones_finds_the_order_for_the_service_page_in_the_guide() -> None:
    page = (ROOT / "docs" / "how-to" / "commission-a-device.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```sh\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    orders = [shlex.split(each.replace("\\\n", " "))[1:] for each in blocks if " service-page " in each]
    typed = [OFFICE.whole_parser().parse_args(words) for words in orders]
    assert [(args.name, args.key.name.partition("-")[0]) for args in typed] == [("service-page", "admin")]
