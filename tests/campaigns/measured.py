"""What campaigns leave behind: their figures in a file, and a table in docs/measured.md, between two comments."""

import json
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "measured.md"


def put(name: str, table: str, page: Path = PAGE) -> None:
    """Replace what is between the comments called `name`. Raises LookupError when they are not there."""
    begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
    before, begins, rest = page.read_text(encoding="utf-8").partition(begin)
    _, ends, after = rest.partition(end)
    if not begins or not ends:
        raise LookupError(f"{page} has no place for the table: put {begin} and {end} into it")
    page.write_text(f"{before}{begin}\n\n{table}\n{end}{after}", encoding="utf-8")


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Everything in numbers, for `--json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


def cell(text: str) -> str:
    """Text that keeps to its cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def machine_line(machine: dict[str, Any], *, seconds: float | None = None) -> str:
    """The line below a table: the machine that it is of, and how long it took."""
    took = "" if seconds is None else f"{seconds:.0f} s on "
    return f"({took}{machine['processor']}, {machine['cores']} cores.)\n"
