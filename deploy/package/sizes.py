"""How large the packages are; `python -m deploy.package.sizes` writes it into the guide, from what lies in dist/."""

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

from agent import __version__
from deploy.package.target import DIRECTORY, TARGETS

GUIDE = DIRECTORY.parent / "README.md"
_BEGIN, _END = "<!-- package sizes -->", "<!-- /package sizes -->"
_HEAD = """\
| Debian | architecture | package, MiB | installed, MiB |
| --- | --- | --- | --- |
"""


def table(debs: Iterable[Path]) -> str:
    """In Markdown, a row for each package."""
    return _HEAD + "".join(_row(deb) for deb in debs)


def _row(deb: Path) -> str:
    debian = _field(deb, "Version").rpartition("+deb")[2]
    return (
        f"| {debian} | {_field(deb, 'Architecture')} | {deb.stat().st_size / 2**20:.0f} | {installed_mib(deb):.0f} |\n"
    )


def installed_mib(deb: Path) -> float:
    """By the control file."""
    return int(_field(deb, "Installed-Size")) / 2**10


def _field(deb: Path, name: str) -> str:
    return subprocess.run(["dpkg-deb", "-f", deb, name], check=True, capture_output=True, text=True).stdout.strip()


def in_guide(text: str) -> str:
    """The table that stands in `text`. Raises LookupError where none does."""
    found = re.search(f"{_BEGIN}\n\n(.*?)\n{_END}", text, re.DOTALL)
    if found is None:
        raise LookupError(f"{_BEGIN} and {_END} are not in it")
    return found[1]


def main() -> None:
    """Replace the table of the guide."""
    debs = [DIRECTORY.parents[1] / "dist" / each.file_name(__version__) for each in TARGETS.values()]
    if lacking := [deb.name for deb in debs if not deb.exists()]:
        raise SystemExit(f"edge-agent: dist/ has no {', '.join(lacking)}: run `make dist` first")
    text = GUIDE.read_text(encoding="utf-8")
    GUIDE.write_text(text.replace(in_guide(text), table(debs)), encoding="utf-8")


if __name__ == "__main__":
    main()
