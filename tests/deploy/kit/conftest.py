"""Provinces as the kit makes them."""

from pathlib import Path

import pytest

from edge_centre.kit.__main__ import main
from edge_centre.kit.workshop import filled


class Office:
    """A folder in which provinces are made."""

    def __init__(self, out: Path) -> None:
        self.out = out

    def new(self, code: str = "kzn") -> int:
        """Run `deploy/province new`."""
        return main(["new", code, "--out", str(self.out)])

    def write(self, text: str, code: str = "kzn") -> Path:
        """Fill in the province's file."""
        path = self.out / f"{code}.toml"
        path.write_text(text, encoding="utf-8")
        return path

    def toml(self, code: str = "kzn") -> str:
        """What the province's file says."""
        return (self.out / f"{code}.toml").read_text(encoding="utf-8")

    def change(self, old: str, new: str, code: str = "kzn") -> None:
        """Change a text in the province's file."""
        text = self.toml(code)
        assert old in text
        self.write(text.replace(old, new), code)

    def files(self, code: str = "kzn") -> dict[str, bytes]:
        """What lies in the province's folder."""
        root = self.out / code
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def office(tmp_path: Path) -> Office:
    """An office with a province's file that is filled in, and nothing made yet."""
    office = Office(tmp_path / "provinces")
    office.out.mkdir()
    office.write(filled("example.toml", code="kzn"))
    return office
