"""Writes the pictures, tables, boot configuration and bills of all profiles, and tells of conflicts."""

import sys

from agent.settings import load
from deploy.wiring.conflicts import conflicts
from deploy.wiring.header import board_of
from deploy.wiring.pages import GUIDE, ROOT, TITLES, guide, pages


def main() -> int:
    """Write what has changed. Returns 1 when two things want one pin."""
    found = []
    command_line = (ROOT / "card" / "cmdline.txt").read_text(encoding="utf-8")
    for profile in TITLES:
        written = pages(profile)
        for name, text in written.items():
            file = ROOT / profile / name
            if not file.exists() or file.read_text(encoding="utf-8") != text:
                file.write_text(text, encoding="utf-8")
                sys.stdout.write(f"wrote {profile}/{name}\n")
        settings = load(ROOT / profile / "edge-agent.toml", environ={})
        problems = conflicts(settings, written["config.txt"], command_line, board_of(profile))
        found += [f"{profile}: {problem}" for problem in problems]
    if GUIDE.read_text(encoding="utf-8") != (text := guide()):
        GUIDE.write_text(text, encoding="utf-8")
        sys.stdout.write(f"wrote the wires into {GUIDE.name} of deploy\n")
    sys.stderr.writelines(f"{line}\n" for line in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
